//! `create_task()`.

use crate::coroutines::{CounterpartDefinition, counterpart_function};
use crate::ffi::{Args, Own, Result};
use crate::loop_::Loop;
use crate::stdlib::{ASYNCIO_CREATE_TASK as ORIGINAL, TASKS};

/// Finds asyncio's function while it still stands under its name.
pub fn remember_original() -> Result<()> {
    ORIGINAL.get().map(drop)
}

/// The function.
pub fn definition() -> CounterpartDefinition {
    counterpart_function(
        c"create_task",
        |args: &Args<'_>| {
            let running = crate::loop_::running()?;
            // In debug mode the place where a task was made tells of asyncio's function too.
            match Own::<Loop>::downcast(&running) {
                Some(own) if own.makes_own_tasks()? && takes(args)? && !own.is_debug() => own.create_task(args),
                _ => ORIGINAL.get()?.call_dict(&args.positional_tuple()?, &args.keywords_dict()?),
            }
        },
        &TASKS,
    )
}

/// Whether the arguments are those that every interpreter's function takes.
fn takes(args: &Args<'_>) -> Result<bool> {
    for (name, _) in args.keywords() {
        let name = name.to_text()?;
        if name != "name" && name != "context" {
            return Ok(false);
        }
    }
    Ok(args.positional().len() == 1)
}
