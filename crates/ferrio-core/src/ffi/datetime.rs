//! The clock of the module `datetime`, for simulations.
//!
//! `datetime.now()`, `utcnow()` and `date.today()` ask the system themselves, and their classes can't be changed. So
//! [`replace`] puts functions of Ferrio's into the tables from which the interpreter calls the three. Everybody who has
//! the classes gets them, whatever the name. They stay for the life of the process: while [`switch`] has not turned the
//! clock on, they return what the interpreter's own functions do.
//!
//! Nothing of this is public in the interpreter, so everything is checked before it is changed: the kind, the name and
//! the calling convention of each function, and that the memory of its table may be written.

use super::class::guard;
use super::module::is_main_interpreter;
use super::sys::{self as py, guarded};
use super::with_gil::WithGil;
use super::{Object, Ptr, Result};
use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

// As those of the interpreter are called, which may end the thread.
type NoArguments = unsafe extern "C-unwind" fn(Ptr, Ptr) -> Ptr;
type WithKeywords = unsafe extern "C-unwind" fn(Ptr, *const Ptr, py::Py_ssize_t, Ptr) -> Ptr;

const NO_ARGUMENTS: c_int = py::METH_NOARGS | py::METH_CLASS;
const WITH_KEYWORDS: c_int = py::METH_FASTCALL | py::METH_KEYWORDS | py::METH_CLASS;

/// The interpreter's own functions, and what is asked while the clock is on.
struct Originals {
    now: WithKeywords,
    utcnow: NoArguments,
    today: NoArguments,
    hook: WithGil<Object>,
}

static ORIGINALS: OnceLock<Originals> = OnceLock::new();
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Has the hook asked, for `datetime.now`, `datetime.utcnow` and `date.today`, while the clock is on. It gets the
/// function's name, the class and what the interpreter's function has returned. It returns what takes its place, or None.
/// Returns whether the functions are replaced; not if they are not as expected.
pub fn replace(now: &Object, utcnow: &Object, today: &Object, hook: &Object) -> bool {
    if ORIGINALS.get().is_some() {
        return true;
    }
    let (Some(of_now), Some(of_utcnow), Some(of_today)) = (
        definition(now, c"now", WITH_KEYWORDS),
        definition(utcnow, c"utcnow", NO_ARGUMENTS),
        definition(today, c"today", NO_ARGUMENTS),
    ) else {
        return false;
    };
    // SAFETY: the definitions are static; the flags say which type each function has. The tables may be written, and only
    // with the GIL does anybody read them.
    unsafe {
        let originals = Originals {
            now: std::mem::transmute::<*mut c_void, WithKeywords>((*of_now).ml_meth.as_ptr()),
            utcnow: std::mem::transmute::<*mut c_void, NoArguments>((*of_utcnow).ml_meth.as_ptr()),
            today: std::mem::transmute::<*mut c_void, NoArguments>((*of_today).ml_meth.as_ptr()),
            hook: WithGil::new(hook.clone()),
        };
        if ORIGINALS.set(originals).is_ok() {
            (*of_now).ml_meth = py::PyMethodDefPointer { PyCFunctionFastWithKeywords: now_or_hook };
            (*of_utcnow).ml_meth = py::PyMethodDefPointer { PyCFunction: utcnow_or_hook };
            (*of_today).ml_meth = py::PyMethodDefPointer { PyCFunction: today_or_hook };
        }
    }
    true
}

/// Turns the clock on or off.
pub fn switch(is_on: bool) {
    IS_ON.store(is_on, Ordering::Relaxed);
}

/// The entry of a function in its class's table, if it is the one that is expected.
fn definition(function: &Object, name: &CStr, flags: c_int) -> Option<*mut py::PyMethodDef> {
    // SAFETY: a live object; one of exactly this class has the struct, and its definition is static.
    unsafe {
        if py::PyCFunction_CheckExact(function.as_ptr()) == 0 {
            return None;
        }
        let definition = (*function.as_ptr().cast::<py::PyCFunctionObject>()).m_ml;
        let is_it = (*definition).ml_flags == flags && CStr::from_ptr((*definition).ml_name) == name;
        (is_it && is_writable(definition as usize)).then_some(definition)
    }
}

/// Whether memory may be written, as the system says.
fn is_writable(address: usize) -> bool {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return false };
    maps.lines().any(|line| {
        let mut words = line.split_whitespace();
        let (Some((from, to)), Some(allowed)) =
            (words.next().and_then(|range| range.split_once('-')), words.next())
        else {
            return false;
        };
        let number = |text| usize::from_str_radix(text, 16).unwrap_or(0);
        (number(from)..number(to)).contains(&address) && allowed.contains('w')
    })
}

unsafe extern "C" fn now_or_hook(class: Ptr, arguments: *const Ptr, count: py::Py_ssize_t, names: Ptr) -> Ptr {
    // SAFETY: the interpreter passes what the convention says.
    call("now", class, |originals| unsafe { (originals.now)(class, arguments, count, names) })
}

unsafe extern "C" fn utcnow_or_hook(class: Ptr, nothing: Ptr) -> Ptr {
    // SAFETY: as above.
    call("utcnow", class, |originals| unsafe { (originals.utcnow)(class, nothing) })
}

unsafe extern "C" fn today_or_hook(class: Ptr, nothing: Ptr) -> Ptr {
    // SAFETY: as above.
    call("today", class, |originals| unsafe { (originals.today)(class, nothing) })
}

/// Calls the interpreter's own function, which checks the arguments, and then the hook if the clock is on.
fn call(name: &str, class: Ptr, original: impl FnOnce(&Originals) -> Ptr) -> Ptr {
    let Some(originals) = ORIGINALS.get() else { return ptr::null_mut() };
    let result = guarded(|| original(originals));
    // Other interpreters of the process have the same tables, and must not get objects of this one.
    if result.is_null() || !IS_ON.load(Ordering::Relaxed) || !is_main_interpreter() {
        return result;
    }
    guard(ptr::null_mut(), || changed(originals, name, class, result).map(Object::into_ptr))
}

fn changed(originals: &Originals, name: &str, class: Ptr, result: Ptr) -> Result {
    // SAFETY: a new reference; the class is alive during the call.
    let (moment, class) = unsafe { (Object::owned(result)?, Object::borrowed(class)) };
    let other = originals.hook.get().call(&[&Object::str(name)?, &class, &moment])?;
    Ok(if other.is_none() { moment } else { other })
}
