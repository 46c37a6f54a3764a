"""Drawings of the documentation: boxes from top to bottom, with arrows between them, as SVG.

Each line of the source is a box: `title`, or `title | what it is`. A line `-- text` stands beside the arrow
that follows. A line ends with `<- back` if an arrow leads from it back to a box above whose title is `back`.
A line begins with `from -> ` if its box is reached from that box above, and not from the one right above it.
"""

from html import escape

# Pixels of the drawing, which is scaled to the page.
WIDTH, LEFT, BOX, HIGH, LOW, GAP = 480, 50, 380, 58, 40, 34
# Pixels between a box and an arrow that passes other boxes.
ASIDE = 30
# How many characters fit into a box, and beside an arrow.
LONGEST_TEXT, LONGEST_LABEL = 52, 36


def svg(source: str) -> str:
    """Return the drawing of a source."""
    parts: list[str] = []
    boxes: dict[str, tuple[int, int]] = {}
    backs: list[tuple[str, str]] = []
    forwards: list[tuple[str, str]] = []
    top, label = 2, ""
    for line in filter(None, map(str.strip, source.splitlines())):
        if line.startswith("-- "):
            label = _fitting(line[3:], LONGEST_LABEL)
            continue
        box, _, back = (part.strip() for part in line.partition("<-"))
        begin, _, box = (part.strip() for part in box.rpartition("->"))
        title, _, detail = (_fitting(part.strip(), LONGEST_TEXT) for part in box.partition("|"))
        middle = LEFT + BOX // 2
        if boxes:
            if not begin:
                parts.append(_arrow(f"M{middle} {top} v{GAP - 5}"))
            if label:
                left = LEFT if begin else middle + 10
                parts.append(f'<text class="label" x="{left}" y="{top + GAP / 2 + 4}">{escape(label)}</text>')
            top, label = top + GAP, ""
        height = HIGH if detail else LOW
        parts.append(f'<rect x="{LEFT}" y="{top}" width="{BOX}" height="{height}" rx="6"/>')
        parts.append(f'<text class="title" x="{middle}" y="{top + 25}">{escape(title)}</text>')
        if detail:
            parts.append(f'<text x="{middle}" y="{top + 45}">{escape(detail)}</text>')
        boxes[title] = top, height
        if back:
            backs.append((title, back))
        if begin:
            forwards.append((begin, title))
        top += height
    for begin, end in backs:
        from_, to = _middles(boxes, begin, end)
        parts.append(_arrow(f"M{LEFT + BOX} {from_} h{ASIDE} V{to} h{5 - ASIDE}"))
    for begin, end in forwards:
        from_, to = _middles(boxes, begin, end)
        parts.append(_arrow(f"M{LEFT} {from_} h-{ASIDE} V{to} h{ASIDE - 5}"))
    head = '<marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="8" markerHeight="8"'
    head += ' orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker>'
    titles = escape(", then ".join(boxes))
    view = f'viewBox="0 0 {WIDTH} {top + 2}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {view} role="img" aria-label="{titles}">'
        f"<defs>{head}</defs>{''.join(parts)}</svg>"
    )


def _fitting(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"a drawing has room for {longest} characters, not for {text!r}")
    return text


def _arrow(path: str) -> str:
    return f'<path d="{path}" marker-end="url(#head)"/>'


def _middles(boxes: dict[str, tuple[int, int]], *names: str) -> list[int]:
    """Return where the middles of boxes are, from the top."""
    if missing := [name for name in names if name not in boxes]:
        raise ValueError(f"a drawing has no box {missing[0]!r} for an arrow")
    return [boxes[name][0] + boxes[name][1] // 2 for name in names]
