"""Fields without a rule and rules without a field, found by a real server."""

from __future__ import annotations

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.unlisted import (
    unlisted_paths,
    unlisted_pipeline,
    unmatched_rules,
)

from .conftest import rules_of

CASES = {
    "at the top": ("a: keep", [{"a": 1}, {"new": 1}, {"new": 2, "a": 1}], {"new": 2}),
    "null and empty too": ("a: keep", [{"new": None}, {"other": {}}], {"new": 1, "other": 1}),
    "below": ("a.b: email", [{"a": {"b": 1}}, {"a": {"b": 1, "c": {"d": 1}}}], {"a.c": 1}),
    "in an array": (
        "a.b.c: email",
        [{"a": [{"b": [{"c": 1}, {"giftNote": 1}, {"giftNote": 2}]}]}],
        {"a.b.giftNote": 1},
    ),
    "in an array of arrays": ("a.b: email", [{"a": [[{"b": 1}], [{"c": 1}]]}], {"a.c": 1}),
    "under a star": ("a.*.p: email", [{"a": {"u1": {"p": 1, "q": 1}, "u2": {"q": 1}}}], {"a.*.q": 1}),
    "next to a name with a dot": ("a.b\\.c: email", [{"a": {"b.c": 1, "d.e": 1}}], {"a.d\\.e": 1}),
    "differs in case": ("email: email", [{"Email": 1}], {"Email": 1}),
    "nothing but what is named": ("a.b: email\nc: keep", [{"a": {"b": 1}, "c": {"x": 1}}, {}], {}),
    "empty parts and scalars are no fields": (
        "a.b: email",
        [{"a": {}}, {"a": []}, {"a": None}, {"a": 5}, {"a": [1]}],
        {},
    ),
    "below keep": ("a: keep\na.b: email", [{"a": {"b": 1, "c": 1}}], {}),
    "under a star at the top": ("'*': redact", [{"a": 1, "b": {"c": 1}}], {}),
    "below a star at the top": ("'*.a': redact", [{"x": {"a": 1, "b": 1}}], {"*.b": 1}),
}


@pytest.mark.parametrize("case", CASES)
def test_unlisted(masking, case):
    fields, documents, expected = CASES[case]
    rules = rules_of(f"_id: keep\n{fields}")
    masking.fill(*documents)
    pipeline = unlisted_pipeline(rules)
    found = masking.run(pipeline) if pipeline else []
    assert unlisted_paths(found, rules) == expected
    # Only documents that hold something new leave the server.
    holding = [document for document in documents if unlisted_paths([{"_id": 0, **document}], rules)]
    assert len(found) == len(holding)


def test_known_values_stay_in_the_server(masking):
    masking.fill({"email": "secret", "a": {"b": "secret", "new": 1}})
    assert "secret" not in str(masking.run(unlisted_pipeline(rules_of("_id: keep\nemail: email\na.b: email"))))


def test_where_unlisted_is_kept_an_id_needs_no_rule(masking):
    masking.fill({"a": 1})
    rules = rules_of("a: redact", "keep")
    assert unlisted_paths(masking.run(unlisted_pipeline(rules)), rules) == {}


def test_rules_that_match_nothing(masking):
    rules = rules_of(
        "_id: keep\na: redact\nb.c: redact\nb.typo: redact\nd.*.e: redact\nd.*.f: redact\n"
        "h\\.i: keep\nh: keep\nl: keep\nz: keep"
    )
    documents = [{"a": None, "b": [[{"c": 1}]], "d": {"k": [{"e": 1}]}, "h.i": 1} for _number in range(1200)]
    masking.fill(*documents, {"l": 1})
    assert [rule.text for rule in unmatched_rules(masking.run, rules)] == ["b.typo", "d.*.f", "h", "z"]


def test_an_empty_collection_says_nothing_about_rules(masking):
    masking.collection.drop()
    assert unmatched_rules(masking.run, rules_of("_id: keep\na: redact")) == ()
