"""Every link of the pages leads somewhere, and the site has every page."""

import importlib
import re
from pathlib import Path

import pytest
import yaml
from test_public_api import PUBLIC

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    ROOT / "benchmarks" / "README.md",
    *sorted(DOCS.rglob("*.md")),
]
# What the pages of the repository are called in the site.
FROM_REPOSITORY = {"index.md", "contributing.md", "changelog.md"}
FROM_REPOSITORY |= {"benchmarks.md"}
API = {
    name: PUBLIC[name]
    for name in (
        *("layers", "losses", "models", "callbacks", "datasets"),
        *("evaluation", "pipeline", "serving", "scale", "distribute"),
        *("report", "synthetic"),
    )
} | {"presets": {"Demo", "Paper", "PRESETS"}}


def prose(page):
    """The text of a page without its blocks of code."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """The anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    slugs, seen = set(), {}
    for heading in headings:
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).strip()
        slug = slug.replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        slugs.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
    return slugs


def broken_links(page):
    """The links of a page to files and anchors that are not there."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_and_anchor_leads_somewhere(page):
    assert broken_links(page) == []


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "a.md").write_text("# One & two\n\n## Same\n\n## Same\n")
    links = "a.md#one--two", "a.md#same-1", "a.md#same-2", "b.md", "#here"
    page = tmp_path / "page.md"
    page.write_text("".join(f"[x]({link})\n" for link in links) + "# Here\n")
    assert broken_links(page) == ["a.md#same-2", "b.md"]


class SiteLoader(yaml.SafeLoader):
    """Reads `mkdocs.yml`, whose tags name Python objects."""


SiteLoader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def pages_of(nav):
    """The files that a navigation lists, however deeply."""
    if isinstance(nav, str):
        return [nav]
    entries = nav.values() if isinstance(nav, dict) else nav
    return [page for entry in entries for page in pages_of(entry)]


def test_the_navigation_lists_every_page():
    site = yaml.load((ROOT / "mkdocs.yml").read_text(), SiteLoader)
    listed = pages_of(site["nav"])
    assert len(listed) == len(set(listed))
    written = {p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md")}
    assert set(listed) == written | FROM_REPOSITORY


def test_the_reference_has_a_page_for_every_public_package():
    assert {page.stem for page in (DOCS / "api").glob("*.md")} == set(API)


@pytest.mark.parametrize("package", API)
def test_the_reference_shows_every_public_name(package):
    """Where a file has the name of a function, the page names the function."""
    text = (DOCS / "api" / f"{package}.md").read_text()
    text = text.replace(f"::: nfs_keras.{package}\n", "")
    shown = re.findall(r"^::: (nfs_keras\.\S+)\.(\w+)$", text, re.MULTILINE)
    assert sorted(name for _, name in shown) == sorted(API[package])
    module = importlib.import_module(f"nfs_keras.{package}")
    for home, name in shown:
        files = (ROOT / home.replace(".", "/")).glob(f"{name}.py")
        assert not list(files), f"{home}.{name} would be the file"
        found = getattr(importlib.import_module(home), name)
        assert found is getattr(module, name)
