//! The module object.

use crate::compat;
use crate::coroutines::{Awaiter, Coroutine, Counterpart, CounterpartDefinition, Frame, Inner};
use crate::ffi::class::{make_derived_type, make_type, module_function};
use crate::ffi::error::{Builtin, raise, type_error};
use crate::ffi::module::{Module, ModuleDefinition};
use crate::ffi::{Args, Import, Object, Own, Result};
use crate::futures::completions::Completions;
use crate::futures::waiting::Waiting;
use crate::futures::{self, Future, FutureIterator, Gathering};
use crate::handles::{Handle, TimerHandle};
use crate::loop_::Loop;
use crate::queues::{self, Queue};
use crate::stdlib::{ADD_TO_AWAITED_BY, DISCARD_FROM_AWAITED_BY};
use crate::streams::{StreamProtocol, StreamReader, StreamWriter};
use crate::sync::{self, Barrier, Condition, Event, Lock, Semaphore};
use crate::taskgroups::{self, TaskGroup};
use crate::tasks::{self, Task};
use crate::threads::{self, calls::CallQueue};
use crate::timeouts::{self, Timeout};
use crate::tls::TlsProtocol;
use crate::transports::{DatagramTransport, Listener, ReadPipeTransport, SocketTransport, WritePipeTransport};

/// Fills the module. The classes are kept in statics: one interpreter, one import.
fn fill(module: &Module) -> Result<()> {
    if !module.is_in_main_interpreter() || Own::<Loop>::class_is_made() {
        return Err(raise(Builtin::Import, "ferrio._core can be imported once, in the main interpreter"));
    }
    make_type::<Counterpart>()?;
    make_type::<Coroutine>()?;
    make_type::<Frame>()?;
    make_type::<Inner>()?;
    make_type::<Awaiter>()?;
    tasks::create::remember_original()?;
    futures::shield::remember_original()?;
    threads::remember_original()?;
    futures::waiting::remember_original()?;
    futures::completions::remember_original()?;
    for definition in counterparts() {
        module.add(definition.name, &(definition.make)()?)?;
    }
    module.add(c"Handle", &make_type::<Handle>()?)?;
    module.add(c"TimerHandle", &make_derived_type::<TimerHandle, Handle>()?)?;
    module.add(c"Future", &make_type::<Future>()?)?;
    module.add(c"Task", &make_derived_type::<Task, Future>()?)?;
    make_derived_type::<Gathering, Future>()?;
    make_type::<FutureIterator>()?;
    make_type::<Waiting>()?;
    make_type::<Completions>()?;
    module.add(c"Loop", &make_type::<Loop>()?)?;
    module.add(c"SocketTransport", &make_type::<SocketTransport>()?)?;
    module.add(c"DatagramTransport", &make_type::<DatagramTransport>()?)?;
    module.add(c"ReadPipeTransport", &make_type::<ReadPipeTransport>()?)?;
    module.add(c"WritePipeTransport", &make_type::<WritePipeTransport>()?)?;
    module.add(c"Lock", &make_type::<Lock>()?)?;
    module.add(c"Event", &make_type::<Event>()?)?;
    sync::remember_original()?;
    module.add(c"Condition", &make_type::<Condition>()?)?;
    module.add(c"Barrier", &make_type::<Barrier>()?)?;
    module.add(c"Semaphore", &make_type::<Semaphore>()?)?;
    queues::remember_originals()?;
    taskgroups::remember_original()?;
    module.add(c"Queue", &make_type::<Queue>()?)?;
    module.add(c"StreamReader", &make_type::<StreamReader>()?)?;
    module.add(c"StreamProtocol", &make_type::<StreamProtocol>()?)?;
    module.add(c"StreamWriter", &make_type::<StreamWriter>()?)?;
    module.add(c"TaskGroup", &make_type::<TaskGroup>()?)?;
    module.add(c"Timeout", &make_type::<Timeout>()?)?;
    module.add(c"TlsProtocol", &make_type::<TlsProtocol>()?)?;
    module.add(c"CallQueue", &make_type::<CallQueue>()?)?;
    module.add(c"Listener", &make_type::<Listener>()?)?;
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
    if compat::WAIT_FOR_USES_TIMEOUT {
        definitions.push(timeouts::wait_for::definition());
    }
    if compat::AS_COMPLETED_IS_ASYNC_ITERABLE {
        definitions.push(futures::completions::definition());
    }
    definitions
}

/// Applies a change to the awaiters of a future of Ferrio's; other futures are left to asyncio's function.
fn awaiters(
    args: &Args<'_>,
    change: fn(&Own<Future>, &Object) -> Result<()>,
    original: &'static Import,
) -> Result {
    let [future, waiter] = args.positional() else {
        return Err(type_error("a future and its waiter are expected"));
    };
    match (Own::<Future>::downcast(future), Own::<Future>::downcast(waiter)) {
        (Some(future), Some(_)) => change(future, waiter).map(|()| Object::none()),
        _ => original.get()?.call(&[future, waiter]),
    }
}

/// What the interpreter is told of the module when it is imported.
pub fn definition() -> ModuleDefinition {
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
    ];
    ModuleDefinition { name: c"ferrio._core", doc: c"Ferrio's hot paths, in Rust.", methods, fill }
}
