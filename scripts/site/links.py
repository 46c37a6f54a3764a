"""Check a built site: every link, picture and anchor leads somewhere, and nothing is loaded from elsewhere.

python scripts/site/links.py FOLDER
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page has and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element has or loads."""
        for name, value in attrs:
            if name in {"id", "name"} and value:
                self.anchors.add(value)
            if name in {"href", "src"} and value:
                is_page = tag == "a" or dict(attrs).get("rel") in {"canonical", "next", "prev"}
                (self.links if is_page else self.loads).add(value)


def problems(site: Path) -> list[str]:
    """Return what is wrong with a site."""
    pages = {path.resolve(): Page(path.read_text()) for path in site.rglob("*.html")}
    found = [] if pages else [f"{site} has no page"]
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        # The page for what does not exist is shown at any address; its links begin at the root of the site.
        if str(name) == "404.html":
            continue
        for link in sorted(page.links | page.loads):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loads and parts.scheme != "data":
                    found.append(f"{name} loads {link} from elsewhere")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.exists():
                found.append(f"{name} leads to {link}, which does not exist")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{name} leads to {link}, and the page has no such place")
    return found


def main() -> int:
    """Check the site that the command line names."""
    site = Path(sys.argv[1])
    found = problems(site)
    print(*found, sep="\n", end="\n" if found else "")
    if not found:
        print(f"docs: {len(list(site.rglob('*.html')))} pages in {site}, every link leads somewhere")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
