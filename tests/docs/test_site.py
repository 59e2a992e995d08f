"""The site builds without a warning, and every link, anchor, picture, module and role in it is there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.parent.parent.name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
PICTURES = sorted(path.name for path in (ROOT / "docs" / "pictures").glob("*.svg"))
PAGES = sorted(
    str(path.relative_to(ROOT).with_suffix(".html"))
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
    if path.parent.name != "site"
)
SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """The anchors of a page, what it links to, and what a browser loads with it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a":
            self.links += [given["href"]] if given.get("href") else []
        else:
            self.loaded += [given[name] for name in ("href", "src") if given.get(name)]


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    directory = tmp_path_factory.mktemp("docs")
    program = ROOT / "docs" / "site" / "build.py"
    return directory / "site", subprocess.run(
        [sys.executable, str(program), str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )


@pytest.fixture(scope="session")
def site(built) -> Path:
    if built[1].returncode:
        pytest.skip("the site does not build")
    return built[0]


@pytest.fixture(scope="session")
def pages(site) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


def dead(site: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """Every place within the site that is named and is not there, with the page that names it."""
    for path, page in pages.items():
        for link in (*page.links, *page.loaded):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            where = f"{path.relative_to(site)} -> {link}"
            if not target.is_file() or not target.is_relative_to(site.resolve()):
                yield where
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{where}: no such anchor"


def test_the_site_builds_without_a_warning(built):
    assert built[1].returncode == 0, built[1].stdout[-6000:]


def test_every_link_and_anchor_leads_somewhere(site, pages):
    assert len(pages) > len(MODULES) + len(ROLES) + len(PAGES)
    assert list(dead(site, pages)) == []


def test_what_is_dead_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#two">x</a><a href="c.html">x</a><img src="d.svg">')
    (tmp_path / "b.html").write_text('<p id="one"></p><a href="a.html">x</a><a href="https://example.com/e">x</a>')
    found = {path: Page(path) for path in tmp_path.glob("*.html")}
    assert sorted(dead(tmp_path, found)) == [
        "a.html -> b.html#two: no such anchor",
        "a.html -> c.html",
        "a.html -> d.svg",
    ]


def test_a_browser_loads_nothing_from_elsewhere(pages):
    assert [(path.name, link) for path, page in pages.items() for link in page.loaded if urlsplit(link).netloc] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_document_is_a_page(site, page):
    assert (site / page).is_file()


@pytest.mark.parametrize("page", [*(f"{name}_module" for name in MODULES), *(f"{name}_role" for name in ROLES)])
def test_every_module_and_role_has_its_page(site, pages, page):
    assert (site / "collections" / f"{page}.html").is_file()
    listed = pages[site / "collections" / "index.html"].links
    assert any(urlsplit(link).path == f"{page}.html" for link in listed)


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_shown_and_says_in_words_what_it_shows(name, pages):
    assert any(link.endswith(f"/{name}") for page in pages.values() for link in page.loaded)
    tree = ElementTree.parse(ROOT / "docs" / "pictures" / name).getroot()
    assert tree.findtext(f"{SVG}title")
    assert tree.findtext(f"{SVG}desc")
    assert "prefers-color-scheme: dark" in tree.findtext(f"{SVG}style")
