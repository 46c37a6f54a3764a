//! A future's callbacks, and an `__eq__` that completes the future while they are looked through.

use super::script;

#[test]
fn callbacks_are_scheduled_once_in_their_order() {
    script(
        "
future = _core.Future(loop=loop)
callbacks = [lambda _, n=n: n for n in range(4)]
for callback in callbacks:
    future.add_done_callback(callback)
assert future.remove_done_callback(callbacks[1]) == 1
future.set_result(None)
assert loop.calls == [(callback, (future,)) for callback in (callbacks[0], *callbacks[2:])], loop.calls
raises(InvalidStateError, future.set_result, None)
assert len(loop.calls) == 3
",
    );
}

/// Whichever callback is looked at when the future is completed: those that stay are scheduled, once each.
#[test]
fn an_eq_that_completes_it_loses_no_callback() {
    for count in 1..5 {
        for completing in 1..=count {
            script(&format!(
                "
class Completing:
    compared = 0

    def __eq__(self, other):
        self.compared += 1
        if self.compared == {completing}:
            future.set_result(1)
        return False

    __hash__ = None


future = _core.Future(loop=loop)
callbacks = [lambda _, n=n: n for n in range({count})]
for callback in callbacks:
    future.add_done_callback(callback)
assert future.remove_done_callback(Completing()) == 0
assert future.done()
scheduled = [callback for callback, _ in loop.calls]
assert sorted(map(id, scheduled)) == sorted(map(id, callbacks)), (len(scheduled), {count}, {completing})
"
            ));
        }
    }
}

/// An `__eq__` that adds and removes callbacks of the same future.
#[test]
fn an_eq_that_changes_the_callbacks() {
    script(
        "
class Changing:
    def __eq__(self, other):
        if not seen:
            seen.append(other)
            assert future.remove_done_callback(kept) == 1
            future.add_done_callback(added)
        return False

    __hash__ = None


seen = []
future = _core.Future(loop=loop)
kept, added = (lambda _: 1), (lambda _: 2)
future.add_done_callback(kept)
future.add_done_callback(Changing())
future.remove_done_callback(len)
future.set_result(1)
scheduled = [callback for callback, _ in loop.calls]
assert added in scheduled, scheduled
",
    );
}

#[test]
fn a_finaliser_of_its_result_looks_at_it() {
    script(
        "
class Hostile:
    def __del__(self):
        seen.append((future().done(), future().cancelled()) if future() else None)


seen = []
one = _core.Future(loop=loop)
future = weakref.ref(one)
one.set_result(Hostile())
one.attribute = one
del one
gc.collect()
assert len(seen) == 1 and future() is None, seen
",
    );
}
