"""What the site's pages are made of besides Markdown: drawings, and the list of every name."""

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import drawings
import names


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put drawings and tables into a page."""

    def draw(match: re.Match[str]) -> str:
        return f'<div class="drawing">{drawings.svg(match[1])}</div>'

    markdown = re.sub(r"^```drawing\n(.*?)^```$", draw, markdown, flags=re.DOTALL | re.MULTILINE)
    if page.file.src_uri == "reference/names.md":
        markdown = markdown.replace("{names}", names.tables())
    return markdown
