//! `create_task()` of the module and of the loop.

use super::{Options, Task, next_number};
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
    name: "BaseEventLoop.create_task",
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
    let mut is_named = false;
    for (name, value) in args.keywords() {
        let name = name.to_text()?;
        if name != "name" && name != "context" {
            return Ok(None);
        }
        is_named |= name == "name" && !value.is_none();
    }
    if compat::NAMED_TASK_TAKES_NUMBER && is_named {
        next_number();
    }
    Ok(Some(own))
}

/// The methods of the loop.
pub fn loop_methods() -> Vec<Method> {
    vec![
        method::<Loop, _>(
            c"create_task",
            create_task_on,
            c"create_task($self, coro, /, **kwargs)\n--\n\nRun a coroutine as a task, and return the task. Keywords: name, context, and eager_start if\nthe interpreter has it. A task factory gets the keywords.",
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
            c"set_task_factory($self, factory, /)\n--\n\nSet the callable that creates tasks, called with (loop, coro, **kwargs); None for Ferrio's own.",
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

/// Gives one of asyncio's own tasks, as a factory makes them, a number of Ferrio's: asyncio counts from 1 too, and two
/// tasks would have the same name. Names of the factory's own stay, and those of tasks that are done.
#[cold]
fn renumber(task: &Object) -> Result<()> {
    static GET_NAME: Name = Name::new(c"get_name");
    if Own::<Task>::downcast(task).is_some() || !task.isinstance(stdlib::ASYNCIO_TASK.get()?)? {
        return Ok(());
    }
    if task.method0(&stdlib::DONE)?.is_true()? {
        return Ok(());
    }
    let name = task.method0(&GET_NAME)?;
    let is_numbered = name.is_exact_str() && {
        let name = name.to_text()?;
        name.strip_prefix("Task-").is_some_and(|number| number.parse::<u64>().is_ok())
    };
    if is_numbered {
        task.method1(&stdlib::SET_NAME, &Object::str(&format!("Task-{}", next_number()))?)?;
    }
    Ok(())
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
    let has_name = |name: Option<&Object>| name.is_some_and(|name| !name.is_none());
    if compat::TASK_FACTORY_TAKES_ALL_KEYWORDS {
        if !has_name(dict::get(&keywords, stdlib::NAME.object()?)?.as_ref()) {
            renumber(&task)?;
        }
        return Ok(task);
    }
    // 3.13 gives the name None to such a task.
    if !compat::FACTORY_TASK_HAS_SET_NAME && !has_name(name.as_ref()) {
        return renumber(&task).map(|()| task);
    }
    let name = name.unwrap_or_else(Object::none);
    if compat::FACTORY_TASK_HAS_SET_NAME {
        task.method1(&stdlib::SET_NAME, &name)?;
    } else {
        stdlib::SET_TASK_NAME.get()?.call(&[&task, &name])?;
    }
    Ok(task)
}
