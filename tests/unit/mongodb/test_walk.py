# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The judge of a comparison: what a mask cannot have made is found, what it can is not."""

from __future__ import annotations

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import walk


def differences(rule: str, source, clean) -> set[str]:
    """What is found between two values of field `a` under a rule."""
    text = f"version: 1\ndatabases: {{d: {{collections: {{c: {{fields: {{_id: keep, {rule}}}}}}}}}}}"
    tally = walk.Tally()
    pair = walk.Pair(walk.tree(load_rules(text).collection("d", "c")), "fail", tally)
    pair.compare({"_id": 1, "a": source}, {"_id": 1, "a": clean}, lambda: "1")
    return {what for _path, what in tally.differences}


@pytest.mark.parametrize(
    ("rule", "source", "clean", "what"),
    [
        ("a: redact", "Asha", "Asha", walk.UNCHANGED),
        ("a: redact", "Asha", "Ravi", walk.WRONG),
        ("a: redact", {"n": "Asha", "g": 3}, {"n": "Asha"}, walk.WRONG),
        ("a: email", {"n": "Asha", "g": 3}, {"n": "Asha"}, walk.WRONG),
        ("a: {mask: constant, value: unknown}", "Asha", "Asha", walk.UNCHANGED),
        ("a: {mask: constant, value: unknown}", "Asha", "other", walk.WRONG),
        ("a: {mask: choice, values: [f, m]}", "x", "x", walk.UNCHANGED),
        ("a: {mask: choice, values: [f, m]}", ["x", "x"], ["f"], walk.WRONG),
        ("a: {mask: number_round, to: 100}", 51873, 51873, walk.UNCHANGED),
        ("a: {mask: number_round, to: 100}", 51873, 51800, walk.WRONG),
        ("a: text", "mail asha@corp.in", "mail asha@corp.in", walk.UNCHANGED),
        ('"a.<key>": keep, "a.*": keep', {"x": 1}, {"y": 1}, walk.DIFFERS),
    ],
)
def test_what_a_mask_cannot_have_made(rule, source, clean, what):
    assert differences(rule, source, clean) == {what}


@pytest.mark.parametrize(
    ("rule", "source", "clean"),
    [
        ("a: redact", "Asha", "[redacted]"),
        ("a: redact", 0, 0),
        ("a: email", {"n": "Asha"}, {}),
        ("a: {mask: constant, value: unknown}", "unknown", "unknown"),
        ("a: {mask: choice, values: [f, m]}", "f", "f"),
        ("a: {mask: choice, values: [f, m]}", ["f", "x"], ["m", "f"]),
        ("a: {mask: number_round, to: 100}", 51900, 51900),
        ("a: text", "fine", "fine"),
        ("a: text", 5, 0),
        ('"a.<key>": keep, "a.*": keep', {"x": 1}, {"x": 1}),
    ],
)
def test_what_a_mask_makes(rule, source, clean):
    assert differences(rule, source, clean) == set()
