//! Tells the code which interpreter it is compiled for, by `cfg(Py_3_12)` and the like, and what its version is.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    println!("cargo:rustc-env=FERRIO_VERSION={}", python_version(env!("CARGO_PKG_VERSION")));
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

/// Cargo's version as Python's packages write it: `1.2.0-rc.1` is `1.2.0rc1`.
fn python_version(version: &str) -> String {
    let (release, pre) = version.split_once('-').unwrap_or((version, ""));
    let pre = pre.replace("alpha", "a").replace("beta", "b").replace('.', "");
    format!("{release}{pre}")
}
