"""What tools that go into asyncio's loop find in Ferrio's: what is there, and an error that names Ferrio."""

import asyncio

import ferrio
import pytest
from support.processes import output


@pytest.mark.parametrize("name", ["_selector", "_ready", "_scheduled", "_run_once", "_process_events"])
def test_the_inside_of_asyncios_loop_is_not_there_and_says_so(loop, name):
    assert not hasattr(loop, name)
    for reach in (lambda: getattr(loop, name), lambda: setattr(loop, name, None)):
        with pytest.raises(AttributeError, match=rf"ferrio\.Loop has no {name}: .*uninstall"):
            reach()


def test_asyncios_base_loop_is_not_mixed_in():
    class Mixin(asyncio.BaseEventLoop):
        pass

    with pytest.raises(TypeError, match=r"Mixed mixes asyncio\.BaseEventLoop into ferrio\.Loop: "):
        type("Mixed", (Mixin, ferrio.Loop), {})


def test_a_replaced_run_once_is_warned_of():
    assert output("""
        import asyncio, warnings, ferrio
        original = asyncio.BaseEventLoop._run_once
        asyncio.BaseEventLoop._run_once = lambda loop: original(loop)
        for _ in range(2):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                ferrio.run(asyncio.sleep(0))
            print([(one.category.__name__, "ferrio.Loop does not call it" in str(one.message)) for one in caught])
    """).splitlines() == ["[('RuntimeWarning', True)]", "[]"]


def test_closed_is_what_is_closed_says():
    loop = ferrio.new_event_loop()
    assert loop._closed is loop.is_closed() is False
    loop.close()
    assert loop._closed is loop.is_closed() is True


def test_what_asyncio_keeps_for_later_use_is_left_alone():
    """The collector shows freed iterators of futures on 3.12. Whoever takes a reference frees them again."""
    assert output("""
        import asyncio, gc, _asyncio, ferrio
        outer = asyncio.new_event_loop()
        future = _asyncio.Future(loop=outer)
        freed = [iter(future) for _ in range(10)]
        del freed
        ferrio.run(asyncio.sleep(0))
        iterators = [iter(future) for _ in range(20)]
        print(len({id(iterator) for iterator in iterators}))
        del iterators
        gc.collect()
        outer.close()
    """).splitlines() == ["20"]
