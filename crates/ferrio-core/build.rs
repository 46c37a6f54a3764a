//! Tells the code which interpreter it is compiled for, as `cfg(Py_3_12)` and the like.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    // The extension is loaded by the interpreter. A test program embeds one: scripts/embedded says which.
    println!("cargo:rerun-if-env-changed=FERRIO_LIBPYTHON");
    if let Ok(folder_and_name) = std::env::var("FERRIO_LIBPYTHON")
        && let Some((folder, name)) = folder_and_name.rsplit_once(':')
    {
        println!("cargo:rustc-link-search=native={folder}");
        println!("cargo:rustc-link-lib=dylib={name}");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
