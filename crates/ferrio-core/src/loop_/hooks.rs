//! Programs that replace `asyncio.Handle._run`: detectors of slow callbacks do, to see every callback.
//!
//! The loop calls what stands there with the handle, as asyncio's loop does. What needs no handle otherwise, as a
//! task's step, gets one.

use super::Loop;
use super::runnable::{Call, Runnable};
use crate::ffi::class::{Bound, Members, make_type, type_cell};
use crate::ffi::{Args, Class, Name, Object, Own, Replaceable, Result, Visitor};
use crate::handles::Handle;
use crate::stdlib;
use std::cell::RefCell;
use std::ffi::CStr;
use std::sync::OnceLock;

static RUN: Replaceable = Replaceable::new(&stdlib::HANDLE, Name::new(c"_run"));

/// Notes what asyncio has, before a program can replace it, and makes the class.
pub fn register() -> Result<()> {
    make_type::<Step>()?;
    RUN.remember()
}

/// What a program has put in the place of `asyncio.Handle._run`.
#[inline]
pub fn replaced_run() -> Result<Option<Object>> {
    RUN.replaced()
}

/// The function of something to run, as an argument of its callback.
#[derive(Default)]
struct Step(RefCell<Option<Call>>);

impl Class for Step {
    const NAME: &'static CStr = c"ferrio._core.Step";
    const CALLABLE: bool = false;
    type_cell!();

    fn empty() -> Self {
        Step::default()
    }

    fn init(_: &Own<Self>, _: &Args<'_>) -> Result<()> {
        Ok(())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        if let Ok(call) = self.0.try_borrow()
            && let Some(Call::WithArgument(_, argument)) = &*call
        {
            visitor.object(argument);
        }
    }

    fn clear(&self) {
        drop(self.0.take());
    }

    fn members() -> Members {
        Members { methods: vec![], properties: vec![], slots: vec![] }
    }
}

/// Has the program's function run an entry.
#[cold]
pub fn run(entry: &Runnable, loop_: &Own<Loop>, replacement: &Object) -> Result<()> {
    let handle = match entry {
        Runnable::Handle(handle) => handle.clone(),
        Runnable::Native(object, call) => {
            static BOUND: OnceLock<Bound> = OnceLock::new();
            let bound = BOUND.get_or_init(|| {
                Bound::new(c"run", |object, step| {
                    let call = Own::<Step>::expect(step)?.0.borrow().clone();
                    match call {
                        Some(call) => call.call(object).map(|()| Object::none()),
                        None => Ok(Object::none()),
                    }
                })
            });
            let step = Own::new(Step(RefCell::new(Some(call.clone()))))?;
            let callback = bound.bind(object)?;
            Own::new(Handle::body(loop_.as_object(), &callback, &[step.into_object()], None, false)?)?
        }
    };
    Replaceable::call(replacement, handle.as_object(), &[]).map(drop)
}
