//! What this folder adds to the module and to the loop.

use super::{Gathering, Task, completions, create, gather, shield, sleep, waiting};
use crate::ffi::class::{Method, make_derived_type, make_type, module_function};
use crate::ffi::module::Module;
use crate::ffi::{Own, Result};
use crate::futures::Future;
use crate::loop_::simulation;

pub use super::create::loop_methods;

/// The functions of the module.
pub fn functions() -> Vec<Method> {
    vec![
        module_function(
            c"all_tasks",
            |_| super::registry::all(),
            c"all_tasks()\n--\n\nReturn every task of Ferrio's own that is not done, of any loop, oldest first.",
        ),
        sleep::set_result_unless_cancelled(),
        gather::definition(),
        waiting::release_waiter(),
    ]
}

/// Adds the classes, and the functions that stand for asyncio's.
pub fn register(module: &Module) -> Result<()> {
    simulation::TASK_STATE
        .get_or_init(|| |object| Own::<Task>::downcast(object).map(|task| task.future.is_done()));
    create::remember_original()?;
    shield::remember_original()?;
    waiting::remember_original()?;
    completions::remember_original()?;
    module.add(c"Task", &make_derived_type::<Task, Future>()?)?;
    make_derived_type::<Gathering, Future>()?;
    make_type::<waiting::Waiting>()?;
    make_type::<completions::Completions>()?;
    module.add_all([create::definition(), sleep::definition(), waiting::definition(), shield::definition()])?;
    // Earlier interpreters' is of another kind, and stays.
    if crate::compat::AS_COMPLETED_IS_ASYNC_ITERABLE {
        module.add_all([completions::definition()])?;
    }
    Ok(())
}
