# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Compiles the rules of one collection into aggregation stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import (
    ARRAY_LEVELS,
    MASKS,
    Expression,
    Key,
    choose,
    each,
    is_nothing,
    redaction,
    switch,
)
from ansible_collections.stagesync.aws.plugins.module_utils.masking.paths import (
    SHORT_WAY_BYTES,
    STAR,
    Node,
    encoded_size,
    over_path,
    tree,
)
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, FieldRule
from ansible_collections.stagesync.aws.plugins.module_utils.masking.unlisted import unlisted_pipeline

# Every pipeline of this package must run with it: a collection's own collation may take `Email` for `email`.
COLLATION = {"locale": "simple"}
MINIMUM_VERSION = (5, 0)
# A server takes 200 levels, of which the command around the pipeline needs some.
MAX_NESTING = 180
MAX_BYTES = 15 * 1024 * 1024


class CompileError(Exception):
    """One sentence: what cannot be compiled, where, and what to do."""


@dataclass(frozen=True)
class Counts:
    """What a rule met in a collection."""

    values: int
    unexpected: int
    equal: int | None


@dataclass(frozen=True)
class CompiledCollection:
    """A collection's rules as aggregation stages. `repr` leaves out what holds the key."""

    rules: CollectionRules
    pipeline: list[dict]
    masked: tuple[FieldRule, ...]
    kept: tuple[FieldRule, ...]
    key: Key

    def __repr__(self) -> str:
        return f"CompiledCollection({self.rules.namespace}, {len(self.masked)} masked, {len(self.kept)} kept)"

    def audit_pipeline(self, equal: bool = False) -> list[dict]:
        """Count, over all documents of the source, what every masked rule met; see `audit_result`."""
        if not self.masked:
            return []
        root = tree(self.rules)
        group: dict[str, Any] = {"_id": None}
        for index, rule in enumerate(self.masked):
            for name, one in self._counters(rule, equal).items():
                otherwise = (
                    _otherwise(root, rule, self.rules.unlisted == "keep")
                    if name == "unexpected"
                    else (lambda _value: 0)
                )
                group[f"{name}{index}"] = {
                    "$sum": over_path(root, rule.path, one, otherwise, "$sum", arrays=not MASKS[rule.mask].whole)
                }
        return [{"$group": group}]

    def _counters(self, rule: FieldRule, equal: bool) -> dict:
        mask = MASKS[rule.mask]

        def counts(value: Expression) -> Expression:
            accepted = mask.accepts(value, rule.options, self.key)
            # null and missing are there for `remove` only to be taken away, and for `null` to stay.
            return {"$and": [{"$gt": [value, None]}, accepted]} if mask.whole else accepted

        def unchanged(value: Expression) -> Expression:
            return {"$and": [counts(value), {"$eq": [mask.expression(value, rule.options, self.key), value]}]}

        def unexpected(value: Expression) -> Expression:
            return {"$not": [{"$or": [counts(value), is_nothing(value)]}]}

        found = {"values": counts, "unexpected": unexpected}
        if equal:
            found["equal"] = unchanged
        return {name: (lambda value, test=test: {"$cond": [test(value), 1, 0]}) for name, test in found.items()}

    def audit_result(self, document: Mapping | None) -> dict[FieldRule, Counts]:
        """What the audit pipeline's only document says; None (an empty collection) is all zeros."""
        result = {}
        for index, rule in enumerate(self.masked):
            if document is None:
                result[rule] = Counts(0, 0, None)
            else:
                equal = document.get(f"equal{index}")
                result[rule] = Counts(document[f"values{index}"], document[f"unexpected{index}"], equal)
        return result


def _otherwise(root: Node, rule: FieldRule, kept: bool):
    """What a value in the place of a sub-document counts: one where it is redacted, nothing where it is kept."""
    node = root
    for segment in rule.path[:-1]:
        node = node.children[segment]
        kept = kept or node.kept
    if kept:
        return lambda value: {"$cond": [{"$isArray": [value]}, 1, 0]}
    return lambda value: {"$cond": [is_nothing(value), 0, 1]}


def compile_collection(
    rules: CollectionRules, key: Key, server_version: tuple[int, ...] = (6, 0, 0)
) -> CompiledCollection:
    """Compile the rules of a collection that is masked or kept; raises CompileError."""
    if tuple(server_version[:2]) < MINIMUM_VERSION:
        shown = ".".join(str(part) for part in server_version)
        raise CompileError(
            f"{rules.namespace}: MongoDB {shown} cannot mask within the server: restore the snapshot with 5.0 or newer."
        )
    pipeline = [] if rules.action == "keep" else _Compiler(rules, key).stages()
    _check_limits(rules, pipeline)
    masked = tuple(rule for rule in rules.fields if rule.masks)
    kept = tuple(rule for rule in rules.fields if not rule.masks)
    return CompiledCollection(rules, pipeline, masked, kept, key)


def _check_limits(rules: CollectionRules, pipeline: list[dict]) -> None:
    if max(_nesting(pipeline), _nesting(unlisted_pipeline(rules))) > MAX_NESTING:
        deepest = max(rules.fields, key=lambda rule: len(rule.path))
        raise CompileError(
            f"{rules.namespace}.{deepest.text}: the path is nested too deep for an aggregation: redact, drop or keep "
            "the sub-document as a whole."
        )
    size = encoded_size(pipeline)
    if size > MAX_BYTES:
        raise CompileError(
            f"{rules.namespace}: its {len(rules.fields)} rules make a pipeline of {size} bytes, above 16 MiB: "
            "name fewer fields, using '*' or a whole sub-document."
        )


def _nesting(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
    return deepest


class _Compiler:
    """Writes expressions for the tree of one collection's rules.

    `strip` says that fields that no rule names do not pass: with `unlisted: fail` as with `drop`, so that even a
    document that was never checked cannot carry one out.
    """

    def __init__(self, rules: CollectionRules, key: Key):
        self.key = key
        self.root = tree(rules)
        self.strip = rules.unlisted != "keep"

    def stages(self) -> list[dict]:
        root = self.root
        if not root.plain:
            return [{"$replaceWith": self.document("$$ROOT", root, self.strip, 0)}]
        removed = [name for name, child in root.children.items() if _is_removed(child)]
        stages: list[dict] = []
        if self.strip:
            stages.append({"$project": {"_id": 1, **{name: 1 for name in root.children if name not in removed}}})
        elif removed:
            stages.append({"$unset": removed})
        changed = self.changed(root, self.strip, "$", 0)
        if changed:
            stages.append({"$set": changed})
        return stages

    def changed(self, node: Node, strip: bool, prefix: str, depth: int) -> dict[str, Expression]:
        """The children of a sub-document that are computed."""
        return {
            name: self.value(f"{prefix}{name}", child, strip, depth)
            for name, child in node.named.items()
            if not _is_removed(child) and not _is_copied(child)
        }

    def value(self, value: str, node: Node, strip: bool, depth: int) -> Expression:
        """What the value at a node becomes."""
        if not node.children:
            return MASKS[node.rule.mask].expression(value, node.rule.options, self.key)
        strip = strip and not node.kept

        def item(inner: str) -> Expression:
            return choose(
                [
                    ({"$eq": [{"$type": inner}, "object"]}, self.document(inner, node, strip, depth)),
                    (is_nothing(inner), inner),
                ],
                # Even where unlisted values are kept: an array nested too deep may hold fields to mask.
                redaction(inner) if strip else {"$cond": [{"$isArray": [inner]}, [], inner]},
            )

        in_array = each(value, item, f"d{depth}_")
        direct = item(value)
        if encoded_size(direct) > SHORT_WAY_BYTES:
            wrapped = each([value], item, f"d{depth}_", ARRAY_LEVELS + 1)
            containers = {"$in": [{"$type": value}, ["object", "array"]]}
            # Neither: the same as in `item`, without its large branch.
            plain = redaction(value) if strip else value
            return choose([(containers, {"$arrayElemAt": [wrapped, 0]}), (is_nothing(value), value)], plain)
        return {"$cond": [{"$isArray": [value]}, in_array, direct]}

    def document(self, value: str, node: Node, strip: bool, depth: int) -> Expression:
        """What a sub-document becomes. Its fields keep their order."""
        removed = [name for name, child in node.named.items() if _is_removed(child)]
        if not node.plain:
            return self.map_like(value, node, strip, depth)
        changed = self.changed(node, strip, f"{value}.", depth + 1)
        base: Expression = value
        if strip:
            names = [name for name in node.children if name not in removed]
            base = _entries_where(value, {"$in": [f"$$f{depth}.k", {"$literal": names}]}, f"f{depth}")
        else:
            for name in removed:
                base = {"$unsetField": {"field": {"$literal": name}, "input": base}}
        return {"$mergeObjects": [base, changed]} if changed else base

    def map_like(self, value: str, node: Node, strip: bool, depth: int) -> Expression:
        """A sub-document with `*`, or with names that no expression's path can hold: entry by entry."""
        entry = f"e{depth}"
        star = node.children.get(STAR)
        named = dict(node.named)
        if node is self.root:
            # `*` stands for fields; `_id` is what a document is found by.
            named.setdefault("_id", Node(rule=None))
        branches = []
        for name, child in named.items():
            if not _is_removed(child):
                new = f"$${entry}.v" if _is_copied(child) else self.value(f"$${entry}.v", child, strip, depth + 1)
                branches.append(({"$eq": [f"$${entry}.k", {"$literal": name}]}, new))
        others = f"$${entry}.v"
        if star is not None and not _is_removed(star) and not _is_copied(star):
            others = self.value(f"$${entry}.v", star, strip, depth + 1)
        removed = [name for name, child in named.items() if _is_removed(child)]
        if (strip and star is None) or (star is not None and _is_removed(star)):
            passing = {"$in": [f"$${entry}.k", {"$literal": [name for name in named if name not in removed]}]}
        else:
            passing = {"$not": [{"$in": [f"$${entry}.k", {"$literal": removed}]}]}
        entries = {"$filter": {"input": {"$objectToArray": value}, "as": entry, "cond": passing}}
        new_value = switch(branches, others) if branches else others
        new_entry = {"k": f"$${entry}.k", "v": new_value}
        return {"$arrayToObject": {"$map": {"input": entries, "as": entry, "in": new_entry}}}


def _entries_where(value: str, condition: Expression, name: str) -> Expression:
    return {"$arrayToObject": {"$filter": {"input": {"$objectToArray": value}, "as": name, "cond": condition}}}


def _is_removed(node: Node) -> bool:
    return node.rule is not None and node.rule.mask == "remove"


def _is_copied(node: Node) -> bool:
    return not node.children and (node.rule is None or not node.rule.masks)
