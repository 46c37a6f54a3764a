//! A handle that is cancelled, run again or freed while its callback runs.

use super::script;

#[test]
fn it_is_cancelled_while_it_runs() {
    for arguments in 0..5 {
        script(&format!(
            "
class Argument:
    pass


def callback(*args):
    handle.cancel()
    assert handle.cancelled() and handle._callback is None and handle._args is None
    # They are the call's own, whatever the handle has let go.
    gc.collect()
    assert all(type(argument) is Argument for argument in args)
    calls.append(len(args))


calls = []
handle = _core.Handle(callback, [Argument() for _ in range({arguments})], loop)
handle._run()
assert calls == [{arguments}]
handle._run()
handle.cancel()
assert calls == [{arguments}] and not loop.reports
"
        ));
    }
}

#[test]
fn it_is_cancelled_while_it_runs_and_fails() {
    script(
        "
def callback():
    handle.cancel()
    raise ValueError('after the end')


handle = _core.Handle(callback, (), loop)
handle._run()
[report] = loop.reports
assert type(report['exception']) is ValueError and report['handle'] is handle
",
    );
}

#[test]
fn it_is_freed_while_it_runs() {
    script(
        "
def callback(argument):
    global handle
    seen = weakref.ref(handle)
    handle.cancel()
    del handle
    gc.collect()
    calls.append(argument)


calls = []
handle = _core.Handle(callback, ('argument',), loop)
handle._run()
assert calls == ['argument']
",
    );
}

#[test]
fn it_runs_itself() {
    // Its context is in use, as asyncio's would be.
    script(
        "
def callback():
    calls.append(len(calls))
    handle._run()


calls = []
handle = _core.TimerHandle(1.0, callback, (), loop)
handle._run()
assert calls == [0], calls
[report] = loop.reports
assert type(report['exception']) is RuntimeError and report['handle'] is handle
",
    );
}

#[test]
fn a_finaliser_of_its_argument_uses_it() {
    script(
        "
class Hostile:
    def __del__(self):
        handle.cancel()
        handle._run()
        seen.append(repr(handle))


seen = []
handle = _core.Handle(seen.append, [Hostile()], loop)
handle.cancel()
assert len(seen) == 1 and 'cancelled' in seen[0], seen
",
    );
}
