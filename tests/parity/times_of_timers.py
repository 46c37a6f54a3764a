"""The times of timers, and what is no time."""

import asyncio
from decimal import Decimal
from fractions import Fraction

import ferrio


def told(make):
    try:
        return make()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def main():
    loop = asyncio.get_running_loop()
    for when in (10**9, 10**9 + 0.5, 2**53 - 1, True + 10**9):
        timer = loop.call_at(when, print)
        print(repr(timer.when()), timer._when == timer.when(), timer < loop.call_at(when + 1, print))
    for delay in (10, 10.0, True, Fraction(1, 2)):
        print(type(loop.call_later(delay, print).when()))
    for delay in ("a", None, b"1", [], Decimal(1)):
        print(told(lambda delay=delay: loop.call_later(delay, print).when()))
    print(told(lambda: loop.call_at(None, print)))
    async with asyncio.timeout_at(10**9) as timeout:
        print(repr(timeout.when()), repr(timeout._timeout_handler.when()))
    handle = asyncio.TimerHandle(7, print, (), loop)
    print(repr(handle.when()), hash(handle) == hash(7))
    for delay in ("a", None, b"1", [], Decimal(1)):
        try:
            print(await asyncio.wait_for(asyncio.sleep(delay, "slept"), 2))
        except Exception as error:
            print(type(error).__name__, error)


ferrio.run(main())
