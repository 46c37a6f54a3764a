//! What this folder adds to the module and to the loop.

use super::{Gathering, Task, completions, create, gather, shield, sleep, waiting};
use crate::ffi::class::{Method, make_derived_type, make_type, module_function};
use crate::ffi::module::Module;
use crate::ffi::{Own, Result};
use crate::futures::Future;
use crate::loop_::guest::set_context_of;
use crate::loop_::simulation;
use crate::stdlib;

pub use super::create::loop_methods;

/// The functions of the module.
pub fn functions() -> Vec<Method> {
    vec![
        module_function(
            c"all_tasks",
            |_| super::registry::all(),
            c"all_tasks()\n--\n\nReturn every task of Ferrio's own that is not done, of any loop; those of a thread oldest first.",
        ),
        module_function(
            c"share_tasks",
            |_| super::layout::share(),
            c"share_tasks()\n--\n\nHave the interpreter see Ferrio's tasks, from 3.14 on. Return None, or why it can't.",
        ),
        sleep::set_result_unless_cancelled(),
        waiting::release_waiter(),
    ]
}

/// Adds the classes, and the functions that replace asyncio's.
pub fn register(module: &Module) -> Result<()> {
    set_context_of(|object| Own::<Task>::downcast(object).map(|task| task.context.get_or_none()));
    simulation::TASK_STATE
        .get_or_init(|| |object| Own::<Task>::downcast(object).map(|task| task.future.is_done()));
    // A task that is pending at the end of the interpreter is reported when nothing can be imported any more.
    stdlib::TASK_REPR_INFO.get()?;
    create::remember_original()?;
    shield::remember_original()?;
    waiting::remember_original()?;
    completions::remember_original()?;
    module.add(c"Task", &make_derived_type::<Task, Future>()?)?;
    make_derived_type::<Gathering, Future>()?;
    make_type::<waiting::WaitObserver>()?;
    make_type::<completions::Completions>()?;
    module.add_all([
        create::definition(),
        gather::definition(),
        shield::definition(),
        sleep::definition(),
        waiting::definition(),
    ])?;
    // Earlier interpreters have a generator, which is not replaced.
    if crate::compat::AS_COMPLETED_IS_ASYNC_ITERABLE {
        module.add_all([completions::definition()])?;
    }
    Ok(())
}
