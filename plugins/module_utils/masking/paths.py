# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The rules of a collection as a tree of names, and expressions that look at all values of one path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import ARRAY_LEVELS, Expression
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, FieldRule

STAR = "*"
# Up to this size an expression is written out twice, so that a value that is no array takes the short way.
SHORT_WAY_BYTES = 16 * 1024


@dataclass
class Node:
    """One name on the way to the fields that the rules name."""

    children: dict[str, Node] = field(default_factory=dict)
    rule: FieldRule | None = None

    @property
    def kept(self) -> bool:
        """Whether this is kept with everything below that no other rule names."""
        return self.rule is not None and not self.rule.masks

    @property
    def named(self) -> dict[str, Node]:
        """The children that have a name, without `*`."""
        return {name: child for name, child in self.children.items() if name != STAR}

    @property
    def plain(self) -> bool:
        """Whether every child can be named in an expression's path; a dot, a dollar or a `*` cannot."""
        return all(is_plain(name) for name in self.children)


def is_plain(name: str) -> bool:
    """Whether an expression such as "$a.name" can name this field."""
    return name != STAR and "." not in name and not name.startswith("$")


def tree(rules: CollectionRules) -> Node:
    """The rules by their paths. Where unlisted fields are kept, so is an `_id` that no rule names."""
    root = Node()
    fields = list(rules.fields)
    if rules.unlisted == "keep" and not any(rule.path[0] == "_id" for rule in fields):
        fields.append(FieldRule(("_id",), "keep", {}, rules.line))
    for rule in fields:
        node = root
        for segment in rule.path:
            node = node.children.setdefault(segment, Node())
        node.rule = rule
    return root


def over_path(
    root: Node, path: tuple[str, ...], leaf: Callable, otherwise: Callable, combine: str, *, arrays: bool = True
) -> Expression:
    """Combine ($sum or $max) `leaf(value)` over every value that one rule's path leads to, through arrays and `*`.

    `otherwise(value)` is taken where a value on the way is neither a sub-document nor an array of them.
    With `arrays` false, a leaf that is an array counts as one value.
    """

    def walk(value: Expression, node: Node, rest: tuple[str, ...], depth: int) -> Expression:
        def one(item: Expression) -> Expression:
            if not rest:
                return leaf(item)
            inner = below(item, node, rest, depth)
            return {"$cond": [{"$eq": [{"$type": item}, "object"]}, inner, otherwise(item)]}

        if not rest and not arrays:
            return leaf(value)
        return through_arrays(value, one, f"p{depth}_", lambda numbers: {combine: numbers})

    def below(value: Expression, node: Node, rest: tuple[str, ...], depth: int) -> Expression:
        name, child = rest[0], node.children[rest[0]]
        if is_plain(name):
            return walk(f"{value}.{name}", child, rest[1:], depth + 1)
        entry = f"e{depth}"
        if name == STAR:
            named = [*node.named, *(["_id"] if node is root else [])]
            wanted = {"$not": [{"$in": [f"$${entry}.k", {"$literal": named}]}]}
        else:
            wanted = {"$eq": [f"$${entry}.k", {"$literal": name}]}
        entries = {"$filter": {"input": {"$objectToArray": value}, "as": entry, "cond": wanted}}
        found = {"$map": {"input": entries, "as": entry, "in": walk(f"$${entry}.v", child, rest[1:], depth + 1)}}
        # Of no value at all, $max gives null.
        return {"$ifNull": [{combine: found}, 0]}

    return below("$$ROOT", root, path, 0)


def through_arrays(value: Expression, function: Callable, prefix: str, combine: Callable) -> Expression:
    """`function(value)`, or where the value is an array what `combine` makes of its elements' results."""

    def level(item: Expression, number: int) -> Expression:
        if number == ARRAY_LEVELS:
            return function(item)
        name = f"{prefix}{number}"
        wrapped = {"$cond": [{"$isArray": [item]}, item, [item]]}
        return combine({"$map": {"input": wrapped, "as": name, "in": level(f"$${name}", number + 1)}})

    direct = function(value)
    if encoded_size(direct) > SHORT_WAY_BYTES:
        return level(value, 0)
    return {"$cond": [{"$isArray": [value]}, level(value, 0), direct]}


def encoded_size(value: Expression) -> int:
    """The BSON size of an expression."""
    import bson

    return len(bson.encode({"": value}))
