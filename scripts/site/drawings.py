"""Drawings of the documentation: boxes from top to bottom, with arrows between them, as SVG.

Each line of the source is a box: `title`, or `title | what it is`. A line `-- text` stands beside the arrow
that follows. A line ends with `<- back` if an arrow leads from it back to a box above whose title is `back`.
"""

from html import escape

# Pixels of the drawing, which is scaled to the page.
WIDTH, LEFT, BOX, HIGH, LOW, GAP = 480, 50, 380, 58, 40, 34


def svg(source: str) -> str:
    """Return the drawing of a source."""
    parts: list[str] = []
    boxes: dict[str, tuple[int, int]] = {}
    backs: list[tuple[str, str]] = []
    top, label = 2, ""
    for line in filter(None, map(str.strip, source.splitlines())):
        if line.startswith("-- "):
            label = line[3:]
            continue
        box, _, back = (part.strip() for part in line.partition("<-"))
        title, _, detail = (part.strip() for part in box.partition("|"))
        middle = LEFT + BOX // 2
        if boxes:
            parts.append(f'<path d="M{middle} {top} v{GAP - 5}" marker-end="url(#head)"/>')
            if label:
                parts.append(
                    f'<text class="label" x="{middle + 10}" y="{top + GAP / 2 + 4}">{escape(label)}</text>'
                )
            top, label = top + GAP, ""
        height = HIGH if detail else LOW
        parts.append(f'<rect x="{LEFT}" y="{top}" width="{BOX}" height="{height}" rx="6"/>')
        parts.append(f'<text class="title" x="{middle}" y="{top + 25}">{escape(title)}</text>')
        if detail:
            parts.append(f'<text x="{middle}" y="{top + 45}">{escape(detail)}</text>')
        boxes[title] = top, height
        if back:
            backs.append((title, back))
        top += height
    for begin, end in backs:
        if end not in boxes:
            raise ValueError(f"a drawing has no box {end!r} to lead back to")
        from_, to = (boxes[name][0] + boxes[name][1] // 2 for name in (begin, end))
        right = LEFT + BOX
        parts.append(f'<path d="M{right} {from_} h30 V{to} h-25" marker-end="url(#head)"/>')
    head = '<marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="8" markerHeight="8"'
    head += ' orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker>'
    titles = escape(", then ".join(boxes))
    view = f'viewBox="0 0 {WIDTH} {top + 2}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {view} role="img" aria-label="{titles}">'
        f"<defs>{head}</defs>{''.join(parts)}</svg>"
    )
