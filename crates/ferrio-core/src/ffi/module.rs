//! The extension module for the interpreter.

use super::class::{Definition, Method};
use super::error::{Builtin, raise};
use super::sys as py;
use super::version;
use super::{Import, Object, Ptr, Raised, Result};
use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

/// What the interpreter needs to make a module.
pub struct ModuleDefinition {
    pub name: &'static CStr,
    pub doc: &'static CStr,
    pub methods: Vec<Method>,
    /// Adds everything else to the new module.
    pub fill: fn(&Module) -> Result<()>,
}

/// The module while it is being filled.
pub struct Module(Object);

impl Module {
    /// Adds an object under a name.
    pub fn add(&self, name: &CStr, object: &Object) -> Result<()> {
        // SAFETY: a module, a C string and a live object.
        unsafe { Raised::check(py::PyModule_AddObjectRef(self.0.as_ptr(), name.as_ptr(), object.as_ptr())) }
    }

    /// Makes objects and adds them.
    pub fn add_all(&self, definitions: impl IntoIterator<Item = Definition>) -> Result<()> {
        definitions.into_iter().try_for_each(|definition| self.add(definition.name, &(definition.make)()?))
    }

    /// Whether the main interpreter imports the module.
    pub fn is_in_main_interpreter(&self) -> bool {
        is_main_interpreter()
    }
}

/// Whether this thread runs in the main interpreter.
pub fn is_main_interpreter() -> bool {
    // SAFETY: the GIL is held.
    unsafe { py::PyInterpreterState_Get() == py::PyInterpreterState_Main() }
}

/// `ImportError` if threads run Python code at the same time, because everything here relies on the GIL.
///
/// A free-threaded interpreter enables the GIL for a module that does not declare support for running without it,
/// unless the user has forbidden that (`PYTHON_GIL=0`).
fn check_gil() -> Result<()> {
    static IS_GIL_ENABLED: Import = Import::new(c"sys", c"_is_gil_enabled");
    if cfg!(Py_GIL_DISABLED) && !IS_GIL_ENABLED.get()?.call0()?.is_true()? {
        return Err(raise(
            Builtin::Import,
            "ferrio needs the GIL, and this interpreter runs without it: leave PYTHON_GIL=0 and -X gil=0 out",
        ));
    }
    Ok(())
}

unsafe extern "C" fn execute(module: Ptr) -> c_int {
    super::class::guard(-1, || {
        // SAFETY: the interpreter passes the module that it has made.
        let module = Module(unsafe { Object::borrowed(module) });
        check_gil()?;
        FILL.get().map_or(Ok(()), |fill| fill(&module)).map(|()| 0)
    })
}

/// Declares the entry point of the extension module; `$definition` is a function that returns its definition.
macro_rules! entry_point {
    ($definition:path) => {
        /// The entry point of the extension module.
        ///
        /// # Safety
        /// Only the interpreter calls it, with the GIL.
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn PyInit__core() -> $crate::ffi::Ptr {
            $crate::ffi::module::initialize($definition())
        }
    };
}
pub(crate) use entry_point;

/// What fills the module.
static FILL: OnceLock<fn(&Module) -> Result<()>> = OnceLock::new();

/// The result of the entry point.
pub fn initialize(definition: ModuleDefinition) -> Ptr {
    let ModuleDefinition { name, doc, mut methods, fill } = definition;
    FILL.get_or_init(|| fill);
    #[cfg(debug_assertions)]
    methods.push(super::class::live::definition());
    methods.push(Method::zeroed());
    let mut slots = vec![py::PyModuleDef_Slot { slot: py::Py_mod_exec, value: execute as *mut c_void }];
    slots.extend(version::main_interpreter_only());
    slots.push(py::PyModuleDef_Slot { slot: 0, value: ptr::null_mut() });
    let definition = Box::leak(Box::new(py::PyModuleDef {
        m_base: py::PyModuleDef_HEAD_INIT,
        m_name: name.as_ptr(),
        m_doc: doc.as_ptr(),
        m_size: 0,
        m_methods: Box::leak(methods.into_boxed_slice()).as_mut_ptr(),
        m_slots: Box::leak(slots.into_boxed_slice()).as_mut_ptr(),
        m_traverse: None,
        m_clear: None,
        m_free: None,
    }));
    // SAFETY: the definition is never freed.
    unsafe { py::PyModuleDef_Init(definition) }
}
