# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads a document by the rules in Python: which values had to change and which had to stay.

This is written apart from the compiler of the masks on purpose: a mistake there is found here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import MASKS
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, FieldRule

try:
    from bson import Code, Decimal128, MaxKey, MinKey, ObjectId, Regex, Timestamp, encode
    from bson.datetime_ms import DatetimeMS
except ImportError:
    # client.PYMONGO_IMPORT_ERROR tells the module.
    Code = Decimal128 = MaxKey = MinKey = ObjectId = Regex = Timestamp = encode = DatetimeMS = None


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()

# Arrays within arrays that a mask reaches into; one more fails closed and becomes [].
_ARRAY_LEVELS = 2

# What is compared at a path, in the words of the findings.
DIFFERS = "the value differs"
UNCHANGED = "the masked value equals its original"
KEPT = "the removed field is still there"
LOST = "the field is missing from the clean copy"
ADDED = "the field is not in the source"
UNLISTED = "no rule names the field and it is in the clean copy"
ORDER = "the order of the fields differs"
LENGTH = "the array has another length"
TYPE = "the masked value has another type"
EMPTY = "an empty value was not left empty"


@dataclass
class Node:
    """One step of the rules' paths."""

    children: dict[str, Node] = field(default_factory=dict)
    star: Node | None = None
    rule: FieldRule | None = None
    text: str = ""  # the rule's path, written out once and not for every value

    @property
    def leaf(self) -> bool:
        return not self.children and self.star is None


def tree(rules: CollectionRules | None) -> Node:
    """Return the rules' paths as a tree; without rules everything is kept, which is a tree of nothing."""
    root = Node()
    for rule in rules.fields if rules else ():
        node = root
        for segment in rule.path:
            if segment == "*":
                node.star = node.star or Node()
                node = node.star
            else:
                node = node.children.setdefault(segment, Node())
        node.rule, node.text = rule, rule.text
    return root


@dataclass(frozen=True)
class Place:
    """Where in the tree a value is, with the rule of a less specific path that governs what is not named here."""

    node: Node
    inherited: FieldRule | None = None

    @property
    def rule(self) -> FieldRule | None:
        return self.node.rule or self.inherited

    def below(self, name: str, top: bool) -> Place | None:
        """Return the place of a field, or None where no rule names it."""
        star = None if top and name == "_id" else self.node.star
        child = self.node.children.get(name)
        if child is not None:
            return Place(child, self.rule)
        if star is not None:
            return Place(star, self.rule)
        return Place(_NOTHING, self.rule) if self.rule else None


_NOTHING = Node()


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same, type and bits, order of fields and all."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (str, int)) or one is MISSING:
        return one == other
    return encode({"": one}) == encode({"": other})


class Tally:
    """Counts and findings of one collection; holds no value of a document."""

    def __init__(self) -> None:
        self.compared = 0
        self.changed: Counter = Counter()
        self.unchanged: Counter = Counter()
        self.allowed: Counter = Counter()
        self.differences: Counter = Counter()
        self.ids: dict[tuple[str, str], list[str]] = {}

    def differ(self, path: str, what: str, identity: str | None = None, count: int = 1) -> None:
        self.differences[path, what] += count
        ids = self.ids.setdefault((path, what), [])
        if identity is not None and identity not in ids and len(ids) < 5:
            ids.append(identity)

    def add(self, other: Tally) -> None:
        self.compared += other.compared
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.allowed += other.allowed
        for (path, what), count in other.differences.items():
            self.differ(path, what, None, count)
            for identity in other.ids[path, what]:
                self.differ(path, what, identity, 0)


class Pair:
    """Compares the two sides of one document."""

    def __init__(self, root: Node, unlisted: str, tally: Tally, in_order: bool = True) -> None:
        self.root, self.unlisted, self.tally, self.in_order = root, unlisted, tally, in_order
        self._identity: Callable[[], str] | None = None
        self._only_kept = False

    def compare(self, source: dict, clean: dict, identity: Callable[[], str], only_kept: bool = False) -> None:
        """Add what differs to the tally, under `identity()`; `only_kept` leaves masked values aside."""
        self._identity, self._only_kept = identity, only_kept
        self._documents(source, clean, Place(self.root), "", top=True)

    def compare_masked(self, source: dict, clean: dict, identity: Callable[[], str]) -> None:
        """Add to the tally what `strip` took from the two sides of one document."""
        self._identity, self._only_kept = identity, False
        nothing = (None, MISSING)
        for path in {**source, **clean}:
            for (rule, one), (other_rule, other) in zip_longest(
                source.get(path, ()), clean.get(path, ()), fillvalue=nothing
            ):
                if rule or other_rule:
                    self._masked(one, other, rule or other_rule, path)
                else:
                    self._closed(one, other, path)

    def _differ(self, path: str, what: str) -> None:
        self.tally.differ(path, what, self._identity())

    def _documents(self, source: dict, clean: dict, place: Place, path: str, top: bool = False) -> None:
        for name in [*source, *(name for name in clean if name not in source)]:
            one, other = source.get(name, MISSING), clean.get(name, MISSING)
            below = place.below(name, top)
            if below is not None:
                # A key below `*` is data, so that findings name the rule's path.
                step = name if name in place.node.children or place.node.star is None else "*"
                self._values(one, other, below, f"{path}.{step}" if path else step)
            elif self.unlisted == "keep":
                self._kept(one, other, f"{path}.{name}" if path else name)
            elif other is not MISSING:
                self._differ(f"{path}.{name}" if path else name, UNLISTED)
        if self.in_order and [name for name in source if name in clean] != [name for name in clean if name in source]:
            self._differ(path, ORDER)

    def _values(self, source: Any, clean: Any, place: Place, path: str, arrays: int = 0) -> None:
        rule, node = place.rule, place.node
        if node.leaf:
            if rule is not None and rule.masks:
                self._masked(source, clean, rule, node.text)
            else:
                self._kept(source, clean, path)
        elif isinstance(source, dict) and isinstance(clean, dict):
            self._documents(source, clean, place, path)
        elif isinstance(source, list) and arrays == _ARRAY_LEVELS:
            self._closed(source, clean, path)
        elif isinstance(source, list) and isinstance(clean, list):
            if len(source) != len(clean):
                self._differ(path, LENGTH)
            for one, other in zip(source, clean):
                self._values(one, other, place, path, arrays + 1)
        elif source is None or clean is MISSING or source is MISSING or rule is not None or self.unlisted == "keep":
            self._kept(source, clean, path)
        else:
            self._closed(source, clean, path)

    def _kept(self, source: Any, clean: Any, path: str) -> None:
        if same(source, clean):
            return
        self._differ(path, LOST if clean is MISSING else ADDED if source is MISSING else DIFFERS)

    def _closed(self, source: Any, clean: Any, path: str) -> None:
        """A scalar where the rules name fields below it must not come through."""
        if self._only_kept:
            return
        if not same(source, clean):
            self.tally.changed[path] += 1
        elif is_empty(source) or is_redaction(clean):
            self.tally.allowed[path] += 1
        else:
            self.tally.unchanged[path] += 1
            self._differ(path, UNCHANGED)

    def _masked(self, source: Any, clean: Any, rule: FieldRule, path: str) -> None:
        if self._only_kept:
            return
        if rule.mask == "remove":
            if clean is not MISSING:
                self.tally.unchanged[path] += 1
                self._differ(path, KEPT)
            elif source is not MISSING:
                self.tally.changed[path] += 1
        elif source is MISSING or clean is MISSING:
            self._kept(source, clean, path)
        elif rule.mask == "null":
            self._nulled(source, clean, path)
        elif isinstance(source, list) and isinstance(clean, list) and len(source) == len(clean):
            for one, other in zip(source, clean):
                self._masked(one, other, rule, path)
        elif is_empty(source):
            if not same(source, clean):
                self._differ(path, EMPTY)
        else:
            self._changed(source, clean, rule, path)

    def _nulled(self, source: Any, clean: Any, path: str) -> None:
        if clean is not None:
            self.tally.unchanged[path] += 1
            self._differ(path, UNCHANGED if same(source, clean) else DIFFERS)
        elif source is not None:
            self.tally.changed[path] += 1

    def _changed(self, source: Any, clean: Any, rule: FieldRule, path: str) -> None:
        if not same(source, clean):
            self.tally.changed[path] += 1
            if type(source) is not type(clean) and not (isinstance(source, bytes) and isinstance(clean, bytes)):
                self._differ(path, TYPE)
        elif MASKS[rule.mask].may_equal or is_redaction(clean):
            self.tally.allowed[path] += 1
        else:
            self.tally.unchanged[path] += 1
            self._differ(path, UNCHANGED)


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, bytes, list, dict)) and not value)


def is_redaction(value: Any) -> bool:
    """Whether the value is what redaction makes of any value of its type, so that it tells nothing of an original."""
    if isinstance(value, (str, bytes)):
        return value == "[redacted]" or (isinstance(value, bytes) and not any(value))
    if isinstance(value, (list, dict)):
        return all(is_redaction(part) for part in (value.values() if isinstance(value, dict) else value))
    if isinstance(value, (bool, int, float)):
        return value == 0
    if isinstance(value, Decimal128):
        return value.to_decimal() == 0
    if isinstance(value, DatetimeMS):
        return int(value) == 0
    if isinstance(value, ObjectId):
        return not any(value.binary)
    # Of what is left a redaction is one fixed value.
    return value in (Timestamp(0, 1), MinKey(), MaxKey(), Code(""), Regex(""))


def strip(document: dict, root: Node, unlisted: str, in_order: bool = True) -> tuple[dict, dict[str, list]]:
    """Return what must be the same on both sides, and by path the masked values, each with its rule."""
    masked: dict[str, list] = {}
    rest = _strip(document, Place(root), unlisted, "", masked, top=True)
    return (rest if in_order else _sorted(rest)), masked


def _strip(value: Any, place: Place, unlisted: str, path: str, masked: dict, arrays: int = 0, top: bool = False) -> Any:
    rule, node = place.rule, place.node
    if not top and node.leaf:
        if rule is not None and rule.masks:
            masked.setdefault(node.text, []).append((rule, value))
            return MISSING
        return value
    if isinstance(value, dict):
        return _strip_document(value, place, unlisted, path, masked, top)
    if isinstance(value, list) and arrays < _ARRAY_LEVELS:
        kept = [_strip(part, place, unlisted, path, masked, arrays + 1) for part in value]
        return [part for part in kept if part is not MISSING]
    if value is None or ((rule is not None or unlisted == "keep") and not isinstance(value, list)):
        return value
    masked.setdefault(path, []).append((None, value))
    return MISSING


def _strip_document(value: dict, place: Place, unlisted: str, path: str, masked: dict, top: bool) -> dict:
    rest = {}
    for name, part in value.items():
        below = place.below(name, top)
        if below is None:
            if unlisted == "keep":
                rest[name] = part
            continue
        step = name if name in place.node.children or place.node.star is None else "*"
        kept = _strip(part, below, unlisted, f"{path}.{step}" if path else step, masked)
        if kept is not MISSING:
            rest[name] = kept
    return rest


def _sorted(value: Any) -> Any:
    """A time series keeps its measurements by column, so the order of their fields is the server's own."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(part) for part in value] if isinstance(value, list) else value
