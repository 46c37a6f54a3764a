"""What the programs of api.py do to single objects: call, make, read and drive them."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import pickle
import random
import threading
import weakref
from collections.abc import Callable
from typing import Any

from evil import (
    make_class,
    trap,
)
from exports import BLOCKING, CLASSES, FUNCTIONS, OWN, OWN_FUNCTIONS, RUNNING, is_fault_of_cpython, names_of


class Deeds:
    """Deeds on what is in the slots. The program's state is in `api.Program`."""

    def call(self, chance: random.Random, function: Any, text: str = "") -> Any:
        """Call a function with arguments for it; what it returns goes into a slot."""
        plain, named = self.arguments(chance, function)
        return self.invoke(chance, function, plain, named, text)

    def invoke(
        self, chance: random.Random, function: Any, plain: list[Any], named: dict[str, Any], text: str = ""
    ) -> Any:
        """Call a function with these arguments."""
        self.figures["calls"] += 1
        if self.tracing:
            shown = [*map(self.show, plain), *(f"{name}={self.show(value)}" for name, value in named.items())]
            self.say(f"{text or self.show(function)}({', '.join(shown)})")
        return self.put(chance, function(*plain, **named))

    def target(self, chance: random.Random) -> Any:
        """Return an object of Ferrio's to act on."""
        if chance.random() < 0.1:
            return self.transport(chance)
        if chance.random() < 0.15:
            return self.loop(chance)
        own = [value for value in self.slots if str(type(value).__module__).startswith(("ferrio", "asyncio"))]
        if own and chance.random() < 0.85:
            return chance.choice(own)
        return chance.choice([value for value in self.slots if value is not None] or [None])

    def do_method(self, chance: random.Random) -> None:
        """Call a method of what is in a slot."""
        target = self.target(chance)
        name = chance.choice(names_of(type(target)))
        self.say(f"{self.show(target)}.{name}")
        if is_fault_of_cpython(target, name):
            return
        method = getattr(target, name)
        if name in RUNNING and threading.get_ident() != self.main:
            return
        if name in BLOCKING:
            threading.Thread(target=self.quietly, args=(method,), daemon=True).start()
        elif callable(method):
            self.call(chance, method, f"{self.show(target)}.{name}")

    def do_unbound(self, chance: random.Random) -> None:
        """Call a method of a class with a wrong self."""
        kind = CLASSES[chance.choice(OWN)]
        name = chance.choice(names_of(kind))
        self.say(f"{kind.__name__}.{name} unbound")
        method = inspect.getattr_static(kind, name)
        target = self.value(chance)
        if name in BLOCKING and isinstance(target, kind):
            return
        action = chance.random()
        if action < 0.5 and callable(method):
            plain, named = self.arguments(chance, method)
            self.invoke(chance, method, [target, *plain], named, f"{kind.__name__}.{name}")
        elif action < 0.8 and hasattr(type(method), "__get__"):
            self.say(f"{kind.__name__}.{name}.__get__({self.show(target)})")
            self.put(chance, type(method).__get__(method, target, type(target)))
        elif hasattr(type(method), "__set__"):
            value = self.value(chance)
            self.say(f"{kind.__name__}.{name}.__set__({self.show(target)}, {self.show(value)})")
            type(method).__set__(method, target, value)

    def do_make(self, chance: random.Random) -> None:
        """Make an object of a class."""
        kind = CLASSES[chance.choice(OWN)]
        how = chance.random()
        if how < 0.75:
            self.call(chance, kind)
        elif how < 0.9:
            self.say(f"{kind.__name__}.__new__")
            self.put(chance, kind.__new__(kind))
        else:
            other = CLASSES[chance.choice(OWN)]
            self.say(f"{kind.__name__}.__new__({other.__name__})")
            self.put(chance, kind.__new__(other))

    def do_init(self, chance: random.Random) -> None:
        """Initialise again what lives."""
        target = self.target(chance)
        if is_fault_of_cpython(target, "__init__"):
            return
        plain, named = self.arguments(chance, type(target))
        self.invoke(chance, target.__init__, plain, named, f"{self.show(target)}.__init__")

    def do_subclass(self, chance: random.Random) -> None:
        """Make a class that overrides methods, and an object of it."""
        base = CLASSES[chance.choice(OWN)]
        names = chance.sample(names_of(base), min(5, len(names_of(base))))
        self.say(f"class Evil({base.__name__}) with {names}")
        kind = make_class(self, chance, base, names, 0.7)
        if chance.random() < 0.8:
            self.call(chance, kind)
        else:
            self.put(chance, kind.__new__(kind))

    def do_attribute(self, chance: random.Random) -> None:
        """Read, set or delete an attribute."""
        target = self.target(chance)
        name = chance.choice(names_of(type(target)))
        how = chance.random()
        if how < 0.4:
            self.say(f"{self.show(target)}.{name}")
            if not is_fault_of_cpython(target, name):
                self.put(chance, getattr(target, name))
        elif how < 0.8:
            value = self.argument(chance, name)
            self.say(f"{self.show(target)}.{name} = {self.show(value)}")
            setattr(target, name, value)
        elif how < 0.92:
            self.say(f"del {self.show(target)}.{name}")
            delattr(target, name)
        elif how < 0.96:
            kind = chance.choice([*CLASSES.values(), type(self.slot(chance))])
            self.say(f"{self.show(target)}.__class__ = {kind}")
            target.__class__ = kind
        else:
            self.say(f"vars({self.show(target)}).clear()")
            vars(target).clear()

    def do_function(self, chance: random.Random) -> None:
        """Call a function of the module."""
        name = chance.choice(OWN_FUNCTIONS if chance.random() < 0.85 else list(FUNCTIONS))
        self.call(chance, FUNCTIONS[name], name)

    def do_protocol(self, chance: random.Random) -> None:
        """Use an operation of the language on something."""
        target = self.target(chance)
        other = self.value(chance)
        uses: dict[str, Callable[[], Any]] = {
            "repr": lambda: repr(target),
            "str": lambda: str(target),
            "hash": lambda: hash(target),
            "==": lambda: target == other,
            "<": lambda: target < other,
            "bool": lambda: bool(target),
            "len": lambda: len(target),
            "iter": lambda: self.put(chance, iter(target)),
            "next": lambda: self.put(chance, next(target)),
            "in": lambda: other in target,
            "copy": lambda: self.put(chance, copy.copy(target)),
            "deepcopy": lambda: copy.deepcopy(target),
            "pickle": lambda: pickle.dumps(target),
            "ref": lambda: self.put(chance, weakref.ref(target)),
            "finalize": lambda: weakref.finalize(target, trap(self, "finalizer", chance.randrange(2**32))),
            "isinstance": lambda: isinstance(target, chance.choice(list(CLASSES.values()))),
            "dir": lambda: dir(target),
            "getrefcount": lambda: gc.get_referents(target),
            "send": lambda: self.put(chance, target.send(None)),
            "throw": lambda: self.put(chance, target.throw(self.exception(chance))),
            "close": lambda: target.close(),
            "await": lambda: self.put(chance, target.__await__()),
            "with": lambda: target.__enter__(),
            "signature": lambda: inspect.signature(target),
        }
        name = chance.choice(list(uses))
        self.say(f"{name} of {self.show(target)} (and {self.show(other)})")
        if not is_fault_of_cpython(target, name):
            uses[name]()

    def do_coroutine(self, chance: random.Random) -> None:
        """Drive a coroutine by hand: send, throw, close."""
        target = self.coroutine(chance)
        if not hasattr(target, "send") and hasattr(target, "__await__"):
            target = target.__await__()
        self.put(chance, target)
        for _ in range(chance.choice([1, 1, 2, 4])):
            how = chance.random()
            if how < 0.6:
                value = None if chance.random() < 0.8 else self.value(chance)
                self.say(f"{self.show(target)}.send({self.show(value)})")
                if not is_fault_of_cpython(target, "send"):
                    self.put(chance, target.send(value))
            elif how < 0.85:
                error = self.exception(chance)
                self.say(f"{self.show(target)}.throw({self.show(error)})")
                self.put(chance, target.throw(error))
            else:
                self.say(f"{self.show(target)}.close()")
                target.close()

    def do_inside(self, chance: random.Random) -> None:
        """Drive a coroutine by hand while a loop passes for the running one."""
        loop = self.loop(chance)
        asyncio._set_running_loop(loop)
        try:
            self.say("with a running loop:")
            for _ in range(chance.choice([1, 3])):
                self.act_once(chance)
        finally:
            asyncio._set_running_loop(None)
