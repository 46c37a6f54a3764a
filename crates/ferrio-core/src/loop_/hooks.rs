//! Programs that replace `asyncio.Handle._run` or a loop's `call_soon`: detectors of slow callbacks do, to see every
//! callback.
//!
//! The loop calls what stands there, as asyncio's loop does. What needs no handle or no callback otherwise, as a task's
//! step or the start of a transport, gets one.

use super::Loop;
use super::runnable::{Call, Method, MethodWithArgument, Runnable};
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

/// What programs see of something to run: a callback with this name, and its argument.
pub struct Callback {
    name: &'static CStr,
    bound: OnceLock<Bound>,
}

impl Callback {
    /// A callback with asyncio's name.
    pub const fn new(name: &'static CStr) -> Callback {
        Callback { name, bound: OnceLock::new() }
    }

    /// The callback for an object, and its argument.
    fn of(&'static self, object: &Object, call: &Call) -> Result<[Object; 2]> {
        let bound = self.bound.get_or_init(|| {
            Bound::new(self.name, |object, step| {
                let call = Own::<Step>::expect(step)?.0.borrow().clone();
                match call {
                    Some(call) => call.call(object).map(|()| Object::none()),
                    None => Ok(Object::none()),
                }
            })
        });
        let step = Own::new(Step(RefCell::new(Some(call.clone()))))?;
        Ok([bound.bind(object)?, step.into_object()])
    }
}

/// Has the program's function run an entry.
#[cold]
pub fn run(entry: &Runnable, loop_: &Own<Loop>, replacement: &Object) -> Result<()> {
    let handle = match entry {
        Runnable::Handle(handle) => Own::clone(handle),
        Runnable::Native(object, call) => {
            static RUN: Callback = Callback::new(c"run");
            let [callback, step] = RUN.of(object, call)?;
            Own::new(Handle::body(loop_.as_object(), &callback, &[step], None, false)?)?
        }
    };
    Replaceable::call(replacement, handle.as_object(), &[]).map(drop)
}

impl Own<Loop> {
    /// Appends `method(object)` to the ready queue. If the program has replaced `call_soon`, that gets it as a callback.
    #[inline]
    pub fn push_method(&self, object: &Object, method: Method, callback: &'static Callback) -> Result<()> {
        if self.has_own_call_soon() {
            return self.push(Runnable::method(object.clone(), method));
        }
        self.call_soon_of_program(object, &Call::Method(method), callback)
    }

    /// As [`push_method`](Self::push_method), for `method(object, argument)`.
    #[inline]
    pub fn push_with_argument(
        &self,
        object: &Object,
        method: MethodWithArgument,
        argument: Object,
        callback: &'static Callback,
    ) -> Result<()> {
        if self.has_own_call_soon() {
            return self.push(Runnable::with_argument(object.clone(), method, argument));
        }
        self.call_soon_of_program(object, &Call::WithArgument(method, argument), callback)
    }

    #[cold]
    fn call_soon_of_program(&self, object: &Object, call: &Call, callback: &'static Callback) -> Result<()> {
        let [callback, step] = callback.of(object, call)?;
        self.as_object().method(&stdlib::CALL_SOON, &[&callback, &step]).map(drop)
    }
}
