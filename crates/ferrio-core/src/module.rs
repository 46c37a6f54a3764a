//! The module object.

use crate::coroutines::{Awaiter, Coroutine, Counterpart, CounterpartDefinition, Frame, Inner};
use crate::ffi::class::{make_type, module_function};
use crate::ffi::{Args, Class, Import, Object, Own, Ptr, Raised, Result};
use crate::futures::completions::Completions;
use crate::futures::waiting::Waiting;
use crate::futures::{self, Future, FutureIterator, Gathering};
use crate::handles::{Handle, TimerHandle};
use crate::loop_::Loop;
use crate::queues::{self, Queue};
use crate::streams::{StreamProtocol, StreamReader, StreamWriter};
use crate::sync::{self, Barrier, Condition, Event, Lock, Semaphore};
use crate::taskgroups::{self, TaskGroup};
use crate::tasks::{self, Task};
use crate::threads::{self, calls::CallQueue};
use crate::timeouts::{self, Timeout};
use crate::tls::TlsProtocol;
use crate::transports::{DatagramTransport, Listener, ReadPipeTransport, SocketTransport, WritePipeTransport};
use pyo3_ffi as py;
use std::ffi::{CStr, c_int, c_void};
use std::ptr;

fn add(module: Ptr, name: &CStr, object: &Object) -> Result<()> {
    // SAFETY: live objects.
    let status = unsafe { py::PyModule_AddObjectRef(module, name.as_ptr(), object.as_ptr()) };
    if status < 0 { Err(Raised) } else { Ok(()) }
}

fn fill(module: Ptr) -> Result<()> {
    make_type::<Counterpart>(None)?;
    make_type::<Coroutine>(None)?;
    make_type::<Frame>(None)?;
    make_type::<Inner>(None)?;
    make_type::<Awaiter>(None)?;
    tasks::create::remember_original()?;
    futures::shield::remember_original()?;
    threads::remember_original()?;
    futures::waiting::remember_original()?;
    futures::completions::remember_original()?;
    for definition in counterparts() {
        add(module, definition.name, &definition.make()?)?;
    }
    add(module, c"Handle", &make_type::<Handle>(None)?)?;
    add(module, c"TimerHandle", &make_type::<TimerHandle>(Some(Handle::type_cell().get()))?)?;
    add(module, c"Future", &make_type::<Future>(None)?)?;
    add(module, c"Task", &make_type::<Task>(Some(Future::type_cell().get()))?)?;
    make_type::<Gathering>(Some(Future::type_cell().get()))?;
    make_type::<FutureIterator>(None)?;
    make_type::<Waiting>(None)?;
    make_type::<Completions>(None)?;
    add(module, c"Loop", &make_type::<Loop>(None)?)?;
    add(module, c"SocketTransport", &make_type::<SocketTransport>(None)?)?;
    add(module, c"DatagramTransport", &make_type::<DatagramTransport>(None)?)?;
    add(module, c"ReadPipeTransport", &make_type::<ReadPipeTransport>(None)?)?;
    add(module, c"WritePipeTransport", &make_type::<WritePipeTransport>(None)?)?;
    add(module, c"Lock", &make_type::<Lock>(None)?)?;
    add(module, c"Event", &make_type::<Event>(None)?)?;
    sync::remember_original()?;
    add(module, c"Condition", &make_type::<Condition>(None)?)?;
    add(module, c"Barrier", &make_type::<Barrier>(None)?)?;
    add(module, c"Semaphore", &make_type::<Semaphore>(None)?)?;
    queues::remember_originals()?;
    taskgroups::remember_original()?;
    add(module, c"Queue", &make_type::<Queue>(None)?)?;
    add(module, c"StreamReader", &make_type::<StreamReader>(None)?)?;
    add(module, c"StreamProtocol", &make_type::<StreamProtocol>(None)?)?;
    add(module, c"StreamWriter", &make_type::<StreamWriter>(None)?)?;
    add(module, c"TaskGroup", &make_type::<TaskGroup>(None)?)?;
    add(module, c"Timeout", &make_type::<Timeout>(None)?)?;
    add(module, c"TlsProtocol", &make_type::<TlsProtocol>(None)?)?;
    add(module, c"CallQueue", &make_type::<CallQueue>(None)?)?;
    add(module, c"Listener", &make_type::<Listener>(None)?)?;
    Ok(())
}

/// The functions that stand for asyncio's.
fn counterparts() -> Vec<CounterpartDefinition> {
    let mut definitions = vec![
        tasks::create::definition(),
        tasks::sleep::definition(),
        futures::waiting::definition(),
        futures::shield::definition(),
    ];
    definitions.extend(timeouts::definitions());
    definitions.extend(threads::definitions());
    // Earlier interpreters' are of another kind, and stay.
    if cfg!(Py_3_12) {
        definitions.push(timeouts::wait_for::definition());
    }
    if cfg!(Py_3_13) {
        definitions.push(futures::completions::definition());
    }
    definitions
}

static ADD_TO_AWAITED_BY: Import = Import::new(c"_asyncio", c"future_add_to_awaited_by");
static DISCARD_FROM_AWAITED_BY: Import = Import::new(c"_asyncio", c"future_discard_from_awaited_by");

/// Applies a change to the awaiters of a future of Ferrio's; other futures are left to asyncio's function.
fn awaiters(args: &Args<'_>, change: fn(&Own<Future>, &Object) -> Result<()>, original: &Import) -> Result {
    let [future, waiter] = args.positional() else {
        return Err(crate::ffi::error::type_error("a future and its waiter are expected"));
    };
    match (Own::<Future>::downcast(future), Own::<Future>::downcast(waiter)) {
        (Some(future), Some(_)) => change(future, waiter).map(|()| Object::none()),
        _ => original.get()?.call(&[future, waiter]),
    }
}

unsafe extern "C" fn execute(module: Ptr) -> c_int {
    // The classes are kept in statics: one interpreter, one import.
    // SAFETY: the GIL is held.
    let is_main = unsafe { py::PyInterpreterState_Get() == py::PyInterpreterState_Main() };
    if !is_main || !Loop::type_cell().get().is_null() {
        let _: Raised = crate::ffi::error::raise_imported(
            &crate::ffi::Import::new(c"builtins", c"ImportError"),
            "ferrio._core can be imported once, in the main interpreter",
        );
        return -1;
    }
    fill(module).map_or(-1, |()| 0)
}

/// The entry point of the extension module.
///
/// # Safety
/// Called by the interpreter alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit__core() -> Ptr {
    let methods = vec![
        module_function(
            c"all_tasks",
            |_| tasks::registry::all(),
            c"all_tasks()\n--\n\nReturn every task of Ferrio's own that is not done, of any loop, oldest first.",
        ),
        module_function(
            c"future_add_to_awaited_by",
            |args| awaiters(args, Own::<Future>::add_awaiter, &ADD_TO_AWAITED_BY),
            c"future_add_to_awaited_by(fut, waiter, /)\n--\n\nWrite down that a future is awaited by another.",
        ),
        module_function(
            c"future_discard_from_awaited_by",
            |args| awaiters(args, Own::<Future>::discard_awaiter, &DISCARD_FROM_AWAITED_BY),
            c"future_discard_from_awaited_by(fut, waiter, /)\n--\n\nWrite down that a future is awaited no more.",
        ),
        tasks::sleep::set_result_unless_cancelled(),
        futures::gather::definition(),
        futures::waiting::release_waiter(),
        threads::set_state_definition(),
        py::PyMethodDef::zeroed(),
    ];
    let mut slots = vec![py::PyModuleDef_Slot { slot: py::Py_mod_exec, value: execute as *mut c_void }];
    #[cfg(Py_3_12)]
    slots.push(py::PyModuleDef_Slot {
        slot: py::Py_mod_multiple_interpreters,
        value: py::Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED,
    });
    slots.push(py::PyModuleDef_Slot { slot: 0, value: ptr::null_mut() });
    let definition = Box::leak(Box::new(py::PyModuleDef {
        m_base: py::PyModuleDef_HEAD_INIT,
        m_name: c"ferrio._core".as_ptr(),
        m_doc: c"Ferrio's hot paths, in Rust.".as_ptr(),
        m_size: 0,
        m_methods: Box::leak(methods.into_boxed_slice()).as_mut_ptr(),
        m_slots: Box::leak(slots.into_boxed_slice()).as_mut_ptr(),
        m_traverse: None,
        m_clear: None,
        m_free: None,
    }));
    // SAFETY: the definition lives for ever.
    unsafe { py::PyModuleDef_Init(definition) }
}
