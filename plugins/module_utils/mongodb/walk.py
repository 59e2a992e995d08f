# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads a document by the rules in Python: which values had to change and which had to stay.

This is written apart from the engine on purpose: a mistake there is found here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import MASKS
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import KEY, STAR, to_bson
from ansible_collections.stagesync.aws.plugins.module_utils.masking.programs import Unexpected
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, FieldRule

try:
    from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp, encode
    from bson.datetime_ms import DatetimeMS
except ImportError:
    # client.PYMONGO_IMPORT_ERROR tells the module.
    Binary = Code = Int64 = Decimal128 = MaxKey = MinKey = ObjectId = Regex = Timestamp = encode = DatetimeMS = None


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()

# Masks that put something in the place of null and "" too.
_REPLACES_EMPTY = frozenset({"constant", "expr"})

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
WRONG = "the masked value is none that its mask makes"


@dataclass
class Node:
    """One step of the rules' paths."""

    children: dict[str, Node] = field(default_factory=dict)
    star: Node | None = None
    key: FieldRule | None = None  # masks the names themselves that no other rule names
    rule: FieldRule | None = None
    text: str = ""  # the rule's path, written out once and not for every value

    @property
    def leaf(self) -> bool:
        return not self.children and self.star is None and self.key is None


def tree(rules: CollectionRules | None) -> Node:
    """Return the rules' paths as a tree; without rules everything is kept, which is a tree of nothing."""
    root = Node()
    for rule in rules.fields if rules else ():
        node = root
        keys = rule.path[-1] == KEY
        for segment in rule.path[:-1] if keys else rule.path:
            if segment == STAR:
                node.star = node.star or Node()
                node = node.star
            else:
                node = node.children.setdefault(segment, Node())
        if keys:
            node.key = rule
        else:
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


def is_key(name: str, node: Node, top: bool) -> bool:
    """Whether a name is data that the rules mask, and not the name of a field."""
    return node.key is not None and name not in node.children and not (top and name == "_id")


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
        self.documents = [0, 0]  # of the source and of the clean copy, where all were read
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
        self.documents = [one + more for one, more in zip(self.documents, other.documents)]
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

    def compare(self, source: dict, clean: dict, identity: Callable[[], str]) -> None:
        """Add what differs to the tally, under `identity()`."""
        self._identity = identity
        self._documents(source, clean, Place(self.root), "", top=True)

    def compare_masked(self, source: dict, clean: dict, identity: Callable[[], str]) -> None:
        """Add to the tally what `masked_values` took from the two sides of one document."""
        self._identity = identity
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
        if place.node.key is not None:
            clean = self._with_original_names(source, clean, place, top)
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

    def _with_original_names(self, source: dict, clean: dict, place: Place, top: bool) -> dict:
        """Return the clean map under the source's names, which are paired by their order."""
        rule = place.node.key
        through = place.node.star is not None or place.rule is not None or self.unlisted == "keep"
        ours = [name for name in source if through and is_key(name, place.node, top)]
        theirs = [name for name in clean if is_key(name, place.node, top)]
        if len(ours) != len(theirs):
            return clean
        names = dict(zip(theirs, ours))
        for masked, name in names.items():
            if name:
                if rule.masks:
                    self._masked(name, masked, rule, rule.text)
                else:
                    self._kept(name, masked, rule.text)
        return {names.get(name, name): value for name, value in clean.items()}

    def _values(self, source: Any, clean: Any, place: Place, path: str) -> None:
        rule, node = place.rule, place.node
        if node.leaf:
            if rule is not None and rule.masks:
                self._masked(source, clean, rule, node.text)
            else:
                self._kept(source, clean, path)
        elif isinstance(source, dict) and isinstance(clean, dict):
            self._documents(source, clean, place, path)
        elif isinstance(source, list) and isinstance(clean, list):
            if len(source) != len(clean):
                self._differ(path, LENGTH)
            for one, other in zip(source, clean):
                self._values(one, other, place, path)
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
        if not same(source, clean):
            self.tally.changed[path] += 1
        elif is_empty(source) or is_redaction(clean):
            self.tally.allowed[path] += 1
        else:
            self.tally.unchanged[path] += 1
            self._differ(path, UNCHANGED)

    def _masked(self, source: Any, clean: Any, rule: FieldRule, path: str) -> None:
        mask = MASKS[rule.mask]
        if rule.mask == "remove":
            if clean is not MISSING:
                self.tally.unchanged[path] += 1
                self._differ(path, KEPT)
            elif source is not MISSING:
                self.tally.changed[path] += 1
        elif rule.mask == "expr" and clean is MISSING and source is not MISSING:
            self.tally.changed[path] += 1  # the expression gave nothing
        elif source is MISSING or clean is MISSING:
            self._kept(source, clean, path)
        elif rule.mask == "null":
            self._nulled(source, clean, path)
        elif isinstance(source, list) and isinstance(clean, list) and len(source) == len(clean) and not mask.whole:
            for one, other in zip(source, clean):
                self._masked(one, other, rule, path)
        elif is_empty(source) and rule.mask not in _REPLACES_EMPTY:
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
        if not _can_be_made(source, clean, rule):
            self.tally.unchanged[path] += same(source, clean)
            self._differ(path, UNCHANGED if same(source, clean) else WRONG)
        elif not same(source, clean):
            self.tally.changed[path] += 1
            if not _may_become(source, clean, rule):
                self._differ(path, TYPE)
        elif MASKS[rule.mask].may_equal or is_redaction(clean):
            self.tally.allowed[path] += 1
        else:
            self.tally.unchanged[path] += 1
            self._differ(path, UNCHANGED)


# Masks whose result depends on nothing but the value.
_KEYLESS = frozenset({"age_band", "date_truncate", "number_round", "text"})


def _can_be_made(source: Any, clean: Any, rule: FieldRule) -> bool:
    """Whether the mask can make this of the value, as far as that can be told without the key."""
    mask = MASKS[rule.mask]
    if rule.mask == "redact":
        return is_redaction(clean)
    if rule.mask == "constant":
        return same(clean, to_bson(rule.options["value"]))
    if rule.mask == "choice":
        return is_redaction(clean) or any(same(clean, to_bson(value)) for value in rule.options["values"])
    if rule.mask in _KEYLESS:
        if _type_name(source) not in mask.types:
            return is_redaction(clean)
        try:
            return same(clean, mask.program(rule.options).function(source, None))
        except Unexpected:
            return is_redaction(clean)
    if isinstance(source, dict) and not {"object", "any"} & set(mask.types):
        return is_redaction(clean)
    return True


def _may_become(source: Any, clean: Any, rule: FieldRule) -> bool:
    """Whether the mask may make a value of this type; what it does not take keeps its own."""
    if type(source) is type(clean) or (isinstance(source, bytes) and isinstance(clean, bytes)):
        return True
    types = MASKS[rule.mask].result_types(rule.options)
    return types is not None and ("any" in types or _type_name(clean) in types)


def _type_name(value: Any) -> str:
    """Return the BSON type's name of a decoded value; "" for the rare types that no mask makes."""
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "bool"
    if isinstance(value, int):
        return "long" if isinstance(value, Int64) else "int"
    types = {
        str: "string", float: "double", list: "array", dict: "object", bytes: "binData", Binary: "binData",
        DatetimeMS: "date", ObjectId: "objectId", Decimal128: "decimal",
    }  # fmt: skip
    return types.get(type(value), "")


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
    return value in (Timestamp(0, 1), MinKey(), MaxKey(), Code(""), Code("", {}), Regex(""))


def masked_values(document: dict, root: Node, unlisted: str) -> dict[str, list]:
    """Return by path the masked values of a document, each with its rule."""
    masked: dict[str, list] = {}
    _collect_fields(document, Place(root), unlisted, "", masked, top=True)
    return masked


def _collect(value: Any, place: Place, unlisted: str, path: str, masked: dict) -> None:
    rule, node = place.rule, place.node
    if node.leaf:
        if rule is not None and rule.masks:
            masked.setdefault(node.text, []).append((rule, value))
    elif isinstance(value, dict):
        _collect_fields(value, place, unlisted, path, masked)
    elif isinstance(value, list):
        for part in value:
            _collect(part, place, unlisted, path, masked)
    elif value is not None and rule is None and unlisted != "keep":
        masked.setdefault(path, []).append((None, value))


def _collect_fields(value: dict, place: Place, unlisted: str, path: str, masked: dict, top: bool = False) -> None:
    for name, part in value.items():
        below, key = place.below(name, top), place.node.key
        # What no rule names does not get through, and neither does its name.
        if name and (below is not None or unlisted == "keep") and is_key(name, place.node, top) and key.masks:
            masked.setdefault(key.text, []).append((key, name))
        if below is not None:
            step = name if name in place.node.children or place.node.star is None else "*"
            _collect(part, below, unlisted, f"{path}.{step}" if path else step, masked)
