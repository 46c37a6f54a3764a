//! The C API: the declarations of pyo3-ffi, and guarded versions of the functions that may end the thread.
//!
//! At the end of the interpreter, a daemon thread that wants the GIL does not get it. Up to 3.13, the interpreter then
//! calls `pthread_exit`, which unwinds the thread's stack. Only a panic may unwind frames of Rust; otherwise the
//! process aborts. The unwinding would also drop references without the GIL. From 3.14 on, the interpreter makes the
//! thread hang instead.
//!
//! So each function that may release the GIL is called through a guard here: when the stack is unwound through the
//! call, the guard makes the thread wait for the end of the process, as 3.14 does. Nearly every function may: functions
//! that call Python code, functions that drop a reference (a finaliser is Python code), and up to 3.11 functions that
//! make an object which the garbage collector tracks (it may collect at that moment). Every function that may do any of
//! this is declared here, and has one guard for all of its callers: a function of C, out of which nothing unwinds. A guard
//! in each caller makes the extension a tenth larger. A call that returns pays for one more call.
//!
//! Nothing else in the crate may name pyo3-ffi; `tests/test_layers.py` checks this.

#![allow(non_snake_case)]

pub use pyo3_ffi::*;

use std::ffi::{c_char, c_int};

/// When it is dropped, the thread waits for the end of the process. Only an unwinding drops it.
#[cfg(not(Py_3_14))]
struct HangThread;

#[cfg(not(Py_3_14))]
impl Drop for HangThread {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// Calls a function of another library, in which Python code may run.
#[inline(always)]
pub fn guarded<T>(call: impl FnOnce() -> T) -> T {
    #[cfg(not(Py_3_14))]
    let guard = HangThread;
    let result = call();
    #[cfg(not(Py_3_14))]
    std::mem::forget(guard);
    result
}

/// Declares functions of the C API that may release the GIL.
macro_rules! may_end_thread {
    ($($(#[$attribute:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        mod raw {
            use super::*;

            #[cfg(not(Py_3_14))]
            unsafe extern "C-unwind" {
                $($(#[$attribute])* pub fn $name($($argument: $type),*) $(-> $result)?;)*
            }

            #[cfg(Py_3_14)]
            unsafe extern "C" {
                $($(#[$attribute])* pub fn $name($($argument: $type),*) $(-> $result)?;)*
            }
        }
        $(
            /// See the C API's documentation.
            ///
            /// # Safety
            /// That of the C API's documentation; the GIL is held.
            $(#[$attribute])*
            #[inline(always)]
            #[cfg(Py_3_14)]
            pub unsafe fn $name($($argument: $type),*) $(-> $result)? {
                // SAFETY: the caller's promise.
                unsafe { raw::$name($($argument),*) }
            }

            /// See the C API's documentation.
            ///
            /// # Safety
            /// That of the C API's documentation; the GIL is held.
            $(#[$attribute])*
            #[inline(never)]
            #[cfg(not(Py_3_14))]
            pub unsafe extern "C" fn $name($($argument: $type),*) $(-> $result)? {
                let guard = HangThread;
                // SAFETY: the caller's promise.
                let result = unsafe { raw::$name($($argument),*) };
                std::mem::forget(guard);
                result
            }
        )*
    };
}

type Op = *mut PyObject;

may_end_thread! {
    // Objects.
    fn _Py_Dealloc(object: Op);
    #[cfg(any(Py_GIL_DISABLED, py_sys_config = "Py_REF_DEBUG"))]
    fn Py_DecRef(object: Op);
    fn Py_GenericAlias(class: Op, arguments: Op) -> Op;
    fn PyObject_CallFinalizerFromDealloc(object: Op) -> c_int;
    fn PyObject_ClearWeakRefs(object: Op);
    fn PyObject_GenericGetAttr(object: Op, name: Op) -> Op;
    fn PyObject_GenericSetAttr(object: Op, name: Op, value: Op) -> c_int;
    fn PyObject_GenericGetDict(object: Op, closure: *mut std::ffi::c_void) -> Op;
    fn PyObject_GetAttr(object: Op, name: Op) -> Op;
    fn PyObject_GetAttrString(object: Op, name: *const c_char) -> Op;
    fn PyObject_Hash(object: Op) -> Py_hash_t;
    fn PyObject_IsInstance(object: Op, class: Op) -> c_int;
    fn PyObject_IsTrue(object: Op) -> c_int;
    fn PyObject_Repr(object: Op) -> Op;
    fn PyObject_RichCompareBool(left: Op, right: Op, operation: c_int) -> c_int;
    fn PyObject_SetAttr(object: Op, name: Op, value: Op) -> c_int;
    fn PyObject_SetAttrString(object: Op, name: *const c_char, value: Op) -> c_int;
    fn PyObject_Size(object: Op) -> Py_ssize_t;
    fn PyObject_Str(object: Op) -> Op;
    fn _PyObject_GC_New(class: *mut PyTypeObject) -> Op;
    fn PyType_FromSpec(spec: *mut PyType_Spec) -> Op;
    fn PyType_FromSpecWithBases(spec: *mut PyType_Spec, bases: Op) -> Op;

    // Calls.
    fn PyIter_Send(iterator: Op, argument: Op, result: *mut Op) -> PySendResult;
    fn PyObject_Call(callable: Op, arguments: Op, keywords: Op) -> Op;
    fn PyObject_CallNoArgs(callable: Op) -> Op;
    fn PyObject_CallOneArg(callable: Op, argument: Op) -> Op;
    fn PyObject_CallObject(callable: Op, arguments: Op) -> Op;
    fn PyObject_Vectorcall(callable: Op, arguments: *const Op, count: usize, names: Op) -> Op;
    fn PyObject_VectorcallMethod(name: Op, arguments: *const Op, count: usize, names: Op) -> Op;
    fn PyCFunction_NewEx(definition: *mut PyMethodDef, instance: Op, module: Op) -> Op;
    fn PyMethod_New(function: Op, instance: Op) -> Op;

    // Numbers, text and bytes.
    fn PyFloat_AsDouble(object: Op) -> f64;
    fn PyLong_AsLongLong(object: Op) -> i64;
    fn PyNumber_Add(left: Op, right: Op) -> Op;
    fn PyNumber_Long(object: Op) -> Op;
    fn PyUnicode_AsUTF8AndSize(text: Op, length: *mut Py_ssize_t) -> *const c_char;
    fn PyUnicode_AsEncodedString(text: Op, encoding: *const c_char, errors: *const c_char) -> Op;
    fn PyUnicode_DecodeFSDefaultAndSize(text: *const c_char, length: Py_ssize_t) -> Op;
    fn PyUnicode_Join(separator: Op, items: Op) -> Op;
    fn _PyBytes_Resize(bytes: *mut Op, size: Py_ssize_t) -> c_int;
    fn PyByteArray_Resize(array: Op, size: Py_ssize_t) -> c_int;
    fn PyByteArray_FromStringAndSize(bytes: *const c_char, size: Py_ssize_t) -> Op;
    fn PyObject_GetBuffer(object: Op, view: *mut Py_buffer, flags: c_int) -> c_int;
    fn PyBuffer_Release(view: *mut Py_buffer);

    // Containers.
    fn PyDict_Contains(dict: Op, key: Op) -> c_int;
    fn PyDict_DelItem(dict: Op, key: Op) -> c_int;
    fn PyDict_GetItemWithError(dict: Op, key: Op) -> Op;
    fn PyDict_New() -> Op;
    fn PyDict_SetItem(dict: Op, key: Op, value: Op) -> c_int;
    fn PyDict_Update(dict: Op, other: Op) -> c_int;
    fn PyFrozenSet_New(items: Op) -> Op;
    fn PyList_Append(list: Op, item: Op) -> c_int;
    fn PyList_New(length: Py_ssize_t) -> Op;
    fn PySequence_DelSlice(sequence: Op, start: Py_ssize_t, end: Py_ssize_t) -> c_int;
    fn PySequence_GetItem(sequence: Op, index: Py_ssize_t) -> Op;
    fn PySequence_List(items: Op) -> Op;
    fn PySequence_SetItem(sequence: Op, index: Py_ssize_t, item: Op) -> c_int;
    fn PySequence_Tuple(items: Op) -> Op;
    fn PySet_Add(set: Op, item: Op) -> c_int;
    fn PySet_Clear(set: Op) -> c_int;
    fn PySet_Discard(set: Op, item: Op) -> c_int;
    fn PySet_New(items: Op) -> Op;
    fn PyTuple_New(length: Py_ssize_t) -> Op;

    // Errors.
    fn PyErr_CheckSignals() -> c_int;
    fn PyErr_GetHandledException() -> Op;
    fn PyErr_SetHandledException(exception: Op);
    fn PyErr_Clear();
    fn PyErr_ExceptionMatches(class: Op) -> c_int;
    fn PyErr_GivenExceptionMatches(exception: Op, class: Op) -> c_int;
    #[cfg(not(Py_3_12))]
    fn PyErr_NormalizeException(class: *mut Op, value: *mut Op, traceback: *mut Op);
    #[cfg(not(Py_3_12))]
    fn PyErr_Restore(class: Op, value: Op, traceback: Op);
    #[cfg(Py_3_12)]
    fn PyErr_SetRaisedException(exception: Op);
    fn PyErr_SetObject(class: Op, value: Op);
    fn PyErr_WarnEx(category: Op, message: *const c_char, level: Py_ssize_t) -> c_int;
    fn PyErr_WriteUnraisable(place: Op);
    fn PyException_SetCause(exception: Op, cause: Op);
    fn PyException_SetContext(exception: Op, context: Op);
    fn PyEval_GetFrame() -> *mut PyFrameObject;
    fn PyTraceBack_Here(frame: *mut PyFrameObject) -> c_int;
    fn PyException_SetTraceback(exception: Op, traceback: Op) -> c_int;

    fn Py_EnterRecursiveCall(place: *const c_char) -> c_int;

    // Contexts, modules, weak references.
    fn PyWeakref_NewRef(object: Op, callback: Op) -> Op;
    fn PyContext_New() -> Op;
    fn PyContextVar_New(name: *const c_char, default: Op) -> Op;
    fn PyContextVar_Set(variable: Op, value: Op) -> Op;
    fn PyContext_Copy(context: Op) -> Op;
    fn PyContext_CopyCurrent() -> Op;
    fn PyContext_Enter(context: Op) -> c_int;
    fn PyContext_Exit(context: Op) -> c_int;
    fn PyImport_ImportModule(name: *const c_char) -> Op;
    fn PyModule_AddObjectRef(module: Op, name: *const c_char, object: Op) -> c_int;
}

/// Drops a reference.
///
/// # Safety
/// The caller owns the reference and gives it up; the GIL is held.
#[inline(always)]
pub unsafe fn Py_DECREF(object: Op) {
    #[cfg(any(Py_GIL_DISABLED, py_sys_config = "Py_REF_DEBUG"))]
    // SAFETY: the caller's promise.
    unsafe {
        Py_DecRef(object);
    }
    // SAFETY: the caller's promise. The count changes in the same way as by the interpreter's own macro.
    #[cfg(not(any(Py_GIL_DISABLED, py_sys_config = "Py_REF_DEBUG")))]
    unsafe {
        #[cfg(Py_3_14)]
        let count = &mut (*object).ob_refcnt.refcnt_and_flags.ob_refcnt;
        #[cfg(all(Py_3_12, not(Py_3_14)))]
        let count = &mut (*object).ob_refcnt.ob_refcnt;
        #[cfg(not(Py_3_12))]
        let count = &mut (*object).ob_refcnt;
        if cfg!(Py_3_12) && (*count as i32) < 0 {
            // It is immortal.
            return;
        }
        *count -= 1;
        if *count == 0 {
            _Py_Dealloc(object);
        }
    }
}

#[cfg(not(Py_3_12))]
/// Drops a reference, if there is one.
///
/// # Safety
/// That of [`Py_DECREF`].
#[inline(always)]
pub unsafe fn Py_XDECREF(object: Op) {
    if !object.is_null() {
        // SAFETY: the caller's promise.
        unsafe { Py_DECREF(object) }
    }
}
