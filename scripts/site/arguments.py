"""Make lists of the arguments that a docstring explains.

A docstring has a line for each argument, `debug: True turns on the debug mode.`, which may go on in the next
line. In Markdown these lines are one paragraph. Here each becomes an entry of a list, if the name before the
colon is that of an argument, or of an attribute. mkdocs.yml names this file; griffe calls it for each object.
"""

import re
from typing import Any

import griffe

_LINE = re.compile(r"(?P<names>\w+(?:, \w+)*): (?P<text>.*)")


def listed(text: str, known: set[str]) -> str:
    """Return a docstring in which each explained name is an entry of a list."""
    return "\n\n".join(_paragraph(paragraph, known) for paragraph in re.split(r"\n\s*\n", text))


def _paragraph(paragraph: str, known: set[str]) -> str:
    lines: list[str] = []
    in_list = False
    for line in paragraph.split("\n"):
        match = _LINE.fullmatch(line)
        if match and known.issuperset(match["names"].split(", ")):
            names = ", ".join(f"`{name}`" for name in match["names"].split(", "))
            # A list begins after an empty line.
            lines += [""] if lines and not in_list else []
            lines.append(f"- {names}: {match['text']}")
            in_list = True
        else:
            lines.append(f"  {line}" if in_list else line)
    return "\n".join(lines)


class Arguments(griffe.Extension):
    """Called by griffe when it has read an object of a package."""

    def on_function_instance(self, *, func: griffe.Function, **_: Any) -> None:
        """A function explains its arguments."""
        if func.docstring:
            func.docstring.value = listed(func.docstring.value, {one.name for one in func.parameters})

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """A class explains its attributes and the arguments of its constructor."""
        if cls.docstring:
            known = {*cls.members}
            constructor = cls.members.get("__init__")
            if isinstance(constructor, griffe.Function):
                known |= {one.name for one in constructor.parameters}
                known |= set(re.findall(r"\bself\.(\w+)", constructor.source))
            cls.docstring.value = listed(cls.docstring.value, known)
