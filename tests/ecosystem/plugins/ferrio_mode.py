"""A plugin for pytest: put Ferrio under the tests, as FERRIO_ECOSYSTEM_MODE says.

The first pytest loads it before all other plugins (-p); those that the tests start find it in PYTEST_PLUGINS.
"""

import asyncio
import os
import warnings

MODE = os.environ["FERRIO_ECOSYSTEM_MODE"]

if MODE == "installed":
    import ferrio

    ferrio.install()
elif MODE == "loop":
    import ferrio

    with warnings.catch_warnings():
        # 3.14 wants a loop factory in place of a policy; only a policy reaches all places that make a loop.
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_event_loop_policy(ferrio.EventLoopPolicy())
elif MODE != "asyncio":
    raise ValueError(f"FERRIO_ECOSYSTEM_MODE: {MODE!r}")


def loop_module() -> str:
    """Return the module of the loops that asyncio makes now."""
    loop = asyncio.new_event_loop()
    loop.close()
    return type(loop).__module__.split(".")[0]
