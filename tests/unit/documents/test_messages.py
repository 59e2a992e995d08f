"""Every message that the documents quote is one that the code says; every refusal of a role is in the documents."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
TROUBLESHOOTING = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
RUNBOOK = (ROOT / "runbook.md").read_text(encoding="utf-8")
# AWS's own words.
FOREIGN = {"TargetNotConnected"}
GAP = "…"
DOCUMENTED = ("DOCUMENTATION", "EXAMPLES", "RETURN")


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


# ---- what the code says ----


def literal(node: ast.expr) -> str | None:
    """A text of the code with a gap for each value in it; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(part) or GAP for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = literal(node.left), literal(node.right)
        return None if left is None and right is None else (left or GAP) + (right or GAP)
    return None


def texts_of_python(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # Not what is written for readers: descriptions and documentation.
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    nodes += [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in DOCUMENTED]
    written = {node.value for node in nodes}
    for node in ast.walk(tree):
        text = literal(node) if isinstance(node, ast.expr) and node not in written else None
        if text:
            yield flat(text)


def texts_of_yaml(value) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from texts_of_yaml(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_of_yaml(each)
    elif isinstance(value, str):
        yield flat(value)


def said() -> list[str]:
    texts = {text for path in ROOT.glob("plugins/**/*.py") for text in texts_of_python(path)}
    for path in (*ROOT.glob("roles/*/*/*.yml"), *ROOT.glob("playbooks/*.yml")):
        texts |= set(texts_of_yaml(yaml.safe_load(path.read_text(encoding="utf-8"))))
    return sorted(texts)


SAID = said()


def says(text: str, quoted: str) -> bool:
    """Whether the parts of a quoted message stand in a text, in their order."""
    place = 0
    for part in filter(None, map(flat, quoted.split(GAP))):
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


# ---- what the documents quote ----


def rows(text: str) -> Iterator[str]:
    """The first cell of each row of the tables of messages."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells and not set(cells[0]) <= {"-"} and cells[0] != "message":
            yield cells[0]


def messages(text: str) -> list[str]:
    return [quoted for cell in rows(text) for quoted in re.findall(r"`([^`]+)`", cell)]


QUOTED = messages(TROUBLESHOOTING.partition("## What others say")[0])
OF_RUNBOOK = sorted(set(messages(RUNBOOK.partition("## When it says")[2])) - FOREIGN)


def test_there_is_what_is_looked_at():
    assert len(QUOTED) > 100
    assert len(OF_RUNBOOK) > 30
    assert len(SAID) > 1000


@pytest.mark.parametrize("quoted", [*QUOTED, *OF_RUNBOOK])
def test_a_quoted_message_is_said(quoted):
    longest = max(quoted.split(GAP), key=len)
    assert len(longest.strip()) >= 6, "too little is quoted to be found"
    assert any(says(text, quoted) for text in SAID), "no code says this any more: correct the document"


def test_no_message_is_quoted_twice():
    assert sorted({quoted for quoted in QUOTED if QUOTED.count(quoted) > 1}) == []


def refusals() -> Iterator[tuple[str, str]]:
    """What the roles and playbooks refuse, with the file that says it."""

    def tasks(value) -> Iterator[str]:
        if isinstance(value, list):
            for each in value:
                yield from tasks(each)
        elif isinstance(value, dict):
            message = (value.get("ansible.builtin.assert") or {}).get("fail_msg")
            if message:
                yield flat(message)
            for name in ("block", "rescue", "always", "tasks"):
                yield from tasks(value.get(name, []))

    for path in (*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/*.yml")):
        for message in tasks(yaml.safe_load(path.read_text(encoding="utf-8"))):
            # Of others' messages only, which are said where they come from.
            if not re.fullmatch(r"(Run )?\{\{.*\}\}", message):
                yield f"{path.relative_to(ROOT)}: {message[:60]}", message


@pytest.mark.parametrize("message", [pytest.param(text, id=name) for name, text in refusals()])
def test_every_refusal_of_a_role_is_documented(message):
    assert any(says(message, quoted) for quoted in (*QUOTED, *OF_RUNBOOK)), "add it to docs/troubleshooting.md"
