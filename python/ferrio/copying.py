"""Copying and pickling of primitives.

asyncio's primitives are ordinary Python objects: `copy.copy`, `copy.deepcopy` and `pickle` take them.
Ferrio's keep their state in Rust, under the same attribute names.
"""

from __future__ import annotations

from types import GetSetDescriptorType, MemberDescriptorType

# typing itself is not imported: that takes as long as half of asyncio.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PROPERTIES: tuple[type, ...] = (GetSetDescriptorType, MemberDescriptorType)

# Who has acquired the primitive. That is no state: asyncio's have none.
_OWNERS = {"_owner", "_owners", "_owners_are_all"}

# Attributes that the Rust class computes itself.
_COMPUTED = {"Queue": ("_finished", "_getters", "_putters")}


class Copyable:
    """Gives a class with a Rust base the state of asyncio's class."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: Any) -> Any:
        # The protocols before 2 would call the Rust class with the object as an argument.
        return super().__reduce_ex__(max(protocol, 2))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        for name, value in vars(_rust_class(self)).items():
            is_state = name[0] == "_" and name[1] != "_" and isinstance(value, _PROPERTIES)
            if is_state and name not in _OWNERS and hasattr(self, name):
                state[name] = getattr(self, name)
        if state.get("_loop") is None:
            # asyncio's is an attribute of the class until the object is bound to a loop.
            state.pop("_loop", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        rust_class: Any = _rust_class(self)
        rust_class.__init__(self, *_arguments(rust_class, state))
        for name, value in state.items():
            if name not in _COMPUTED.get(rust_class.__name__, ()):
                setattr(self, name, value)


def _rust_class(instance: object) -> type:
    return next(base for base in type(instance).__mro__ if base.__module__ == "ferrio._core")


def _arguments(rust_class: type, state: dict[str, Any]) -> tuple[Any, ...]:
    """Return valid arguments for the class. The state replaces most of their effects."""
    match rust_class.__name__:
        case "Condition":
            return (state["_lock"],)
        case "Barrier":
            return (1,)
        case "Timeout":
            return (None,)
    return ()
