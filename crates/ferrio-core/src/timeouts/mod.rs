//! Timeout: the context manager of `async with asyncio.timeout(1)`; and `wait_for()`.
//!
//! The state and the code of a timeout that does not expire are here. When it expires, asyncio's code continues, which
//! finds the state under its usual names.

mod wait_for;

use crate::compat;
use crate::coroutines::{
    AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_function, asyncio_method,
};
use crate::ffi::class::{Members, make_type, method, slot_property, type_cell};
use crate::ffi::error::{raise_imported, runtime_error};
use crate::ffi::module::Module;
use crate::ffi::{Args, Class, Member, Name, Object, Own, Result, Signature, Slot, Visitor};
use crate::loop_::Loop;
use crate::stdlib::{
    self, ASSERTION_ERROR, ASYNCIO_TIMEOUT as ORIGINAL, FERRIO_TIMEOUT, TASKS, TIMEOUT_STATE, TIMEOUTS,
};
use std::ffi::CStr;

static CANCELLING: Name = Name::new(c"cancelling");
static ON_TIMEOUT: Name = Name::new(c"_on_timeout");

static WHEN: Signature =
    Signature { name: "Timeout.__init__", parameters: &["when"], positional: 1, required: 1, variadic: false };
static TIMEOUT_AFTER: Signature =
    Signature { name: "timeout", parameters: &["delay"], positional: 1, required: 1, variadic: false };
static TIMEOUT_AT: Signature =
    Signature { name: "timeout_at", parameters: &["when"], positional: 1, required: 1, variadic: false };
static RESCHEDULE: Signature =
    Signature { name: "Timeout.reschedule", parameters: &["when"], positional: 1, required: 1, variadic: false };

static EXIT: Signature = Signature {
    name: "Timeout.__aexit__",
    parameters: &["exc_type", "exc_val", "exc_tb"],
    positional: 3,
    required: 3,
    variadic: false,
};

// asyncio's states.
static CREATED: Member = Member::new(&TIMEOUT_STATE, c"CREATED");
static ENTERED: Member = Member::new(&TIMEOUT_STATE, c"ENTERED");
static EXPIRING: Member = Member::new(&TIMEOUT_STATE, c"EXPIRING");
static EXITED: Member = Member::new(&TIMEOUT_STATE, c"EXITED");

/// `timeout()` and `timeout_at()`.
fn definitions() -> [AsyncioFunctionDefinition; 2] {
    let after = asyncio_function(
        c"timeout",
        |args: &Args<'_>| {
            let ([delay], [], _) = args.bind::<1, 0>(&TIMEOUT_AFTER)?;
            after(delay).map(Own::into_object)
        },
        &TIMEOUTS,
    );
    let at = asyncio_function(
        c"timeout_at",
        |args: &Args<'_>| {
            let ([when], [], _) = args.bind::<1, 0>(&TIMEOUT_AT)?;
            FERRIO_TIMEOUT.get()?.call(&[when])
        },
        &TIMEOUTS,
    );
    [after, at]
}

/// A timeout that expires after `delay` seconds; never if that is None.
fn after(delay: &Object) -> Result<Own<Timeout>> {
    let running = crate::loop_::running()?;
    let when = if delay.is_none() {
        Object::none()
    } else {
        let now = match Own::<Loop>::downcast(&running) {
            Some(own) => Object::float(own.time()?)?,
            None => running.method0(&stdlib::TIME)?,
        };
        now.plus(delay)?
    };
    let timeout = FERRIO_TIMEOUT.get()?.call(&[&when])?;
    match Own::<Timeout>::downcast(&timeout) {
        Some(own) => Ok(own.clone()),
        None => Err(crate::ffi::error::type_error("ferrio.timeouts.Timeout is something else")),
    }
}

/// The body of a Timeout.
#[derive(Default)]
pub struct Timeout {
    state: Slot,
    /// The timer, or None.
    handler: Slot,
    task: Slot,
    /// The deadline on the loop's clock, or None.
    when: Slot,
    /// How many cancellations of the task were requested before.
    cancelling: Slot,
}

impl Timeout {
    fn slots(&self) -> [&Slot; 5] {
        [&self.state, &self.handler, &self.task, &self.when, &self.cancelling]
    }

    fn is_in(&self, state: &'static Member) -> Result<bool> {
        Ok(self.state.is(state.get()?))
    }

    fn drop_timer(&self) -> Result<()> {
        match self.handler.replace(Some(Object::none())) {
            Some(timer) if !timer.is_none() => timer.method0(&stdlib::CANCEL).map(drop),
            _ => Ok(()),
        }
    }
}

impl Own<Timeout> {
    fn enter(&self) -> Result<()> {
        if !self.is_in(&CREATED)? {
            return Err(runtime_error("Timeout has already been entered"));
        }
        let task = TASKS.get()?.getattr(&stdlib::CURRENT_TASK)?.call0()?;
        if task.is_none() {
            return Err(runtime_error("Timeout should be used inside a task"));
        }
        self.state.put(ENTERED.get()?.clone());
        self.cancelling.put(task.method0(&CANCELLING)?);
        self.task.put(task);
        self.reschedule(&self.when.get_or_none())
    }

    fn reschedule(&self, when: &Object) -> Result<()> {
        if !self.is_in(&ENTERED)? {
            if self.is_in(&CREATED)? {
                return Err(runtime_error("Timeout has not been entered"));
            }
            let state = self.state.get_or_none().getattr(&stdlib::VALUE)?.to_text()?;
            return Err(runtime_error(&format!("Cannot change state of {state} Timeout")));
        }
        self.when.put(when.clone());
        self.drop_timer()?;
        if when.is_none() {
            return Ok(());
        }
        let deadline = when.to_f64()?;
        let running = crate::loop_::running()?;
        let call = self.as_object().getattr(&ON_TIMEOUT)?;
        let timer = match Own::<Loop>::downcast(&running) {
            Some(own) if own.has_own_timers() && own.has_own_call_soon() => {
                if deadline <= own.time()? {
                    own.call_soon(&call, &[], None)?.into_object()
                } else {
                    let timer = own.call_at(deadline, &call, &[], None, "call_at")?;
                    timer.show_as(when);
                    timer.into_object()
                }
            }
            _ if deadline <= running.method0(&stdlib::TIME)?.to_f64()? => {
                running.method1(&stdlib::CALL_SOON, &call)?
            }
            _ => running.method(&stdlib::CALL_AT, &[when, &call])?,
        };
        self.handler.put(timer);
        Ok(())
    }

    /// Ends a timeout that has not expired. Returns false if it has.
    fn leave_in_time(&self) -> Result<bool> {
        if self.is_in(&ENTERED)? {
            self.drop_timer()?;
            self.state.put(EXITED.get()?.clone());
            return Ok(true);
        }
        if self.is_in(&EXPIRING)? { Ok(false) } else { Err(raise_imported(&ASSERTION_ERROR, "")) }
    }

    /// asyncio's coroutine for a timeout that has expired, with the exception's class, the exception and its
    /// traceback.
    fn leave_late(&self, raised: [&Object; 3]) -> Result {
        let [class, exception, traceback] = raised;
        ORIGINAL.get()?.getattr(&stdlib::AEXIT)?.call(&[self.as_object(), class, exception, traceback])
    }
}

/// `__aenter__()`.
struct Enter(Own<Timeout>);

impl Operation for Enter {
    fn resume(&mut self, _: Outcome) -> Result<Poll> {
        self.0.enter()?;
        Ok(Poll::Ready(self.0.as_object().clone()))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.0);
    }
}

/// `__aexit__()`.
struct Exit {
    timeout: Own<Timeout>,
    /// The exception's class, the exception, its traceback; or three times None.
    raised: [Object; 3],
}

impl Operation for Exit {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        match outcome {
            Outcome::Start => {}
            // The outcome of asyncio's code.
            outcome => return outcome.value().map(Poll::Ready),
        }
        if self.timeout.leave_in_time()? {
            return Ok(Poll::Ready(Object::none()));
        }
        let [class, exception, traceback] = &self.raised;
        self.timeout.leave_late([class, exception, traceback]).map(Poll::Await)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.timeout);
        self.raised.iter().for_each(|object| visitor.object(object));
    }
}

impl Class for Timeout {
    const NAME: &'static CStr = c"ferrio._core.Timeout";
    const DOC: &'static CStr = c"Timeout(when)\n--\n\nThe part of ferrio.Timeout that is in Rust.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        Timeout::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([when], [], _) = args.bind::<1, 0>(&WHEN)?;
        this.state.put(CREATED.get()?.clone());
        this.handler.put(Object::none());
        this.task.put(Object::none());
        this.when.put(when.clone());
        Ok(())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.slots().into_iter().for_each(|slot| visitor.slot(slot));
    }

    fn clear(&self) {
        self.slots().into_iter().for_each(Slot::clear);
    }

    fn members() -> Members {
        Members {
            methods: vec![method::<Timeout, _>(
                c"reschedule",
                |this, args| {
                    let ([when], [], _) = args.bind::<1, 0>(&RESCHEDULE)?;
                    this.reschedule(when).map(|()| Object::none())
                },
                c"reschedule($self, when)\n--\n\nSet another deadline, in seconds on the clock of loop.time(); None for none.\n\nRuntimeError for a timeout that is not entered, or is expired or left.",
            )],
            properties: vec![
                slot_property::<Timeout, _>(c"_state", |this| &this.state),
                slot_property::<Timeout, _>(c"_timeout_handler", |this| &this.handler),
                slot_property::<Timeout, _>(c"_task", |this| &this.task),
                slot_property::<Timeout, _>(c"_when", |this| &this.when),
                slot_property::<Timeout, _>(c"_cancelling", |this| &this.cancelling),
            ],
            slots: vec![],
        }
    }

    fn functions() -> Vec<AsyncioFunctionDefinition> {
        vec![
            asyncio_method::<Timeout, _>(
                c"__aenter__",
                |this, args| {
                    args.expect_none("Timeout.__aenter__")?;
                    Coroutine::start(&["Timeout.__aenter__"], Enter(this.clone()))
                },
                &ORIGINAL,
            ),
            asyncio_method::<Timeout, _>(
                c"__aexit__",
                |this, args| {
                    let ([class, exception, traceback], [], _) = args.bind::<3, 0>(&EXIT)?;
                    let raised = [class.clone(), exception.clone(), traceback.clone()];
                    let exit = Exit { timeout: this.clone(), raised };
                    Coroutine::start(&["Timeout.__aexit__"], exit)
                },
                &ORIGINAL,
            ),
        ]
    }
}

/// Adds the class, and the functions that replace asyncio's.
pub fn register(module: &Module) -> Result<()> {
    module.add(c"Timeout", &make_type::<Timeout>()?)?;
    module.add_all(definitions())?;
    // Earlier interpreters have another implementation, which is not replaced.
    if compat::WAIT_FOR_USES_TIMEOUT {
        module.add_all([wait_for::definition()])?;
    }
    Ok(())
}
