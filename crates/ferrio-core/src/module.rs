//! The module object: what each folder adds to it, and to the class of the loop.

use crate::ffi::class::Additions;
use crate::ffi::error::{Builtin, raise};
use crate::ffi::module::{Module, ModuleDefinition, entry_point};
use crate::ffi::{Object, Own, Result};
use crate::loop_::Loop;
use crate::{
    coroutines, futures, handles, loop_, queues, sockets, streams, sync, taskgroups, tasks, threads, timeouts,
    tls, transports,
};

entry_point!(definition);

/// What the interpreter gets when it imports the module.
fn definition() -> ModuleDefinition {
    let methods = [
        loop_::simulation::functions(),
        coroutines::functions(),
        futures::functions(),
        tasks::functions(),
        sync::functions(),
        threads::functions(),
        tls::functions(),
    ]
    .concat();
    ModuleDefinition { name: c"ferrio._core", doc: c"Ferrio's hot paths, in Rust.", methods, fill }
}

/// Fills the module. It can be imported once, in one interpreter, because the classes are in statics.
fn fill(module: &Module) -> Result<()> {
    if !module.is_in_main_interpreter() || Own::<Loop>::class_is_made() {
        return Err(raise(Builtin::Import, "ferrio._core can be imported once, in the main interpreter"));
    }
    module.add(c"__version__", &Object::str(env!("FERRIO_VERSION"))?)?;
    // First, because each function that replaces one of asyncio's is an instance of a class of this folder.
    coroutines::register()?;
    handles::register(module)?;
    loop_::register(module, loop_additions())?;
    futures::register(module)?;
    tasks::register(module)?;
    sync::register(module)?;
    queues::register(module)?;
    timeouts::register(module)?;
    taskgroups::register(module)?;
    streams::register(module)?;
    threads::register(module)?;
    transports::register(module)?;
    tls::register(module)
}

/// The methods of the loop that create objects which the loop itself does not know.
fn loop_additions() -> Additions {
    Additions {
        methods: [futures::loop_methods(), tasks::loop_methods()].concat(),
        functions: sockets::loop_functions(),
    }
}
