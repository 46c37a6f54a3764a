"""What an interpreter imports first that a program of `python -m ferrio` has started (see `ferrio.startup`).

It takes itself out of sight, begins there as in the parent, and leaves its name to the sitecustomize that the
interpreter would have imported without it. site ignores that there is none.

Interpreters of other kinds find it too, by their environment. They do without Ferrio: it must be built for
the interpreter, and be where that imports from. So this file is for any Python.
"""

import os
import sys

here = os.path.dirname(__file__)
package = os.path.dirname(os.path.dirname(here))
sys.path[:] = [place for place in sys.path if place != here]
sys.path_importer_cache.pop(here, None)
# The folder that imports of ferrio come from, whichever way it is named.
parent = os.path.realpath(os.path.dirname(package))

# No older interpreter has orig_argv.
if (
    hasattr(sys, "orig_argv")
    and os.environ.get("FERRIO_CHILDREN") != "0"
    and parent in [os.path.realpath(place) for place in sys.path]
):
    from _imp import extension_suffixes

    if os.path.exists(os.path.join(package, "_core" + extension_suffixes()[0])):
        # startup is imported without the rest of the package.
        sys.modules["ferrio"] = type(sys)("ferrio")
        sys.modules["ferrio"].__path__ = [package]
        from ferrio import startup

        startup.begin(required=False)

# Python 2 clears a module that nobody refers to, while its code still runs.
itself = sys.modules.pop(__name__)
__import__(__name__)
