# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Writes drafts as a rule file, or into one that is there: only lines are added, nothing that a human wrote changes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import parse_path
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import REVIEW
from ansible_collections.stagesync.aws.plugins.module_utils.pii.draft import Drafted, Entry

try:
    import yaml
except ImportError:
    # rules.YAML_IMPORT_ERROR tells the module.
    yaml = None

_HEADER = """\
# Masking rules, drafted by discover. What is marked `review` waits for a decision: write a mask, or keep.
# docs/masks.md lists the masks; run discover again after the schema has changed, and only what is new is added.
version: 1
unlisted: fail
"""
_PLAIN = re.compile(r"[A-Za-z_][\w.@$/ <>*()-]*[\w*>)]|[A-Za-z_]", re.ASCII)
_RESERVED = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_STEP = "  "


class DraftError(Exception):
    """One sentence: why nothing can be added to a rule file, where, and what to do."""


@dataclass
class Result:
    """The new text; what was added, and what the file has no place for, each (namespace, path, rule)."""

    text: str
    added: list[tuple[str, str, str]] = field(default_factory=list)
    not_added: list[tuple[str, str, str]] = field(default_factory=list)


def merge(text: str, drafts: Iterable[Drafted], source: str = "rules") -> Result:
    """Add to a rule file what it does not name yet. Raises DraftError for text that is no rule file."""
    drafts = list(drafts)
    root = _compose(text, source)
    if root is None:
        body = _HEADER + "".join(_lines(_databases(drafts)))
        return Result(text + ("\n" if text.strip() else "") + body, [one for draft in drafts for one in _all(draft)])
    merged = _Merge(text, root).run(drafts)
    _check(root, _compose(merged.text, source), source)
    return merged


def _compose(text: str, source: str):
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise DraftError(f"{source}:{line}: not valid YAML: mend it, then run discover again.") from error
    if root is not None and root.id != "mapping":
        raise DraftError(f"{source}:1: this is no rule file: name one, or one that does not exist yet.")
    return root


# ---- writing --------------------------------------------------------------------------------------------------------


def quoted(name: str) -> str:
    """Write a name so that YAML reads it as that text."""
    if _PLAIN.fullmatch(name) and name.lower() not in _RESERVED:
        return name
    return json.dumps(name, ensure_ascii=not name.isprintable())


@dataclass
class _Line:
    """A key at a depth with a scalar value or nothing, and a comment."""

    depth: int
    key: str
    value: str = ""
    comment: str = ""

    def write(self, indent: str = "") -> str:
        value = f" {self.value}" if self.value else ""
        comment = f"  # {self.comment}" if self.comment else ""
        return f"{indent}{_STEP * self.depth}{quoted(self.key)}:{value}{comment}"


def _lines(lines: Iterable[_Line]) -> Iterator[str]:
    return (line.write() + "\n" for line in lines)


def _databases(drafts: list[Drafted]) -> Iterator[_Line]:
    yield _Line(0, "databases", "" if drafts else "{}")
    for name in dict.fromkeys(draft.database for draft in drafts):
        yield from _database(name, drafts, 1)


def _database(name: str, drafts: list[Drafted], depth: int) -> Iterator[_Line]:
    yield _Line(depth, name)
    yield _Line(depth + 1, "collections")
    for draft in drafts:
        if draft.database == name:
            yield from _collection(draft, depth + 2)


def _collection(draft: Drafted, depth: int) -> Iterator[_Line]:
    if draft.action and ":" in draft.action:
        key, value = draft.action.split(": ")
        yield _Line(depth, draft.name)
        yield _Line(depth + 1, key, value, draft.comment)
    elif draft.action:
        yield _Line(depth, draft.name, draft.action, draft.comment)
    else:
        yield _Line(depth, draft.name, "", draft.comment)
        yield _Line(depth + 1, "fields")
        yield from (_field(entry, depth + 2) for entry in draft.entries)


def _field(entry: Entry, depth: int) -> _Line:
    return _Line(depth, entry.text, entry.rule, entry.comment)


def _all(draft: Drafted) -> list[tuple[str, str, str]]:
    if draft.action:
        return [(draft.namespace, "", draft.action)]
    return [(draft.namespace, entry.text, entry.rule) for entry in draft.entries]


# ---- adding ---------------------------------------------------------------------------------------------------------


class _Merge:
    def __init__(self, text: str, root) -> None:
        self.text, self.root = text, root
        self.end_of_line = "\r\n" if "\r\n" in text else "\n"
        self.insertions: list[tuple[int, int, str]] = []  # where, minus the depth, what
        self.shared = _shared(root)

    def run(self, drafts: list[Drafted]) -> Result:
        result = Result(self.text)
        for namespace_entries, lines, parent in self.wanted(drafts):
            placed = parent is not None and self.place(parent, lines)
            (result.added if placed else result.not_added).extend(namespace_entries)
        # From the end, so that what comes before stays where it is.
        # Of those at one place the deeper come first: they belong to what is before.
        for position, _depth, addition in sorted(self.insertions, key=lambda found: found[:2])[::-1]:
            result.text = result.text[:position] + addition + result.text[position:]
        return result

    def wanted(self, drafts: list[Drafted]) -> Iterator[tuple[list, list[_Line], tuple | None]]:
        """Yield what is new: its names, its lines from depth 0, and the (key, value) nodes of its mapping."""
        top = _items(self.root)
        databases = top.get("databases")
        if databases is None:
            lines = list(_databases(drafts))
            yield [one for draft in drafts for one in _all(draft)], lines, (None, self.root)
            return
        everywhere = _value(top.get("unlisted")) or "fail"
        known = _items(databases[1])
        for name in dict.fromkeys(draft.database for draft in drafts):
            mine = [draft for draft in drafts if draft.database == name]
            if name in known:
                yield from self.in_database(known[name], mine, everywhere)
            elif everywhere == "fail":
                yield [one for draft in mine for one in _all(draft)], list(_database(name, mine, 0)), databases

    def in_database(self, pair: tuple, drafts: list[Drafted], above: str) -> Iterator[tuple]:
        items = _items(pair[1])
        unlisted = _value(items.get("unlisted")) or above
        collections = items.get("collections")
        known = _items(collections[1]) if collections else {}
        for draft in drafts:
            if draft.name in known:
                yield from self.in_collection(known[draft.name], draft, unlisted)
            elif unlisted == "fail":
                yield _all(draft), list(_collection(draft, 0)), collections

    def in_collection(self, pair: tuple, draft: Drafted, above: str) -> Iterator[tuple]:
        items = _items(pair[1])
        # Without `fields` the whole collection is decided on.
        if "fields" not in items or draft.action:
            return
        if (_value(items.get("unlisted")) or above) != "fail":
            return
        rules = {path: _rule_of(value) for path, value in _paths(items["fields"][1])}
        for entry in draft.entries:
            if any(_covers(path, entry.path) for path in rules):
                continue
            below = any(len(path) > len(entry.path) and _covers(entry.path, path) for path in rules)
            line = _field(entry, 0)
            if below and entry.rule != "keep":
                line = _Line(
                    0, entry.text, REVIEW, "also a value here, where rules name fields below: keep, or drop those"
                )
            yield [(draft.namespace, entry.text, line.value)], [line], items["fields"]

    def place(self, pair: tuple, lines: list[_Line]) -> bool:
        """Add lines at the end of a mapping; False where it is also used elsewhere under an anchor."""
        key, node = pair
        if id(node) in self.shared:
            return False
        if node.id == "scalar":
            if node.value not in ("", "null", "~"):
                return False
            position, indent = self.line_end(node.end_mark.index), " " * (key.start_mark.column + 2)
            if node.value:
                return False
        elif node.flow_style:
            self.insertions.append((self.flow_end(node), 0, self.flow(node, lines)))
            return True
        else:
            indent = " " * node.value[0][0].start_mark.column
            position = self.after_comments(self.line_end(_end(node)), len(indent))
        written = self.end_of_line.join(line.write(indent) for line in lines)
        # A last line without its end gets one.
        fresh = position > 0 and self.text[position - 1] != "\n"
        addition = self.end_of_line + written if fresh else written + self.end_of_line
        self.insertions.append((position, -len(indent), addition))
        return True

    def line_end(self, index: int) -> int:
        """The beginning of the next line, or the end of the text."""
        # A mapping's mark may stand behind the line breaks that follow it.
        index = len(self.text[:index].rstrip()) if self.text[:index].strip() else index
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found + 1

    def after_comments(self, position: int, indent: int) -> int:
        """Pass over the comments that belong to what is before: those right below and as deep."""
        while position < len(self.text):
            end = self.line_end_from(position)
            line = self.text[position:end]
            if not line.lstrip(" ").startswith("#") or len(line) - len(line.lstrip(" ")) < indent or not indent:
                return position
            position = end
        return position

    def line_end_from(self, position: int) -> int:
        found = self.text.find("\n", position)
        return len(self.text) if found < 0 else found + 1

    @staticmethod
    def flow_end(node) -> int:
        return node.end_mark.index - 1

    def flow(self, node, lines: list[_Line]) -> str:
        before = self.text[node.start_mark.index : node.end_mark.index - 1].rstrip()
        pending = any(position == self.flow_end(node) for position, _depth, _text in self.insertions)
        comma = ", " if (node.value or pending) and not before.endswith(",") else ""
        return comma + _flow(lines)


def _flow(lines: list[_Line]) -> str:
    """Write lines in one, in braces; comments have no place there."""
    written, depth = "", -1
    for line in lines:
        if line.depth > depth and depth >= 0:
            written += "{"
        elif depth >= 0:
            written += "}" * (depth - line.depth) + ", "
        depth = line.depth
        key = line.key if re.fullmatch(r"[A-Za-z_][\w.]*", line.key, re.ASCII) else json.dumps(line.key)
        key = json.dumps(line.key) if line.key.lower() in _RESERVED else key
        written += f"{key}: {'{' + line.value + '}' if ':' in line.value else line.value}"
    return written + "}" * (depth - lines[0].depth)


# ---- reading nodes --------------------------------------------------------------------------------------------------


def _items(node, within: tuple = ()) -> dict[str, tuple]:
    """The (key, value) nodes of a mapping by name, those of merge keys too; {} for anything else."""
    found: dict[str, tuple] = {}
    if node.id != "mapping" or id(node) in within:
        return found
    for key, value in node.value:
        if key.tag.endswith(":merge"):
            for source in value.value if value.id == "sequence" else [value]:
                for name, pair in _items(source, (*within, id(node))).items():
                    found.setdefault(name, pair)
    found.update({key.value: (key, value) for key, value in node.value if key.id == "scalar" and key.value != "<<"})
    return found


def _value(pair: tuple | None) -> str:
    return pair[1].value if pair is not None and pair[1].id == "scalar" else ""


def _rule_of(node) -> str:
    if node.id == "scalar":
        return node.value
    return _value(_items(node).get("mask"))


def _paths(node) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, (_key, value) in _items(node).items():
        try:
            yield parse_path(name), value
        except ValueError:
            continue  # the loader of the rules says so


def _covers(rule: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether a rule's path is the path or above it; `*` stands for any name."""
    return len(rule) <= len(path) and all(
        one == other or one == "*" and other != "<key>" for one, other in zip(rule, path)
    )


def _shared(root) -> set[int]:
    """The nodes that stand in several places, by an anchor and its aliases."""
    times: Counter[int] = Counter()
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        times[id(node)] += 1
        if id(node) in seen or node.id == "scalar":
            continue
        seen.add(id(node))
        waiting += [child for pair in node.value for child in pair] if node.id == "mapping" else node.value
    return {found for found, count in times.items() if count > 1}


def _end(node) -> int:
    """Where the last content of a block mapping ends."""
    key, value = node.value[-1]
    # What an alias stands for lies elsewhere.
    if value.start_mark.index < key.end_mark.index:
        return key.end_mark.index
    if value.id == "mapping" and not value.flow_style and value.value:
        return _end(value)
    return value.end_mark.index


def _plain(node) -> dict:
    """Everything that a file decides, to compare."""
    decided = {}
    for database, (_key, value) in _items(_items(node)["databases"][1]).items() if "databases" in _items(node) else ():
        for collection, (_key, rules) in (
            _items(_items(value)["collections"][1]).items() if "collections" in _items(value) else ()
        ):
            if rules.id == "scalar":
                decided[database, collection] = rules.value
            elif "fields" in _items(rules):
                for path, rule in _items(_items(rules)["fields"][1]).items():
                    decided[database, collection, path] = _rule_of(rule[1])
    return decided


def _check(before, after, source: str) -> None:
    old, new = _plain(before), _plain(after)
    if any(new.get(name) != rule for name, rule in old.items()):
        raise DraftError(
            f"{source}: its form does not let anything be added: write one key a line and run discover again."
        )
