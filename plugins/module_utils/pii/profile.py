# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What was seen at every path of a collection: counts, and shapes, but no value.

A profile is a tree by field names. Arrays are gone through, element by element. An object that is a map, whose keys are
data and not names, becomes one child for all keys, with a tally of what the keys themselves are. Profiles of parts of a
collection add up to that of the whole.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import KEY, STAR
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import FieldRule
from ansible_collections.stagesync.aws.plugins.module_utils.pii import vocabulary
from ansible_collections.stagesync.aws.plugins.module_utils.pii.detectors import Detectors, Hit
from ansible_collections.stagesync.aws.plugins.module_utils.pii.products import Products
from ansible_collections.stagesync.aws.plugins.module_utils.pii.shape import shape, type_word

# So many names in one object, and it is a map whatever they look like; fewer in a tree that has grown large.
_MOST_NAMES, _MOST_NODES, _FEW_NAMES = 400, 20_000, 24
_DISTINCT = 1000
_DAY = 86_400_000
# Days since 1970 of 1 January 1995: few applications have dates of their own from before.
_OLD = 9131 * _DAY
# Keys that are data: ObjectIds, UUIDs, other hexadecimal and long mixed identifiers, numbers, dates.
_DATA_KEY = re.compile(
    r"[0-9a-f]{24}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{32,64}|[A-Za-z]{0,6}[_-]?\d{3,}|\d+"
    r"|\d{4}-\d\d(?:-\d\d)?.{0,16}|(?=\S*\d)(?=\S*[A-Za-z])[A-Za-z0-9_-]{16,}"
)
_UNMISTAKABLE = re.compile(
    r"\+?\d{6,}|[0-9a-f]{24}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{32,64}"
)
_IDENTIFIER = re.compile(r"[0-9a-f]{24}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEXADECIMAL = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_SENTENCE = re.compile(r"[^\W\d_]{2}[^\w]+[^\W\d_]{2}")


class Look:
    """How values are looked at: by the detectors, and in a clean copy past what its rules explain."""

    def __init__(self, detectors: Detectors, products: Products | None = None) -> None:
        self.detectors = detectors
        self.products = products

    def unexplained(self, hits: tuple[Hit, ...], rule: FieldRule | None, text: str) -> tuple[Hit, ...]:
        if self.products is None:
            return hits
        return tuple(hit for hit in hits if not self.products.explains(rule, hit.detector, text))

    def rule(self, path: tuple[str, ...]) -> FieldRule | None:
        return self.products.rule(path) if self.products else None


class Values:
    """What the scalar values at one path were: `strong` and `weak` count whole values, `inside` texts, by detector."""

    __slots__ = (
        "count", "nothings", "texts", "ids", "types", "strong", "weak", "inside", "examples", "distinct", "low",
        "high", "fractions", "old",
    )  # fmt: skip

    def __init__(self) -> None:
        self.count = 0  # values that hold something
        self.nothings = 0  # null, "", empty arrays and objects
        self.texts = 0  # of strings, those of several words
        self.ids = 0  # of strings, ObjectIds and UUIDs
        self.types: Counter[str] = Counter()
        self.strong: Counter[str] = Counter()
        self.weak: Counter[str] = Counter()
        self.inside: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.distinct: set[int] = set()
        self.low: float | None = None
        self.high: float | None = None
        self.fractions = 0
        self.old = 0  # dates before 1995

    def add(self, value: Any, look: Look, rule: FieldRule | None = None) -> None:
        kind = _KINDS.get(type(value)) or type_word(value)
        self.types[kind] += 1
        if value is None or value == "":
            self.nothings += 1
            return
        self.count += 1
        if len(self.distinct) < _DISTINCT and kind in _COUNTED:
            self.distinct.add(hash(value if kind != "decimal" else value.bid))
        if kind == "string":
            self._text(value, look, rule)
        elif kind in ("binData", "javascript"):
            text = _text_of(value)
            if text:
                self._text(text, look, rule)
        elif kind in ("int", "long", "double"):
            self._number(value, look, rule)
        elif kind == "date":
            self.old += int(value) < _OLD

    def _text(self, value: str, look: Look, rule: FieldRule | None) -> None:
        hits = look.detectors.whole(value)
        for hit in look.unexplained(hits, rule, value) if hits else ():
            (self.strong if hit.strong else self.weak)[hit.detector] += 1
            if hit.detector not in self.examples:
                self.examples[hit.detector] = shape(value)
        blanks = value.count(" ") if len(value) < 2000 else 100
        if blanks > 1 and _SENTENCE.search(value):
            self.texts += 1
        elif not blanks and len(value) in (24, 36):
            self.ids += bool(_IDENTIFIER.fullmatch(value))
        if not hits and (blanks or len(value) > 24 and not _HEXADECIMAL.fullmatch(value)):
            seen = set()
            for span in look.detectors.spans(value):
                part = value[span.start : span.end]
                if span.detector not in seen and look.unexplained((Hit(span.detector, True),), rule, part):
                    seen.add(span.detector)
                    self.inside[span.detector] += 1
                    self.examples.setdefault(span.detector, shape(part))

    def _number(self, value: float, look: Look, rule: FieldRule | None) -> None:
        if math.isnan(value):
            return
        self.low = value if self.low is None else min(self.low, value)
        self.high = value if self.high is None else max(self.high, value)
        if isinstance(value, float):
            self.fractions += not value.is_integer()
            value = int(value) if value.is_integer() and abs(value) < 2**53 else 0
        hits = look.detectors.whole(int(value))
        for hit in look.unexplained(hits, rule, str(value)) if hits else ():
            self.weak[hit.detector] += 1
            self.examples.setdefault(hit.detector, shape(str(value)))

    def merge(self, other: Values) -> None:
        for name in ("count", "nothings", "texts", "ids", "fractions", "old"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("types", "strong", "weak", "inside"):
            getattr(self, name).update(getattr(other, name))
        self.examples = {**other.examples, **self.examples}
        self.distinct |= other.distinct
        lows = [found for found in (self.low, other.low) if found is not None]
        highs = [found for found in (self.high, other.high) if found is not None]
        self.low, self.high = min(lows, default=None), max(highs, default=None)


def _text_of(value: Any) -> str:
    """Code, and binary data that is UTF-8 text and nothing else."""
    if isinstance(value, str):
        return str(value)
    try:
        text = bytes(value[:_BINARY_LOOKED_AT]).decode()
    except UnicodeDecodeError:
        return ""
    return text if len(text) >= 6 and text.isprintable() else ""


_BINARY_LOOKED_AT = 1 << 20
_KINDS = {str: "string", int: "int", float: "double", bool: "bool", type(None): "null"}
_COUNTED = {"string", "int", "long", "double", "decimal", "objectId", "binData"}


class Node:
    """One path: `values` of scalars there, `names` of the fields below, or `star` where those are data."""

    __slots__ = ("seen", "objects", "points", "pairs", "values", "names", "star", "keys", "path", "rule")

    def __init__(self, path: tuple[str, ...] = (), rule: FieldRule | None = None) -> None:
        self.path = path
        self.rule = rule  # of a clean copy, what is at the path or above it
        self.seen = 0
        self.objects = 0
        self.points = 0  # GeoJSON objects
        self.pairs = 0  # arrays of two numbers with a fraction
        self.values: Values | None = None
        self.names: dict[str, Node] = {}
        self.star: Node | None = None
        self.keys: Values | None = None


class Profile:
    """The tree of one collection, or of a part of it. Goes to another process without its look."""

    def __init__(self, look: Look) -> None:
        self.root = Node()
        self.documents = 0
        self.look: Look | None = look
        self._nodes = 0

    def __getstate__(self) -> dict:
        return {**self.__dict__, "look": None}

    def add(self, document: dict) -> None:
        self.documents += 1
        self._object(self.root, document)

    def _object(self, node: Node, value: dict) -> None:
        node.objects += 1
        star, names = node.star, node.names
        for name, item in value.items():
            child = names.get(name)
            if child is None:
                if star is not None and not (node is self.root and name == "_id"):
                    self._key(node, name)
                    child = star
                else:
                    child = names[name] = self._node((*node.path, name))
                    self._nodes += 1
                    if len(names) > (_MOST_NAMES if self._nodes < _MOST_NODES else _FEW_NAMES):
                        self._collapse(node)
                        star, names = node.star, node.names
                        child = names.get(name) or star
            child.seen += 1
            self._value(child, item)

    def _value(self, node: Node, value: Any) -> None:
        kind = type(value)
        if kind is dict:
            if "coordinates" in value and value.get("type") in _POINTS:
                node.points += 1
            if value:
                self._object(node, value)
            else:
                self._nothing(node, "object")
        elif kind is list:
            if len(value) == 2 and isinstance(value[0], float) and isinstance(value[1], float):
                node.pairs += 1
            for item in value:
                self._value(node, item)
            if not value:
                self._nothing(node, "array")
        else:
            if node.values is None:
                node.values = Values()
            node.values.add(value, self.look, node.rule)

    def _node(self, path: tuple[str, ...]) -> Node:
        return Node(path, self.look.rule(path))

    @staticmethod
    def _nothing(node: Node, kind: str) -> None:
        node.values = node.values or Values()
        node.values.types[kind] += 1
        node.values.nothings += 1

    def _key(self, node: Node, name: str) -> None:
        node.keys.add(name, self.look, self.look.rule((*node.path, KEY)))

    def _collapse(self, node: Node) -> None:
        """Make a map of an object: one child in the place of all, and the names tallied as values."""
        node.star = node.star or self._node((*node.path, STAR))
        node.keys = node.keys or Values()
        for name, child in list(node.names.items()):
            if node is self.root and name == "_id":
                continue
            self._key(node, name)
            self._merge(node.star, child)
            del node.names[name]

    def merge(self, other: Profile) -> None:
        self.documents += other.documents
        self._nodes += other._nodes
        self._merge(self.root, other.root)

    def _merge(self, node: Node, other: Node) -> None:
        for name in ("seen", "objects", "points", "pairs"):
            setattr(node, name, getattr(node, name) + getattr(other, name))
        for name in ("values", "keys"):
            theirs = getattr(other, name)
            if theirs is not None:
                ours = getattr(node, name)
                if ours is None:
                    setattr(node, name, theirs)
                else:
                    ours.merge(theirs)
        for name, child in other.names.items():
            self._merge(node.names.get(name) or node.names.setdefault(name, self._node((*node.path, name))), child)
        if other.star is not None or len(node.names) > _MOST_NAMES:
            self._collapse(node)
            if other.star is not None:
                self._merge(node.star, other.star)

    def finish(self) -> None:
        """Find the maps among what is left; call it once everything is added."""
        self._find_maps(self.root)

    def _find_maps(self, node: Node) -> None:
        if node.names and self._is_map(node):
            self._collapse(node)
        for child in node.names.values():
            self._find_maps(child)
        if node.star is not None:
            self._find_maps(node.star)

    def _is_map(self, node: Node) -> bool:
        children = {name: child for name, child in node.names.items() if node is not self.root or name != "_id"}
        if not children:
            return False
        certain = sum(bool(_UNMISTAKABLE.fullmatch(name)) for name in children)
        # A name that is personal itself must not get into a rule file or a report.
        if node.star is not None or certain == len(children) or any(self._is_personal(name) for name in children):
            return True
        data = certain + sum(bool(_DATA_KEY.fullmatch(name)) for name in children if not _UNMISTAKABLE.fullmatch(name))
        if len(children) >= 3 and data >= 0.8 * len(children):
            return True
        seen = sum(child.seen for child in children.values())
        sparse = len(children) >= 20 and seen < 0.3 * len(children) * node.objects
        return (
            sparse and _alike(list(children.values())) and sum(map(_is_telling, children)) < max(2, len(children) // 10)
        )

    def _is_personal(self, name: str) -> bool:
        return any(hit.strong for hit in self.look.detectors.whole(name))

    def places(self) -> Iterator[Place]:
        """Yield every path in the order of first sight."""
        yield from _places(self.root, ())


@dataclass
class Place:
    """One path that a rule can name."""

    path: tuple[str, ...]
    node: Node
    values: Values | None  # those at the path; of a path that ends in <key>, the keys
    parents: int  # objects that may hold it

    @property
    def is_keys(self) -> bool:
        return self.path[-1:] == (KEY,)


def _places(node: Node, path: tuple[str, ...]) -> Iterator[Place]:
    for name, child in node.names.items():
        yield Place((*path, name), child, child.values, node.objects)
        yield from _places(child, (*path, name))
    if node.star is not None:
        yield Place((*path, KEY), node, node.keys, node.objects)
        yield Place((*path, STAR), node.star, node.star.values, node.objects)
        yield from _places(node.star, (*path, STAR))


_POINTS = frozenset({"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"})


def _is_telling(name: str) -> bool:
    found = vocabulary.hint((name,))
    return found is not None and found.sure


def _alike(children: list[Node]) -> bool:
    """Whether all hold the same: scalars of one type, or objects with the same names."""
    objects = [child for child in children if child.objects]
    if not objects:
        types: Counter[str] = Counter()
        for child in children:
            if child.values is not None:
                types.update({kind: 1 for kind in child.values.types if kind != "null"})
        return bool(types) and max(types.values()) >= 0.9 * len(children)
    if len(objects) < 0.9 * len(children):
        return False
    names: Counter[str] = Counter()
    for child in objects:
        names.update(child.names.keys())
    if not names:
        return True
    return sum(names.values()) >= 0.5 * len(names) * len(objects)
