//! A suspended coroutine is thrown into, closed, cleared by the collector, and entered again by finalisers.

use super::{Script, in_python};
use crate::coroutines::{Coroutine, Operation, Outcome, Poll};
use crate::ffi::{Name, Object, Result, Visitor};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

static FUTURE: Name = Name::new(c"future");
static COROUTINE: Name = Name::new(c"coroutine");

/// What an operation has seen.
#[derive(Default)]
struct Log {
    resumed: Cell<u32>,
    last: RefCell<&'static str>,
    dropped: Cell<bool>,
}

/// Awaits one thing and returns what comes of it.
struct AwaitOne {
    awaitable: Option<Object>,
    log: Rc<Log>,
}

impl Operation for AwaitOne {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        self.log.resumed.set(self.log.resumed.get() + 1);
        *self.log.last.borrow_mut() = match &outcome {
            Outcome::Start => "start",
            Outcome::Value(_) => "value",
            Outcome::Failed(_) => "failed",
        };
        match self.awaitable.take() {
            Some(awaitable) => Ok(Poll::Await(awaitable)),
            None => outcome.value().map(Poll::Ready),
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        if let Some(awaitable) = &self.awaitable {
            visitor.object(awaitable);
        }
    }
}

impl Drop for AwaitOne {
    fn drop(&mut self) {
        self.log.dropped.set(true);
    }
}

/// Runs `before`, which makes `future`; a coroutine that awaits it is started and suspended as `coroutine`; then
/// runs `after`. Nothing but the script's names refers to either. Returns what the operation has seen.
fn suspended(before: &str, after: &str) -> Result<(Script, Rc<Log>)> {
    let script = Script::new()?;
    script.run(before)?;
    let log = Rc::new(Log::default());
    let operation = AwaitOne { awaitable: Some(script.get(&FUTURE)?), log: log.clone() };
    let coroutine = Coroutine::start(&["test"], operation)?;
    script.set(&COROUTINE, &coroutine)?;
    drop(coroutine);
    script.run("assert coroutine.send(None) is future")?;
    assert_eq!((log.resumed.get(), *log.last.borrow()), (1, "start"));
    script.run(after)?;
    Ok((script, log))
}

const PENDING: &str = "future = _core.Future(loop=loop)";

#[test]
fn it_is_resumed_with_the_result() {
    in_python(|| {
        let (_script, log) = suspended(
            PENDING,
            "
future.set_result('result')
assert raises(StopIteration, coroutine.send, None).value == 'result'
raises(RuntimeError, coroutine.send, None)
",
        )?;
        assert_eq!((log.resumed.get(), *log.last.borrow(), log.dropped.get()), (2, "value", true));
        Ok(())
    });
}

#[test]
fn it_is_resumed_too_early() {
    in_python(|| {
        let (_script, log) = suspended(
            PENDING,
            "
assert 'await' in str(raises(RuntimeError, coroutine.send, None))
assert str(raises(RuntimeError, coroutine.send, None)) == 'cannot reuse already awaited coroutine'
",
        )?;
        assert_eq!((log.resumed.get(), *log.last.borrow(), log.dropped.get()), (2, "failed", true));
        Ok(())
    });
}

#[test]
fn it_is_thrown_into() {
    in_python(|| {
        let (_script, log) = suspended(
            PENDING,
            "
error = ValueError('thrown')
seen = weakref.ref(future)
assert raises(ValueError, coroutine.throw, error) is error
assert str(raises(RuntimeError, coroutine.throw, error)) == 'cannot reuse already awaited coroutine'
del future
assert seen() is None, 'it is held by nobody'
",
        )?;
        assert_eq!((log.resumed.get(), *log.last.borrow(), log.dropped.get()), (2, "failed", true));
        Ok(())
    });
}

#[test]
fn it_is_closed() {
    in_python(|| {
        let (_script, log) = suspended(
            PENDING,
            "
seen = weakref.ref(future)
assert coroutine.close() is None
assert coroutine.close() is None
del future
assert seen() is None
raises(RuntimeError, coroutine.send, None)
",
        )?;
        assert_eq!((log.resumed.get(), *log.last.borrow(), log.dropped.get()), (2, "failed", true));
        Ok(())
    });
}

#[test]
fn a_cycle_through_it_is_cleared_while_it_is_suspended() {
    in_python(|| {
        let (_script, log) = suspended(
            PENDING,
            "
future.waited_by = coroutine
seen = weakref.ref(future)
del future, coroutine
gc.collect()
assert seen() is None
",
        )?;
        assert!(log.dropped.get());
        Ok(())
    });
}

/// Its future's finaliser finds the coroutine in use or at its end, whatever let the future go.
#[test]
fn a_finaliser_of_its_future_sends_into_it() {
    for way in ["coroutine.throw(ValueError('thrown'))", "coroutine.close()", "coroutine.send(None)"] {
        in_python(|| {
            let after = format!(
                "
class Hostile:
    def __del__(self):
        try:
            coroutine.send(None)
        except BaseException as error:
            answers.append(type(error))

answers = []
future.attribute = Hostile()
if 'send' in {way:?}:
    future.set_result(1)
loop.calls.clear()
del future
try:
    {way}
except (ValueError, StopIteration):
    pass
assert answers in ([ValueError], [RuntimeError]), answers
"
            );
            let (_script, log) = suspended(PENDING, &after)?;
            assert_eq!((log.resumed.get(), log.dropped.get()), (2, true), "{way}");
            Ok(())
        });
    }
}
