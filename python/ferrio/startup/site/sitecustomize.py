"""What an interpreter that a program of `python -m ferrio` starts imports first (see `ferrio.startup`).

It removes its traces, begins as in the parent, and imports the sitecustomize that the interpreter would have
imported without it. If there is none, site ignores the error.

Other interpreters find it too, by their environment. They run without Ferrio, which must be built for the
interpreter and be in its path. So this file must work with any Python.
"""

import os
import sys

_here = os.path.dirname(__file__)
_package = os.path.dirname(os.path.dirname(_here))
sys.path[:] = [place for place in sys.path if place != _here]
sys.path_importer_cache.pop(_here, None)
# The folder from which ferrio is imported, as an absolute path.
_parent = os.path.realpath(os.path.dirname(_package))

# No older interpreter has orig_argv.
if (
    hasattr(sys, "orig_argv")
    and os.environ.get("FERRIO_CHILDREN") != "0"
    and _parent in [os.path.realpath(place) for place in sys.path]
):
    from _imp import extension_suffixes

    if os.path.exists(os.path.join(_package, "_core" + extension_suffixes()[0])):
        # startup is imported without the rest of the package.
        sys.modules["ferrio"] = type(sys)("ferrio")
        sys.modules["ferrio"].__path__ = [_package]
        from ferrio import startup

        startup.begin(required=False)

# Under another name, this is an import by a tool that looks into every module.
if __name__ == "sitecustomize":
    # Python 2 clears a module without references while its code still runs.
    _itself = sys.modules.pop(__name__)
    __import__(__name__)
