"""The event loop policy: what sets it warns about the program's line, and only where asyncio does."""

from __future__ import annotations

import sys

from support.processes import output

PROGRAM = """
import asyncio, warnings
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as caught:
    import ferrio
    policy = ferrio.EventLoopPolicy()
    assert isinstance(policy, ferrio.policy.EventLoopPolicy)
    asyncio.set_event_loop_policy(policy)
print(*((warning.category.__name__, warning.filename, warning.lineno) for warning in caught))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    async def main():
        return asyncio.get_running_loop()
    print(type(asyncio.run(main())).__module__, isinstance(policy, asyncio.DefaultEventLoopPolicy))
"""


def test_only_the_programs_line_is_warned_about() -> None:
    caught, rest = output(PROGRAM).splitlines()
    assert rest == "ferrio.loop True"
    assert caught == ("('DeprecationWarning', '<string>', 8)" if sys.version_info >= (3, 14) else "")
