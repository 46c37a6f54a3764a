//! `create_task()` of the module and of the loop.

use super::{Options, Task};
use crate::compat;
use crate::coroutines::{AsyncioFunctionDefinition, asyncio_function};
use crate::ffi::class::{Method, method, method0, method1};
use crate::ffi::error::type_error;
use crate::ffi::{Args, Name, Object, Own, Result, Signature, dict};
use crate::futures::create::replaced;
use crate::loop_::{self, Loop};
use crate::stdlib;

static TASK: Name = Name::new(c"Task");

static CREATE_TASK: Signature = Signature {
    name: "create_task",
    parameters: compat::CREATE_TASK_PARAMETERS,
    positional: 1,
    required: 1,
    variadic: false,
};

/// Imports asyncio's function before `install()` replaces it.
pub fn remember_original() -> Result<()> {
    stdlib::ASYNCIO_CREATE_TASK.get().map(drop)
}

/// The function.
pub fn definition() -> AsyncioFunctionDefinition {
    asyncio_function(
        c"create_task",
        |args: &Args<'_>| {
            let running = loop_::running()?;
            match loop_for(&running, args)? {
                Some(own) => create_task_on(own, args),
                _ => {
                    stdlib::ASYNCIO_CREATE_TASK.get()?.call_dict(&args.positional_tuple()?, &args.keywords_dict()?)
                }
            }
        },
        &stdlib::TASKS,
    )
}

/// The loop as Ferrio's own, if [`create_task_on`] does the same there as asyncio's functions: every interpreter's
/// function takes these arguments, and nothing is overridden. Not in debug mode, in which the traceback of a task's
/// creation includes asyncio's function.
pub fn loop_for<'call>(loop_: &'call Object, args: &Args<'_>) -> Result<Option<&'call Own<Loop>>> {
    let Some(own) = Own::<Loop>::downcast(loop_) else { return Ok(None) };
    if own.is_debug() || args.positional().len() != 1 || !own.makes_own_tasks() {
        return Ok(None);
    }
    for (name, _) in args.keywords() {
        let name = name.to_text()?;
        if name != "name" && name != "context" {
            return Ok(None);
        }
    }
    Ok(Some(own))
}

/// The methods of the loop.
pub fn loop_methods() -> Vec<Method> {
    vec![
        method::<Loop, _>(
            c"create_task",
            create_task_on,
            c"create_task($self, coro, /, **kwargs)\n--\n\nHave a coroutine run; return its task. Keywords: name, context, and eager_start where\nthe interpreter has it. With a task factory, the keywords are handed to it.",
        ),
        method1::<Loop, _>(
            c"set_task_factory",
            |this, factory| {
                if !factory.is_none() && !factory.is_callable() {
                    return Err(type_error("task factory must be a callable or None"));
                }
                this.task_factory.set(Some(factory).filter(|factory| !factory.is_none()).cloned());
                Ok(Object::none())
            },
            c"set_task_factory($self, factory, /)\n--\n\nSet the callable that makes tasks, (loop, coro, **kwargs); None for Ferrio's own.",
        ),
        method0::<Loop, _>(
            c"get_task_factory",
            |this| Ok(this.task_factory.get_or_none()),
            c"get_task_factory($self, /)\n--\n\nReturn the task factory, or None.",
        ),
    ]
}

/// `loop.create_task()`. Up to 3.13, a task factory gets a context only, and the name is set afterwards.
pub fn create_task_on(loop_: &Own<Loop>, args: &Args<'_>) -> Result {
    loop_.check_closed()?;
    if let Some(factory) = loop_.task_factory.get() {
        return create_task_by_factory(loop_, &factory, args);
    }
    if let Some(class) = replaced::<Task>(&stdlib::TASKS_NAMESPACE, &TASK, &stdlib::ASYNCIO_TASK)? {
        let keywords = args.keywords_dict()?;
        dict::set(&keywords, stdlib::LOOP.object()?, loop_.as_object())?;
        return class.call_dict(&args.positional_tuple()?, &keywords);
    }
    let ([coroutine], [name, context, eager_start], _) = args.bind::<1, 3>(&CREATE_TASK)?;
    let eager_start = match eager_start {
        Some(eager_start) if !eager_start.is_none() => eager_start.is_true()?,
        _ => false,
    };
    let options = Options { name, context, eager_start };
    Own::<Task>::spawn(loop_, coroutine, &options).map(Own::into_object)
}

fn create_task_by_factory(this: &Own<Loop>, factory: &Object, args: &Args<'_>) -> Result {
    let keywords = args.keywords_dict()?;
    let name = if compat::TASK_FACTORY_TAKES_ALL_KEYWORDS { None } else { dict::take(&keywords, &stdlib::NAME)? };
    if !compat::TASK_FACTORY_TAKES_ALL_KEYWORDS {
        let context = dict::take(&keywords, &stdlib::CONTEXT)?;
        if let Some(context) = context.filter(|context| !context.is_none()) {
            dict::set(&keywords, stdlib::CONTEXT.object()?, &context)?;
        }
    }
    let [coroutine] = args.positional() else {
        return Err(type_error("create_task() takes 1 positional argument"));
    };
    let positional = Object::tuple([this.as_object().clone(), coroutine.clone()])?;
    let task = factory.call_dict(&positional, &keywords)?;
    if compat::TASK_FACTORY_TAKES_ALL_KEYWORDS {
        return Ok(task);
    }
    let name = name.unwrap_or_else(Object::none);
    if compat::FACTORY_TASK_HAS_SET_NAME {
        task.method1(&stdlib::SET_NAME, &name)?;
    } else {
        stdlib::SET_TASK_NAME.get()?.call(&[&task, &name])?;
    }
    Ok(task)
}
