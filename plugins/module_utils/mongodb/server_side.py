# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the source mongod does before the engine: choosing documents (`where`, `sample`) and computing (`expr`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import to_bson
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, FieldRule
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.ranges import BY_ID, WHOLE, Range

# A prime, so that every part of the hash counts; large, so that a sample is as fine as a double can say.
_SAMPLE_BUCKETS = 2_147_483_647


def chosen(rules: CollectionRules | None) -> dict:
    """Return the filter of the documents that the rules choose; {} for all of them.

    A sample is chosen by a hash of _id, so that every rerun and the comparison choose the same documents.
    """
    terms = []
    if rules is not None and rules.where:
        terms.append(to_bson(rules.where))
    if rules is not None and rules.sample is not None and rules.sample < 1:
        bucket = {"$abs": {"$mod": [{"$toHashedIndexKey": "$_id"}, _SAMPLE_BUCKETS]}}
        terms.append({"$expr": {"$lt": [bucket, int(rules.sample * _SAMPLE_BUCKETS)]}})
    return both(*terms)


def both(*filters: dict) -> dict:
    """Return the filter of what fulfils all of these."""
    terms = [one for one in filters if one]
    return {"$and": terms} if len(terms) > 1 else terms[0] if terms else {}


def computed(rules: CollectionRules | None) -> tuple[FieldRule, ...]:
    """Return the rules whose value the server computes."""
    return tuple(rule for rule in rules.fields if rule.mask == "expr") if rules is not None else ()


def reading(
    name: str,
    rules: CollectionRules | None,
    within: Range = WHOLE,
    order: dict | None = None,
    limit: int = 0,
    compute: bool = True,
) -> dict:
    """Return the command that reads the documents of a range that the rules choose, with `expr` applied.

    `order` is a sort, by _id or {"$natural": ...}; without `compute` the documents are as they are.
    """
    expressions = computed(rules) if compute else ()
    by_id = order is not None and "_id" in order
    hint = {"hint": BY_ID} if by_id or not within.whole else {}
    if not expressions:
        condition, bounds = within.bounds()
        command = {"find": name, "filter": both(condition, chosen(rules)), **bounds, **hint}
        return {**command, **({"sort": order} if order else {}), **({"limit": limit} if limit else {})}
    stages: list[dict] = [{"$match": condition} for condition in (within.match(), chosen(rules)) if condition]
    stages += [{"$sort": order}] if by_id else []
    stages += [{"$limit": limit}] if limit else []
    stages.append(expression_stage(expressions))
    return {"aggregate": name, "pipeline": stages, **(hint or ({"hint": order} if order else {}))}


def sampling(name: str, rules: CollectionRules | None, size: int) -> dict:
    """Return the command that reads random documents, with `expr` applied."""
    expressions = computed(rules)
    stages: list[dict] = [{"$sample": {"size": size}}, *([expression_stage(expressions)] if expressions else [])]
    return {"aggregate": name, "pipeline": stages}


# ---- expressions ----------------------------------------------------------------------------------------------------


@dataclass
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    expression: Any = None


def expression_stage(rules: tuple[FieldRule, ...]) -> dict:
    """Return the stage that puts every expression's value in the place of its field.

    All of them see the document as it was. What is missing stays missing; arrays on the way are gone through.
    """
    root = _Node()
    for rule in rules:
        node = root
        for name in rule.path:
            node = node.children.setdefault(name, _Node())
        node.expression = to_bson(rule.options["expression"])
    return {"$replaceWith": _placed("$$ROOT", root, 0)}


def _placed(value: Any, node: _Node, depth: int) -> dict:
    """Return a sub-document's expression with the fields below it set."""
    result = value
    for name, child in node.children.items():
        here = {"$getField": {"field": {"$literal": name}, "input": value}}
        result = {"$setField": {"field": {"$literal": name}, "input": result, "value": _value(here, child, depth + 1)}}
    return result


def _value(value: Any, node: _Node, depth: int) -> dict:
    if not node.children:
        return {"$cond": [{"$eq": [{"$type": value}, "missing"]}, "$$REMOVE", node.expression]}
    name = f"at{depth}"

    def within(levels: int) -> dict:
        at = f"$${name}"
        otherwise: Any = at
        if levels:
            element = {"$let": {"vars": {name: f"$${name}_{levels}"}, "in": within(levels - 1)}}
            otherwise = {
                "$cond": [{"$isArray": [at]}, {"$map": {"input": at, "as": f"{name}_{levels}", "in": element}}, at]
            }
        return {"$cond": [{"$eq": [{"$type": at}, "object"]}, _placed(at, node, depth), otherwise]}

    whole = {"$let": {"vars": {name: value}, "in": within(2)}}
    return {"$cond": [{"$eq": [{"$type": value}, "missing"]}, "$$REMOVE", whole]}
