"""What the documents name is there: settings, files, targets of make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.settings import ARTIFACT, SETTINGS

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "tests" / "lab" / "README.md")
)
MODULES = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = {name for line in re.findall(r"^([a-z][a-z -]*):", MAKEFILE, re.MULTILINE) for name in line.split()}
FOLDERS = "changelogs|docs|inventories|molecule|native|playbooks|plugins|roles|tests"
# Written by the reader.
THEIRS = {"inventories/aws/rules.yml"}


def code(text: str) -> str:
    """What stands in code: between backticks, in fences, and indented."""
    fenced = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join([*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^ {4}.*", text, re.MULTILINE), *fenced])


def there(name: str) -> bool:
    return name in THEIRS or any((ROOT / f"{name}{ending}").exists() for ending in ("", ".py"))


def unknown(text: str) -> set[str]:
    """The settings, files and targets of make that a document names and that are not there."""
    named = code(text)
    known = SETTINGS.keys() | MODULES | {ARTIFACT}
    settings = set(re.findall(r"(?<![\w./])stagesync_[a-z_]*[a-z]\b(?!/)", named)) - known
    files = {name for name in re.findall(rf"(?<![\w./-])(?:{FOLDERS})/[\w./-]*\w", named) if not there(name)}
    targets = set(re.findall(r"(?:^|&& ) *make ([a-z][a-z-]*)", named, re.MULTILINE)) - TARGETS
    return settings | files | targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_is_there(document):
    assert unknown((ROOT / document).read_text(encoding="utf-8")) == set()


def test_what_is_not_there_is_found():
    text = "`make docs`, `make nothing` with `stagesync_none`:\n\n    ansible-playbook playbooks/none.yml\n"
    assert unknown(text) == {"nothing", "stagesync_none", "playbooks/none.yml"}
