//! Tells the code which interpreter it is compiled for, as `cfg(Py_3_12)` and its kin.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
