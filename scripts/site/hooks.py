"""What the site's pages are made of besides Markdown: drawings, and the list of every name."""

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import drawings
import names

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def outside(markdown: str, folder: Path, repository: str) -> str:
    """Lead links to files that are not pages to the repository, or make them text where it has no address."""

    def lead(match: re.Match[str]) -> str:
        file = (folder / match[2]).resolve()
        if file.is_relative_to(DOCS) or not file.is_relative_to(ROOT) or not file.exists():
            return match[0]
        path = file.relative_to(ROOT)
        return (
            f"[{match[1]}]({repository.rstrip('/')}/blob/main/{path}{match[3] or ''})"
            if repository
            else match[1]
        )

    return re.sub(r"\[([^\]]+)\]\((\.\./[^)#]+)(#[^)]*)?\)", lead, markdown)


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Put drawings and tables into a page."""

    def draw(match: re.Match[str]) -> str:
        return f'<div class="drawing">{drawings.svg(match[1])}</div>'

    markdown = re.sub(r"^```drawing\n(.*?)^```$", draw, markdown, flags=re.DOTALL | re.MULTILINE)
    if page.file.src_uri == "reference/names.md":
        markdown = markdown.replace("{names}", names.tables())
    return outside(markdown, (DOCS / page.file.src_uri).parent, config.repo_url or "")
