# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads a rule file and finds everything that is wrong with it, each with its line."""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import MASKS, Option

VERSION = 1
UNLISTED = ("fail", "drop", "keep")
# Aliases can multiply a small file into millions of rules.
MAX_RULES = 100_000

try:
    import yaml

    YAML_IMPORT_ERROR = None
except ImportError:
    YAML_IMPORT_ERROR = traceback.format_exc()

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a rule file."""

    source: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.path + ': ' if self.path else ''}{self.message}"


class RulesError(Exception):
    """A rule file that cannot be used; `problems` holds all that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class FieldRule:
    """What happens to the values at one path of a collection."""

    path: tuple[str, ...]
    mask: str
    options: Mapping[str, Any] = field(hash=False)
    line: int

    @property
    def text(self) -> str:
        """The path as a rule file writes it."""
        return path_text(self.path)

    @property
    def masks(self) -> bool:
        """Whether values change: everything but `keep`."""
        return self.mask != "keep"


@dataclass(frozen=True)
class CollectionRules:
    """What happens to one collection."""

    namespace: str
    action: str
    unlisted: str
    fields: tuple[FieldRule, ...]
    line: int


@dataclass(frozen=True)
class DatabaseRules:
    """What happens to one database."""

    name: str
    unlisted: str
    collections: Mapping[str, CollectionRules]
    line: int


@dataclass(frozen=True)
class RuleSet:
    """A whole rule file, checked."""

    version: int
    unlisted: str
    databases: Mapping[str, DatabaseRules]
    source: str

    def database(self, name: str) -> DatabaseRules | None:
        """The rules of one database, or None where the file does not name it."""
        return self.databases.get(name)

    def collection(self, database: str, name: str) -> CollectionRules | None:
        """The rules of one collection, or None where the file does not name it."""
        rules = self.databases.get(database)
        return rules.collections.get(name) if rules else None


def path_text(path: Iterable[str]) -> str:
    """Write a path as a rule file does: dots between names, a dot or a backslash inside a name escaped."""
    return ".".join(re.sub(r"([\\.])", r"\\\1", segment) for segment in path)


def parse_path(text: str) -> tuple[str, ...]:
    """Split a path at its dots; `\\.` and `\\\\` stand for the characters themselves. Raises ValueError."""
    segments = [""]
    characters = iter(text)
    for character in characters:
        if character == "\\":
            escaped = next(characters, "")
            if escaped not in (".", "\\"):
                raise ValueError(r"a backslash in a path escapes a dot or a backslash only: write '\.' or '\\'")
            segments[-1] += escaped
        elif character == ".":
            segments.append("")
        else:
            segments[-1] += character
    if "" in segments:
        raise ValueError("the path has an empty part: write the names with one dot between them")
    if "\0" in text:
        raise ValueError("a field name cannot hold a NUL character")
    return tuple(segments)


def load_rules(text: str, source: str = "rules") -> RuleSet:
    """Read rules of format version 1 from YAML text; raises RulesError with every problem found."""
    return _Reader(source).read(text)


class _Reader:
    """Walks YAML's node graph, which still knows lines and duplicate keys, and collects problems."""

    def __init__(self, source: str):
        self.source = source
        self.problems: list[Problem] = []
        self.rules = 0
        self.flat: dict[int, list] = {}

    def read(self, text: str) -> RuleSet:
        rules = None
        try:
            root = self.compose(text)
            if root is not None:
                rules = self.rule_set(root)
        except RecursionError:
            self.problem(1, "", "the file is nested too deep: rules need seven levels at most")
        if self.problems:
            raise RulesError(sorted(set(self.problems), key=lambda item: (item.line, item.path, item.message)))
        return rules

    def problem(self, where: Any, path: str, message: str) -> None:
        line = where if isinstance(where, int) else where.start_mark.line + 1
        self.problems.append(Problem(self.source, line, path, message))

    def compose(self, text: str):

        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            hint = ": indent with spaces, not tabs" if "\\t" in str(error.problem) else ""
            self.problem(mark.line + 1 if mark else 1, "", f"not valid YAML: {error.problem or error.context}{hint}")
            return None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
            self.problem(line, "", f"not valid YAML: {error.reason}; remove the character")
            return None
        except (OverflowError, ValueError):
            # PyYAML's scanner turns \U escapes and %YAML versions into numbers without checking them.
            self.problem(1, "", "not valid YAML: an escape or a directive holds a number out of range")
            return None
        if root is None:
            self.problem(1, "", "the file is empty: it needs 'version: 1' and 'databases'")
        return root

    # -- YAML nodes

    def mapping(self, node, path: str, what: str) -> list | None:
        """The (key text, key node, value node) of a mapping, merge keys resolved; None for anything else."""
        if node.id != "mapping":
            self.problem(node, path, f"{what} must be a mapping, not {_kind(node)}")
            return None
        return self.flatten(node, path, ())

    def flatten(self, node, path: str, parents: tuple[int, ...]) -> list:
        if id(node) in self.flat:
            return self.flat[id(node)]
        if id(node) in parents:
            self.problem(node, path, "a merge key includes itself: name another anchor")
            return []
        own: dict[str, tuple] = {}
        merged: dict[str, tuple] = {}
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                for item in self.merge_sources(value, path, (*parents, id(node))):
                    # As in YAML's own definition, the first of several merged mappings wins.
                    merged.setdefault(item[0], item)
            elif key.id != "scalar":
                self.problem(key, path, f"a key must be text, not {_kind(key)}")
            elif key.value in own:
                first = own[key.value][1].start_mark.line + 1
                self.problem(key, path, f"{key.value!r} is there twice, first on line {first}: remove one of them")
            else:
                own[key.value] = (key.value, key, value)
        merged.update(own)
        self.flat[id(node)] = list(merged.values())
        return self.flat[id(node)]

    def merge_sources(self, node, path: str, parents: tuple[int, ...]) -> Iterable:
        for item in node.value if node.id == "sequence" else [node]:
            if item.id == "mapping":
                yield from self.flatten(item, path, parents)
            else:
                self.problem(item, path, f"'<<' merges a mapping or a list of mappings, not {_kind(item)}")

    # -- the format

    def rule_set(self, root) -> RuleSet | None:
        items = self.mapping(root, "", "the file")
        if items is None:
            return None
        values = self.known_keys(items, "", ("version", "unlisted", "databases"))
        self.version(root, values.get("version"))
        unlisted = self.unlisted(values.get("unlisted"), "", "fail")
        databases = {}
        if "databases" not in values:
            self.problem(root, "", "'databases' is missing: name every database that is to be copied")
        else:
            for name, key, value in self.mapping(values["databases"], "databases", "'databases'") or ():
                if not name:
                    self.problem(key, "databases", "a database has no name")
                databases[name] = self.database(name, key, value, unlisted)
        return RuleSet(VERSION, unlisted, databases, self.source)

    def version(self, root, node) -> None:
        if node is None:
            self.problem(root, "version", f"'version' is missing: write 'version: {VERSION}'")
        elif node.id != "scalar" or node.tag != f"{_TAG}int" or node.value != str(VERSION):
            shown = repr(node.value) if node.id == "scalar" else _kind(node)
            self.problem(node, "version", f"version {shown} is not known here: write 'version: {VERSION}'")

    def unlisted(self, node, path: str, inherited: str) -> str:
        if node is None:
            return inherited
        return self.choice(node, f"{path}.unlisted".lstrip("."), UNLISTED) or inherited

    def choice(self, node, path: str, choices: tuple[str, ...]) -> str | None:
        if node.id == "scalar" and node.value in choices:
            return node.value
        shown = repr(node.value) if node.id == "scalar" else _kind(node)
        hint = _did_you_mean(node.value, choices) if node.id == "scalar" else ""
        self.problem(node, path, f"{shown} is not one of {', '.join(choices)}{hint}")
        return None

    def known_keys(self, items, path: str, known: tuple[str, ...]) -> dict:
        values = {}
        for name, key, value in items:
            if name in known:
                values[name] = value
            else:
                self.problem(
                    key, path, f"unknown key {name!r}{_did_you_mean(name, known)}; known are {', '.join(known)}"
                )
        return values

    def database(self, name: str, key, node, unlisted: str) -> DatabaseRules:
        collections = {}
        items = self.mapping(node, name, "a database")
        if items is not None:
            values = self.known_keys(items, name, ("unlisted", "collections"))
            unlisted = self.unlisted(values.get("unlisted"), name, unlisted)
            if "collections" not in values:
                self.problem(key, name, "'collections' is missing: name every collection that is to be copied")
            else:
                for child, child_key, value in self.mapping(values["collections"], name, "'collections'") or ():
                    if not child:
                        self.problem(child_key, name, "a collection has no name")
                    collections[child] = self.collection(f"{name}.{child}", child_key, value, unlisted)
        return DatabaseRules(name, unlisted, collections, key.start_mark.line + 1)

    def collection(self, namespace: str, key, node, unlisted: str) -> CollectionRules:
        line = key.start_mark.line + 1
        if node.id == "scalar" and not _is_empty(node):
            action = self.choice(node, namespace, ("keep", "drop")) or "keep"
            return CollectionRules(namespace, action, unlisted, (), line)
        rules: list[FieldRule] = []
        items = self.mapping(node, namespace, "a collection that is neither 'keep' nor 'drop'")
        if items is not None:
            values = self.known_keys(items, namespace, ("unlisted", "fields"))
            unlisted = self.unlisted(values.get("unlisted"), namespace, unlisted)
            if "fields" not in values:
                self.problem(key, namespace, "'fields' is missing: name the fields, or write 'keep' or 'drop'")
            else:
                found = self.mapping(values["fields"], namespace, "'fields'")
                rules = [rule for item in found or () if (rule := self.field(namespace, *item)) is not None]
                # Messages about paths that did not parse come alone, without others that follow from them.
                if found is not None and len(rules) == len(found):
                    self.check_paths(namespace, rules, unlisted, line)
        return CollectionRules(namespace, "mask", unlisted, tuple(rules), line)

    def field(self, namespace: str, name: str, key, node) -> FieldRule | None:
        path = f"{namespace}.{name}"
        self.rules += 1
        if self.rules > MAX_RULES:
            if self.rules == MAX_RULES + 1:
                self.problem(key, path, f"the file gives more than {MAX_RULES} rules")
            return None
        try:
            segments = parse_path(name)
        except ValueError as error:
            self.problem(key, path, str(error))
            return None
        line = key.start_mark.line + 1
        if node.id == "scalar":
            mask = self.mask(node, path)
            return None if mask is None else FieldRule(segments, mask, self.options(mask, (), path), line)
        items = self.mapping(node, path, "a field's rule that is not the name of a mask")
        if items is None:
            return None
        named = [value for option, _key, value in items if option == "mask"]
        if not named:
            self.problem(key, path, "'mask' is missing: write the name of a mask, or {mask: name, option: value}")
            return None
        mask = self.mask(named[0], path)
        if mask is None:
            return None
        given = [item for item in items if item[0] != "mask"]
        return FieldRule(segments, mask, self.options(mask, given, path), line)

    def mask(self, node, path: str) -> str | None:
        if node.id != "scalar":
            self.problem(node, path, f"the name of a mask must be text, not {_kind(node)}")
        elif _is_empty(node):
            self.problem(node, path, "no mask is given: write the name of a mask, or 'keep'")
        elif node.value.lower() == "null" and node.tag == f"{_TAG}null":
            return "null"
        elif node.value in MASKS:
            return node.value
        else:
            hint = _did_you_mean(node.value, MASKS) or f"; known are {', '.join(MASKS)}"
            self.problem(node, path, f"unknown mask {node.value!r}{hint}")
        return None

    def options(self, mask: str, given: Iterable, path: str) -> dict[str, Any]:
        known = MASKS[mask].options
        options = {name: option.default for name, option in known.items()}
        for name, key, node in given:
            if name not in known:
                hint = _did_you_mean(name, known) or (f"; it takes {', '.join(known)}" if known else "; it takes none")
                self.problem(key, path, f"the mask {mask} has no option {name!r}{hint}")
                continue
            try:
                options[name] = _option_value(known[name], node)
            except ValueError as error:
                self.problem(node, path, f"option {name!r} of the mask {mask} {error}")
        return options

    def check_paths(self, namespace: str, rules: list[FieldRule], unlisted: str, line: int) -> None:
        if not rules:
            self.problem(line, namespace, "'fields' names no field: name the fields, or write 'keep' or 'drop'")
            return
        by_path = {rule.path: rule for rule in rules}
        for rule in rules:
            for length in range(1, len(rule.path)):
                parent = by_path.get(rule.path[:length])
                if parent is not None and parent.masks:
                    self.problem(
                        rule.line,
                        f"{namespace}.{rule.text}",
                        f"conflicts with {parent.text!r} on line {parent.line}, where {parent.mask} masks all of it: "
                        "remove one of the two",
                    )
        self.check_id(namespace, by_path, unlisted, line)

    def check_id(self, namespace: str, by_path: Mapping, unlisted: str, line: int) -> None:
        rule = by_path.get(("_id",))
        if rule is None:
            if unlisted != "keep" and not any(path[0] == "_id" for path in by_path):
                self.problem(line, namespace, "no rule for '_id': add '_id: keep', or a mask that keeps it unique")
        elif rule.masks and not MASKS[rule.mask].keeps_unique:
            unique = ", ".join(name for name, mask in MASKS.items() if mask.keeps_unique and name != "keep")
            self.problem(
                rule.line,
                f"{namespace}._id",
                f"the mask {rule.mask} does not keep '_id' unique: use keep, or one of {unique}",
            )


def _is_empty(node) -> bool:
    return node.id == "scalar" and (node.value == "" or (node.tag == f"{_TAG}null" and node.value.lower() != "null"))


def _kind(node) -> str:
    if node.id == "mapping":
        return "a mapping"
    if node.id == "sequence":
        return "a list"
    return "nothing" if _is_empty(node) else f"{node.value!r}"


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _option_value(option: Option, node) -> Any:
    if node.id != "scalar":
        raise ValueError(f"must be {option.describe()}, not {_kind(node)}")
    if option.type is int:
        # At most nine digits, so that no number can be too long to convert.
        if node.tag != f"{_TAG}int" or not re.fullmatch(r"[+-]?[0-9]{1,9}", node.value):
            raise ValueError(f"must be {option.describe()}, not {node.value!r}")
        return option.check(int(node.value))
    if node.tag != f"{_TAG}str":
        raise ValueError(f"must be {option.describe()}, not {node.value!r}")
    return option.check(node.value)


def summary(rules: RuleSet) -> dict[str, Any]:
    """What a rule file covers, in plain types."""
    databases: dict[str, Any] = {}
    masks: dict[str, int] = {}
    for database in rules.databases.values():
        collections = {}
        for name, collection in database.collections.items():
            masked = [rule.mask for rule in collection.fields if rule.masks]
            for mask in masked:
                masks[mask] = masks.get(mask, 0) + 1
            collections[name] = {
                "action": collection.action,
                "unlisted": collection.unlisted,
                "masked": len(masked),
                "kept": len(collection.fields) - len(masked),
            }
        databases[database.name] = {"unlisted": database.unlisted, "collections": collections}
    every = [collection for database in databases.values() for collection in database["collections"].values()]
    return {
        "version": rules.version,
        "unlisted": rules.unlisted,
        "databases": databases,
        "collections": len(every),
        "masked": sum(collection["masked"] for collection in every),
        "kept": sum(collection["kept"] for collection in every),
        "masks": dict(sorted(masks.items())),
    }
