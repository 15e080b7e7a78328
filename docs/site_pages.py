"""Puts the pages that lie beside `docs/` into the site, a hook of MkDocs.

README.md is the site's first page. Links between these pages and those of
`docs/` are written for the repository, where they work, and are changed here.
"""

import pathlib
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parent.parent
PAGES = {  # files of the repository, and what they are called in the site
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
    "CITATION.cff": "CITATION.cff",
}


def on_files(files, config):
    """Adds the pages."""
    for source in PAGES:
        text = for_site(source, (ROOT / source).read_text("utf-8"))
        files.append(File.generated(config, PAGES[source], content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Changes the links of `docs/` that lead out of it."""
    if page.file.src_uri in PAGES.values():
        return markdown
    return for_site(f"docs/{page.file.src_uri}", markdown, r"\.\./")


def for_site(source, text, start=""):
    """Changes the links of a page whose targets begin as `start` says.

    Args:
        source: Path of the page in the repository.
        text: Its Markdown.
        start: Regular expression.
    """
    return re.sub(
        rf"(?<=\]\()({start}[^)#\s:]+)(?=[)#])",
        lambda link: site_link(source, link[1]),
        text,
    )


def site_link(source, link):
    """Gives the target in the site of a link on a page of the repository."""
    path = (ROOT / source).parent.joinpath(link).resolve()
    target = path.relative_to(ROOT).as_posix()
    return PAGES.get(target, target.removeprefix("docs/"))
