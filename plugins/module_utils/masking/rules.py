# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads a rule file and finds everything that is wrong with it, each with its line."""

from __future__ import annotations

import datetime
import difflib
import itertools
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.hooks import Hook, digest, hook_from
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import MASKS
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import (
    KEY,
    STAR,
    parse_path,
    parse_template,
    path_text,
)
from ansible_collections.stagesync.aws.plugins.module_utils.masking.options import Option, check_server_side, shown
from ansible_collections.stagesync.aws.plugins.module_utils.masking.words import LOCALES

__all__ = ["KEY", "STAR", "parse_path", "path_text"]

VERSION = 1
UNLISTED = ("fail", "drop", "keep")
ACTIONS = ("keep", "drop", "empty")
CONTENTS = ("keep", "drop", "replace")
# What discover writes where a human has to decide.
REVIEW = "review"
CHUNKS = ".chunks"
# Aliases can multiply a small file into millions of rules, and of parts of a value.
MAX_RULES = 500_000
MAX_PARTS = 100_000
# More of them tell nobody more.
_MAX_PASSING = 100
# Masks of former releases.
_RENAMED = {"name": "first_name, last_name or full_name"}

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
    """What happens to one collection.

    action      "mask", "keep" (as it is), "drop" (left behind) or "empty" (made with its indexes, without documents)
    where       a query filter that a document must match to be copied, or None; notation.to_bson makes it BSON
    sample      the share of the documents (of those that match) that is copied, above 0 to 1, or None for all
    contents    of GridFS chunks "keep", "drop" (then `action` is "empty") or "replace"; else None
    """

    namespace: str
    action: str
    unlisted: str
    fields: tuple[FieldRule, ...]
    line: int
    where: Mapping[str, Any] | None = field(default=None, hash=False)
    sample: float | None = None
    contents: str | None = None


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
    hooks: tuple[Hook, ...] = ()

    def database(self, name: str) -> DatabaseRules | None:
        """The rules of one database, or None where the file does not name it."""
        return self.databases.get(name)

    def collection(self, database: str, name: str) -> CollectionRules | None:
        """The rules of one collection, or None where the file does not name it."""
        rules = self.databases.get(database)
        return rules.collections.get(name) if rules else None


def load_rules(text: str, source: str = "rules") -> RuleSet:
    """Read rules of format version 1 from YAML text; raises RulesError with every problem found."""
    return _Reader(source).read(text)


class _Reader:
    """Walks YAML's node graph, which still knows lines and duplicate keys, and collects problems."""

    def __init__(self, source: str):
        self.source = source
        self.problems: list[Problem] = []
        self.rules = 0
        self.parts = 0
        self.flat: dict[int, list] = {}
        self.locale: str | None = None
        self.defaults: dict[str, dict] = {}

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
        values = self.known_keys(items, "", ("version", "unlisted", "defaults", "databases", "hooks"))
        self.version(root, values.get("version"))
        self.read_defaults(values.get("defaults"))
        unlisted = self.unlisted(values.get("unlisted"), "", "fail")
        databases = {}
        if "databases" not in values:
            self.problem(root, "", "'databases' is missing: name every database that is to be copied")
        else:
            for name, key, value in self.mapping(values["databases"], "databases", "'databases'") or ():
                if not name:
                    self.problem(key, "databases", "a database has no name")
                databases[name] = self.database(name, key, value, unlisted)
        hooks = self.hooks(values.get("hooks"), databases, unlisted)
        return RuleSet(VERSION, unlisted, databases, self.source, hooks)

    def hooks(self, node, databases: Mapping[str, DatabaseRules], unlisted: str) -> tuple[Hook, ...]:
        if node is not None and node.id != "sequence":
            self.problem(node, "hooks", f"'hooks' must be a list, not {_kind(node)}")
            return ()
        found: dict[str, Hook] = {}
        for number, item in enumerate(node.value if node is not None else (), 1):
            try:
                hook = hook_from(self.plain(item), item.start_mark.line + 1)
            except ValueError as error:
                self.problem(item, "hooks", f"hook {number} {error}")
                continue
            message = f"the name is that of the hook on line {found[hook.name].line}" if hook.name in found else None
            message = message or _out_of_reach(hook, databases, unlisted)
            if message:
                self.problem(item, f"hooks.{hook.name}", message)
            found.setdefault(hook.name, hook)
        return tuple(found.values())

    def version(self, root, node) -> None:
        if node is None:
            self.problem(root, "version", f"'version' is missing: write 'version: {VERSION}'")
        elif node.id != "scalar" or node.tag != f"{_TAG}int" or node.value != str(VERSION):
            shown = repr(node.value) if node.id == "scalar" else _kind(node)
            self.problem(node, "version", f"version {shown} is not known here: write 'version: {VERSION}'")

    def read_defaults(self, node) -> None:
        """`locale`, and by the name of a mask the options that it has where a rule gives none."""
        for name, key, value in () if node is None else self.mapping(node, "defaults", "'defaults'") or ():
            if name == "locale":
                self.locale = self.choice(value, "defaults.locale", LOCALES)
            elif name in MASKS:
                self.mask_defaults(name, value)
            else:
                hint = _did_you_mean(name, ("locale", *MASKS)) or "; known are locale and the names of masks"
                self.problem(key, "defaults", f"unknown key {name!r}{hint}")

    def mask_defaults(self, mask: str, node) -> None:
        path, options = f"defaults.{mask}", MASKS[mask].options
        given = self.mapping(node, path, "the default options of a mask") or []
        for name, key, _value in given:
            if name in options and options[name].required:
                self.problem(key, path, f"option {name!r} of the mask {mask} has no default: give it with each rule")
        self.defaults[mask] = dict(self.checked_options(mask, given, path))

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
                    chunks = child.endswith(CHUNKS)
                    collections[child] = self.collection(f"{name}.{child}", child_key, value, unlisted, chunks)
        return DatabaseRules(name, unlisted, collections, key.start_mark.line + 1)

    def collection(self, namespace: str, key, node, unlisted: str, chunks: bool) -> CollectionRules:
        line = key.start_mark.line + 1
        if node.id == "scalar" and not _is_empty(node):
            action = self.choice(node, namespace, ACTIONS) or "keep"
            if chunks and action == "keep":
                self.contents_missing(node, namespace)
            return CollectionRules(namespace, action, unlisted, (), line)
        items = self.mapping(node, namespace, "a collection that is not 'keep', 'drop' or 'empty'")
        if items is None:
            return CollectionRules(namespace, "mask", unlisted, (), line)
        values = self.known_keys(items, namespace, ("action", "unlisted", "where", "sample", "contents", "fields"))
        unlisted = self.unlisted(values.get("unlisted"), namespace, unlisted)
        action = self.action(key, namespace, values, chunks)
        contents = self.contents(namespace, values, chunks, action)
        more = {
            "where": self.where(values.get("where"), namespace),
            "sample": self.sample(values.get("sample"), namespace),
            "contents": contents,
        }
        if action != "mask":
            return CollectionRules(namespace, action, unlisted, (), line, **more)
        if contents == "drop":
            return CollectionRules(namespace, "empty", unlisted, (), line, **more)
        if contents == "keep" and "fields" not in values:
            return CollectionRules(namespace, "keep", unlisted, (), line, **more)
        fields = self.fields(namespace, key, values, unlisted, contents)
        return CollectionRules(namespace, "mask", unlisted, fields, line, **more)

    def action(self, key, namespace: str, values: Mapping, chunks: bool) -> str:
        """What the keys of a collection say together; "mask" where they name fields."""
        action = self.choice(values["action"], f"{namespace}.action", ACTIONS) if "action" in values else "mask"
        if action in ("keep", "drop", "empty"):
            without = ("fields", "contents") if action == "keep" else ("fields", "contents", "where", "sample")
            for name in without:
                if name in values:
                    message = f"{name!r} means nothing with 'action: {action}': remove one of the two"
                    self.problem(values[name], namespace, message)
            if chunks and action == "keep":
                self.contents_missing(values["action"], namespace)
        elif "fields" not in values and "contents" not in values and "action" not in values:
            wanted = (
                "write 'contents: keep', 'drop' or 'replace'" if chunks else "write 'action: keep', 'drop' or 'empty'"
            )
            self.problem(key, namespace, f"'fields' is missing: name the fields, or {wanted}")
        elif chunks and "contents" not in values and "action" not in values:
            self.contents_missing(key, namespace)
        return action or "keep"

    def contents_missing(self, where, namespace: str) -> None:
        self.problem(
            where,
            namespace,
            "a collection of GridFS chunks needs 'contents': write {contents: keep}, {contents: drop} or "
            "{contents: replace}",
        )

    def contents(self, namespace: str, values: Mapping, chunks: bool, action: str) -> str | None:
        node = values.get("contents")
        if node is None or action != "mask":
            return None
        contents = self.choice(node, f"{namespace}.contents", CONTENTS)
        if not chunks:
            self.problem(
                node, namespace, f"'contents' is for GridFS chunks, whose collection's name ends in '{CHUNKS}'"
            )
        elif contents == "drop":
            for name in ("fields", "where", "sample"):
                if name in values:
                    self.problem(values[name], namespace, f"{name!r} means nothing with 'contents: drop'")
        return contents

    def where(self, node, namespace: str) -> dict | None:
        if node is None:
            return None
        try:
            where = self.plain(node)
            if not isinstance(where, dict) or not where:
                raise ValueError(f"must be a query filter such as {{status: open}}, not {shown(where)}")
            check_server_side(where)
        except ValueError as error:
            self.problem(node, f"{namespace}.where", f"'where' {error}")
            return None
        return where

    def sample(self, node, namespace: str) -> float | None:
        if node is None:
            return None
        try:
            sample = self.plain(node)
        except ValueError:
            sample = node.value
        if type(sample) in (int, float) and 0 < sample <= 1:
            return float(sample)
        self.problem(
            node,
            f"{namespace}.sample",
            f"'sample' must be a number above 0 and up to 1, such as 0.1, not {shown(sample)}",
        )
        return None

    def fields(
        self, namespace: str, key, values: Mapping, unlisted: str, contents: str | None
    ) -> tuple[FieldRule, ...]:
        found = [] if "fields" not in values else self.mapping(values["fields"], namespace, "'fields'")
        rules = [rule for item in found or () if (rule := self.field(namespace, *item)) is not None]
        # Messages about paths that did not parse come alone, without others that follow from them.
        if found is None or len(rules) < len(found):
            return tuple(rules)
        if contents is not None:
            rules += self.chunk_fields(namespace, rules, contents, values["contents"].start_mark.line + 1)
        line = key.start_mark.line + 1
        if rules:
            self.check_paths(namespace, rules, unlisted, line)
        elif "fields" in values:
            self.problem(
                line, namespace, "'fields' names no field: name the fields, or write 'keep', 'drop' or 'empty'"
            )
        return tuple(rules)

    def chunk_fields(self, namespace: str, rules: list[FieldRule], contents: str, line: int) -> list[FieldRule]:
        """The fields of GridFS chunks that a file need not name; `contents` decides on the data."""
        named = {rule.path[0] for rule in rules}
        for rule in rules:
            if rule.path[0] == "data":
                self.problem(rule.line, f"{namespace}.{rule.text}", "'contents' decides on the data: remove this rule")
        wanted = {"_id": "keep", "files_id": "keep", "n": "keep", "data": "redact" if contents == "replace" else "keep"}
        return [FieldRule((name,), mask, {}, line) for name, mask in wanted.items() if name not in named]

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
        mask, given = self.named_mask(key, node, path)
        if mask is None:
            return None
        options = self.options(mask, key, given, path)
        rule = FieldRule(segments, mask, options, key.start_mark.line + 1)
        return rule if self.check_rule(key, path, rule) else None

    def named_mask(self, key, node, path: str) -> tuple[str | None, list]:
        """The mask of a field's rule and the options given with it."""
        if node.id == "scalar":
            return self.mask(node, path), []
        items = self.mapping(node, path, "a field's rule that is not the name of a mask")
        if items is None:
            return None, []
        named = [value for option, _key, value in items if option == "mask"]
        if not named:
            self.problem(key, path, "'mask' is missing: write the name of a mask, or {mask: name, option: value}")
            return None, []
        return self.mask(named[0], path), [item for item in items if item[0] != "mask"]

    def check_rule(self, key, path: str, rule: FieldRule) -> bool:
        """Whether the mask goes with this kind of path."""
        message = None
        if rule.path[-1] == KEY and len(rule.path) == 1:
            message = f"'{KEY}' needs the name of a map before it: the fields of the document itself keep their names"
        elif rule.path[-1] == KEY and rule.masks and "string" not in MASKS[rule.mask].unique(rule.options):
            unique = ", ".join(name for name in _unique_masks("string"))
            message = f"the mask {rule.mask} does not keep the names of fields apart: use keep, or one of {unique}"
        elif rule.mask == "expr" and (
            {STAR, KEY} & set(rule.path) or any("." in name or name.startswith("$") for name in rule.path)
        ):
            message = (
                f"the server cannot set a path with '{STAR}', '{KEY}', or a name with a dot or a dollar: use a mask"
            )
        if message:
            self.problem(key, path, message)
        return message is None

    def mask(self, node, path: str) -> str | None:
        if node.id != "scalar":
            self.problem(node, path, f"the name of a mask must be text, not {_kind(node)}")
        elif _is_empty(node):
            self.problem(node, path, "no mask is given: write the name of a mask, or 'keep'")
        elif node.value.lower() == "null" and node.tag == f"{_TAG}null":
            return "null"
        elif node.value in MASKS:
            return node.value
        elif node.value == REVIEW:
            self.problem(node, path, "is left for review: decide: a mask or keep")
        elif node.value in _RENAMED:
            self.problem(node, path, f"the mask {node.value!r} is now {_RENAMED[node.value]}")
        else:
            hint = _did_you_mean(node.value, MASKS) or f"; known are {', '.join(MASKS)}"
            self.problem(node, path, f"unknown mask {node.value!r}{hint}")
        return None

    def options(self, mask: str, key, given: Iterable, path: str) -> dict[str, Any]:
        """All options of a mask: given ones, then the file's defaults, then the mask's own."""
        known = MASKS[mask].options
        options = {name: option.default for name, option in known.items()}
        if "locale" in known and self.locale:
            options["locale"] = self.locale
        options.update(self.defaults.get(mask, {}))
        options.update(self.checked_options(mask, given, path))
        named = {name for name, _key, _value in given}
        lacking = [name for name, option in known.items() if option.required and name not in named]
        for name in lacking:
            self.problem(key, path, f"the mask {mask} needs the option {name!r}: {known[name].describe}")
        if not lacking:
            try:
                MASKS[mask].check(options)
            except (TypeError, ValueError) as error:
                self.problem(key, path, f"the mask {mask} {error}")
        return options

    def checked_options(self, mask: str, given: Iterable, path: str) -> Iterable[tuple[str, Any]]:
        known = MASKS[mask].options
        for name, key, node in given:
            if name not in known:
                hint = _did_you_mean(name, known) or (f"; it takes {', '.join(known)}" if known else "; it takes none")
                self.problem(key, path, f"the mask {mask} has no option {name!r}{hint}")
                continue
            try:
                yield name, self.option_value(known[name], node)
            except ValueError as error:
                self.problem(node, path, f"option {name!r} of the mask {mask} {error}")

    def option_value(self, option: Option, node) -> Any:
        try:
            value = self.plain(node)
        except ValueError as error:
            # A scalar of the wrong kind is best told by what is wanted.
            if node.id != "scalar" or not option.schema:
                raise
            raise ValueError(f"must be {option.describe}, not {node.value!r}") from error
        return option.check(value)

    # -- values of options and filters

    def plain(self, node, parents: tuple[int, ...] = ()) -> Any:
        """The value of a node in plain types: dict, list, str, int, float, bool, datetime, None. Raises ValueError."""
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise ValueError(f"makes the file hold more than {MAX_PARTS} values: write less")
        if node.id == "scalar":
            return _plain_scalar(node)
        if id(node) in parents:
            raise ValueError("holds itself: name another anchor")
        inside = (*parents, id(node))
        if node.id == "sequence":
            return [self.plain(item, inside) for item in node.value]
        return {name: self.plain(value, inside) for name, _key, value in self.flatten(node, "", ())}

    # -- what rules say together

    def check_paths(self, namespace: str, rules: list[FieldRule], unlisted: str, line: int) -> None:
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
            if rule.mask == "template":
                self.check_template(namespace, rule, by_path)
        self.check_stars(namespace, rules, unlisted == "keep")
        self.check_id(namespace, by_path, unlisted, line)

    def check_stars(self, namespace: str, rules: list[FieldRule], open_: bool) -> None:
        """A name beside `*` takes its field away from the rules of the `*`: where no rule stops it, it gets out."""
        root = _Paths()
        for rule in rules:
            root.add(rule)
        for rule, name, path in itertools.islice(_passing(root, open_), _MAX_PASSING):
            self.problem(
                rule.line,
                f"{namespace}.{rule.text}",
                f"does not hold for {path_text(path)!r}, since a rule on line {name.line} names "
                f"{path_text(name.path)!r}, and what no rule names is kept here: add a rule for {path_text(path)!r}, "
                "a mask or keep",
            )

    def check_template(self, namespace: str, rule: FieldRule, by_path: Mapping) -> None:
        """The fields that a template names must have rules of their own that give text, and be no templates."""
        try:
            parts = parse_template(rule.options["template"] or "")
        except ValueError:  # told already
            return
        for path in (part for part in parts if isinstance(part, tuple)):
            other, message = by_path.get(path), None
            if other is None:
                close = _did_you_mean(path_text(path), [known.text for known in by_path.values()])
                message = f"has no rule{close or ': add one, a mask or keep'}"
            elif other.mask in ("template", "remove", "null"):
                message = f"has the mask {other.mask}: a template takes fields that give text by another mask or keep"
            if message:
                self.problem(rule.line, f"{namespace}.{rule.text}", f"{path_text(path)!r} in the template {message}")

    def check_id(self, namespace: str, by_path: Mapping, unlisted: str, line: int) -> None:
        rules = [rule for path, rule in by_path.items() if path[0] == "_id"]
        if not rules and unlisted != "keep":
            self.problem(line, namespace, "no rule for '_id': add '_id: keep', or a mask that keeps it unique")
        for rule in rules:
            if rule.masks and not MASKS[rule.mask].unique(rule.options):
                unique = ", ".join(_unique_masks())
                message = f"the mask {rule.mask} does not keep '_id' unique: use keep, or one of {unique}"
                self.problem(rule.line, f"{namespace}.{rule.text}", message)


def _out_of_reach(hook: Hook, databases: Mapping[str, DatabaseRules], unlisted: str) -> str | None:
    """Why a hook has nothing to work on; a misspelt name must not leave staging able to act."""
    database = databases.get(hook.database)
    rules = database.collections.get(hook.collection) if database else None
    if rules is not None:
        return f"{hook.namespace} is left behind by 'drop': remove the hook" if rules.action == "drop" else None
    if (database.unlisted if database else unlisted) == "keep":
        return None
    names = [rules.namespace for known in databases.values() for rules in known.collections.values()]
    return f"no rule names {hook.namespace}{_did_you_mean(hook.namespace, names) or ': correct it or add a rule'}"


@dataclass
class _Paths:
    """The rules' paths as a tree."""

    children: dict[str, _Paths] = field(default_factory=dict)
    rule: FieldRule | None = None
    first: FieldRule | None = None  # of those here and below

    def add(self, rule: FieldRule) -> None:
        node = self
        for name in rule.path:
            node = node.children.setdefault(name, _Paths())
            node.first = node.first or rule
        node.rule = rule

    def names(self) -> dict[str, _Paths]:
        return {name: child for name, child in self.children.items() if name not in (STAR, KEY)}


def _passing(node: _Paths, open_: bool, path: tuple[str, ...] = ()) -> Iterator[tuple[FieldRule, FieldRule, tuple]]:
    """Masked rules below a `*` that do not reach a field of a name beside it; that name's rule; the field's path.

    `open_`: what no rule names is kept here.
    """
    open_ = open_ or node.rule is not None
    star = node.children.get(STAR)
    for name, child in node.names().items() if star and open_ else ():
        # The document's own `*` does not match _id.
        if path or name != "_id":
            for rule, field_path in _unreached(star, child, (*path, name)):
                yield rule, child.first, field_path
    for name, child in node.children.items():
        yield from _passing(child, open_, (*path, name))


def _unreached(star: _Paths, named: _Paths | None, path: tuple[str, ...]) -> Iterator[tuple[FieldRule, tuple]]:
    """Masked rules at or below `star` without one that governs the same field at or below `named`, and the field."""
    if named is not None and named.rule is not None:
        # A mask, or a human's decision to keep it.
        return
    if star.rule is not None and star.rule.masks:
        yield star.rule, path
        return
    for name, below in star.children.items():
        instead = named.children.get(name) or (named.children.get(STAR) if name != KEY else None) if named else None
        yield from _unreached(below, instead, (*path, name))
        for other, child in named.names().items() if named and name == STAR else ():
            yield from _unreached(below, child, (*path, other))


def _unique_masks(bson_type: str | None = None) -> list[str]:
    """Masks that keep values apart, of one type or of any."""
    masks = {name: mask.keeps_unique for name, mask in MASKS.items() if name != "keep"}
    return [name for name, types in masks.items() if (bson_type in types if bson_type else types)]


_INT, _FLOAT, _BOOL, _NULL, _STR, _TIME = (
    f"{_TAG}{name}" for name in ("int", "float", "bool", "null", "str", "timestamp")
)


def _plain_scalar(node) -> Any:
    text, tag = node.value, node.tag
    if tag == _STR:
        if "\0" in text:
            raise ValueError("holds a NUL character: remove it")
        return text
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return text.lower() in ("true", "yes", "on")
    if tag == _INT:
        # YAML 1.1 reads 0x1f, 010, 1_000 and 1:30 as numbers too; few people do.
        if not re.fullmatch(r"[+-]?(?:0|[1-9][0-9]{0,18})", text) or not -(2**63) <= int(text) < 2**63:
            raise ValueError(f"must be text in quotes or a plain decimal number of 64 bits, not {text!r}")
        return int(text)
    if tag == _FLOAT:
        plain = text.lower().replace("_", "")
        if ":" in plain:
            raise ValueError(f"must be text in quotes or a plain decimal number, not {text!r}")
        return float(plain.replace(".inf", "inf").replace(".nan", "nan"))
    if tag == _TIME:
        date = yaml.constructor.SafeConstructor().construct_yaml_timestamp(node)
        return date if isinstance(date, datetime.datetime) else datetime.datetime(date.year, date.month, date.day)
    raise ValueError(f"must be plain YAML, not tagged {tag!r}")


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
                "where": collection.where is not None,
                "sample": collection.sample,
                "contents": collection.contents,
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
        "hooks": [{"name": hook.name, "namespace": hook.namespace, "action": hook.action} for hook in rules.hooks],
        "hooks_sha256": digest(rules.hooks),
    }
