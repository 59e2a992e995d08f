"""Paths, order, what is left out, what is counted: whole documents through a real server."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.compiler import CompileError, compile_collection
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import REDACTED, Key
from bson import encode

from .conftest import SECRET, rules_of

X = REDACTED
CASES = {
    "nested": ("a.b.c: redact", {"a": {"b": {"c": "s"}}}, {"a": {"b": {"c": X}}}),
    "array of sub-documents": ("a.b: redact", {"a": [{"b": "s"}, {"b": "t"}]}, {"a": [{"b": X}, {"b": X}]}),
    "arrays at every level": (
        "a.b.c: redact",
        {"a": [{"b": [{"c": ["s", "t"]}, {"c": "u"}]}, {"b": {"c": []}}]},
        {"a": [{"b": [{"c": [X, X]}, {"c": X}]}, {"b": {"c": []}}]},
    ),
    "array of arrays": ("a.b: redact", {"a": [[{"b": "s"}], {"b": "t"}]}, {"a": [[{"b": X}], {"b": X}]}),
    "array of arrays of values": ("a: redact", {"a": [["s", "t"], "u", []]}, {"a": [[X, X], X, []]}),
    "arrays too deep": ("a: redact", {"a": [[["s"]]]}, {"a": [[[]]]}),
    "sub-documents in arrays too deep": ("a.b: redact", {"a": [[[{"b": "s"}]]]}, {"a": [[[]]]}),
    "missing parts stay missing": ("a.b.c: redact", {"a": {"b": {}}}, {"a": {"b": {}}}),
    "nothing on the way": ("a.b.c: redact", {}, {}),
    "null on the way": ("a.b.c: redact", {"a": {"b": None}}, {"a": {"b": None}}),
    "empty array on the way": ("a.b.c: redact", {"a": []}, {"a": []}),
    "scalar on the way": ("a.b: redact", {"a": "secret"}, {"a": X}),
    "scalar among sub-documents": ("a.b: redact", {"a": [{"b": "s"}, 5, None]}, {"a": [{"b": X}, 0, None]}),
    "dynamic keys": (
        "a.*.p: redact\na.*.q: keep",
        {"a": {"u1": {"p": "s", "q": 1}, "x.y": {"p": "t"}, "$z": {"q": 2}, "": {"p": "u"}}},
        {"a": {"u1": {"p": X, "q": 1}, "x.y": {"p": X}, "$z": {"q": 2}, "": {"p": X}}},
    ),
    "dynamic keys of values": ("a.*: redact", {"a": {"k": "s", "l": ["t"]}}, {"a": {"k": X, "l": [X]}}),
    "dynamic keys within each other": ("a.*.*: redact", {"a": {"k": {"l": "s"}}}, {"a": {"k": {"l": X}}}),
    "dynamic keys in arrays": ("a.*.b: redact", {"a": [{"k": [{"b": "s"}]}]}, {"a": [{"k": [{"b": X}]}]}),
    "a name is more specific than a star": (
        "a.*: redact\na.open: keep\na.gone: remove",
        {"a": {"k": "s", "open": "o", "gone": "g"}},
        {"a": {"k": X, "open": "o"}},
    ),
    "star removes all but the named": ("a.*: remove\na.b: keep", {"a": {"k": 1, "b": 2}}, {"a": {"b": 2}}),
    "star keeps all but the named": ("a.*: keep\na.b: redact", {"a": {"k": 1, "b": "s"}}, {"a": {"k": 1, "b": X}}),
    "keep with a mask below": (
        "a: keep\na.b: redact\na.c: remove",
        {"a": {"x": 1, "b": "s", "y": {"z": 2}, "c": 3}},
        {"a": {"x": 1, "b": X, "y": {"z": 2}}},
    ),
    "keep a scalar that might have been a sub-document": ("a: keep\na.b: redact", {"a": [1, "s"]}, {"a": [1, "s"]}),
    "odd names": (
        "$a: redact\na\\.b: redact\nc.$d: redact\nc.e\\.f.g: redact\n'h i': redact\n'0': redact",
        {"$a": "s", "a.b": "t", "c": {"$d": "u", "e.f": {"g": "v"}}, "h i": "w", "0": "x"},
        {"$a": X, "a.b": X, "c": {"$d": X, "e.f": {"g": X}}, "h i": X, "0": X},
    ),
    "odd names that are missing": ("$a: redact\na\\.b: redact\nc.$d: remove", {"c": {}}, {"c": {}}),
    "star at the top": (
        "'*': redact\nopen: keep",
        {"a": "s", "open": "o", "b": ["t"]},
        {"a": X, "open": "o", "b": [X]},
    ),
    "removed in arrays": ("a.b: remove\na.c: keep", {"a": [{"b": 1, "c": 2}, {"b": 1}]}, {"a": [{"c": 2}, {}]}),
    "removed at the top": ("a: remove\nb: keep", {"a": 1, "b": 2}, {"b": 2}),
    "unlisted at the top": ("a: keep", {"a": 1, "new": 2}, {"a": 1}),
    "unlisted below": ("a.b: keep", {"a": {"b": 1, "new": 2}}, {"a": {"b": 1}}),
    "unlisted in an array": ("a.b: keep", {"a": [{"b": 1, "new": 2}]}, {"a": [{"b": 1}]}),
    "unlisted under a star": ("a.*.b: keep", {"a": {"k": {"b": 1, "new": 2}}}, {"a": {"k": {"b": 1}}}),
    "unlisted next to an odd name": ("a.$b: keep", {"a": {"$b": 1, "new": 2}}, {"a": {"$b": 1}}),
    "unlisted that differs in case": ("email: redact", {"Email": "s"}, {}),
    "parts of _id": ("_id.user: redact\n_id.n: keep", {"_id": {"user": "s", "n": 1}}, {"_id": {"user": X, "n": 1}}),
}


def _rules(fields, unlisted="fail"):
    return rules_of(fields if "_id" in fields else f"_id: keep\n{fields}", unlisted)


@pytest.mark.parametrize("unlisted", ["fail", "drop"])
@pytest.mark.parametrize("case", CASES)
def test_path(masking, case, unlisted):
    fields, document, expected = CASES[case]
    assert masking.mask(_rules(fields, unlisted), document) == [{"_id": 0, **expected}]


KEPT = {
    "at the top": ("a: redact", {"a": "s", "new": 2}, {"a": X, "new": 2}),
    "below": ("a.b: redact\na.c: remove", {"a": {"new": 2, "b": "s", "c": 1}}, {"a": {"new": 2, "b": X}}),
    "a scalar on the way": ("a.b: redact", {"a": "s"}, {"a": "s"}),
    "removed at the top": ("a: remove", {"a": 1, "new": 2}, {"new": 2}),
    "next to an odd name": ("$a: redact\nc.$b: remove", {"$a": "s", "n": 1, "c": {"$b": 1, "d": 2}}, None),
    "not an array too deep": ("a.b: redact", {"a": [[[{"b": "s"}]]]}, {"a": [[[]]]}),
    "under a star at the top": ("'*': redact", {"a": "s"}, {"a": X}),
}


@pytest.mark.parametrize("case", KEPT)
def test_unlisted_kept(masking, case):
    fields, document, expected = KEPT[case]
    if expected is None:
        expected = {"$a": X, "n": 1, "c": {"d": 2}}
    assert masking.mask(rules_of(fields, "keep"), document) == [{"_id": 0, **expected}]


def test_collation_of_the_collection_does_not_widen_a_name(masking):
    database = masking.collection.database
    database.drop_collection("folded")
    database.create_collection("folded", collation={"locale": "en", "strength": 2}).insert_one(
        {"_id": 1, "a": {"EMAIL": "s"}}
    )
    from ansible_collections.stagesync.aws.plugins.module_utils.masking.compiler import COLLATION

    pipeline = compile_collection(_rules("a.email: keep"), Key(SECRET)).pipeline
    assert list(database.folded.aggregate(pipeline, collation=COLLATION)) == [{"_id": 1, "a": {}}]


@pytest.mark.parametrize("unlisted", ["fail", "drop", "keep"])
def test_order_of_fields_stays(masking, unlisted):
    fields = """
        _id: keep
        z: redact
        a: keep
        m.y: redact
        m.b: keep
        m.a: email
        o.*.q: redact
        o.*.p: keep
        r.$z: redact
        r.a: keep
    """
    document = {
        "r": {"a": 1, "$z": "s"},
        "a": 1,
        "m": {"a": "s", "y": "t", "b": 2},
        "z": "s",
        "o": {"b": {"p": 1, "q": "s"}, "a": {"q": "s", "p": 2}},
    }
    masked = masking.mask(rules_of(fields, unlisted), document)[0]
    assert _names(masked) == _names({"_id": 0, **document})


def _names(value):
    return [(name, _names(inner)) for name, inner in value.items()] if isinstance(value, dict) else None


def test_kept_documents_stay_byte_for_byte(masking):
    documents = [{"_id": number, "a": [1, {"b": None}], "c": {"d": "", "e": 1.5}, "f": "x"} for number in range(20)]
    rules = _rules("a: keep\nc.d: keep\nc.e: keep\nf: keep")
    assert [encode(one) for one in masking.mask(rules, *documents)] == [encode(one) for one in documents]


def test_same_value_same_pseudonym_wherever_it_is(masking):
    masked = masking.mask(
        _rules("email: email\ncontacts.email: email\nmap.*.mail: email"),
        {"email": "A@b.in", "contacts": [{"email": "a@B.in"}], "map": {"k": {"mail": "a@b.in"}}},
    )[0]
    assert masked["email"] == masked["contacts"][0]["email"] == masked["map"]["k"]["mail"]


def test_a_collection_that_is_kept_has_no_stages():
    from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules

    rules = load_rules("{version: 1, databases: {shop: {collections: {users: keep}}}}").collection("shop", "users")
    assert compile_collection(rules, Key(SECRET)).pipeline == []


def test_audit_counts_values_failures_and_equals(masking):
    rules = _rules("a: redact\nb.c: digits\nd.*: email\ne: remove\nf: 'null'\ng.h: email")
    counted = masking.audit(
        rules,
        {
            "a": "s",
            "b": [{"c": "12"}, {"c": ["x", 5, None]}, 7],
            "d": {"k": "m", "l": 1},
            "e": [1],
            "f": 1,
            "g": [[["x"]]],
        },
        {"a": [REDACTED, 0, "", None], "b": None, "d": {}, "f": None},
        {},
    )
    assert counted == {
        "a": (3, 0, 2),
        "b.c": (2, 2, 0),
        "d.*": (1, 1, 0),
        "e": (1, 0, 0),
        "f": (1, 0, 0),
        "g.h": (0, 1, 0),
    }


def test_audit_of_what_is_kept_on_the_way(masking):
    assert masking.audit(_rules("a: keep\na.b: email"), {"a": 5}) == {"a.b": (0, 0, 0)}
    assert masking.audit(rules_of("a.b: email", "keep"), {"a": 5}) == {"a.b": (0, 0, 0)}


def test_audit_of_nothing():
    rules = _rules("a: redact")
    compiled = compile_collection(rules, Key(SECRET))
    assert [tuple(vars(counts).values()) for counts in compiled.audit_result(None).values()] == [(0, 0, None)]
    assert compile_collection(_rules("a: keep"), Key(SECRET)).audit_pipeline() == []


@pytest.mark.parametrize("mask", ["phone", "hash"])
def test_deepest_path_that_compiles_runs(masking, mask):
    names = "abcdefghijklmnop"
    for depth in (3, 7, 8):
        rules = _rules(f"{'.'.join(names[:depth])}: {mask}")
        value: object = "12345"
        for name in reversed(names[:depth]):
            value = [{name: value}]
        if depth > 7:
            with pytest.raises(CompileError, match="nested too deep"):
                compile_collection(rules, Key(SECRET))
            return
        masked = masking.mask(rules, copy.deepcopy(value[0]))
        assert "12345" not in str(masked)
        assert masking.audit(rules, value[0])[rules.fields[1].text] == (1, 0, 0)
    pytest.fail("no path was too deep")


def test_a_hundred_fields_fit(masking):
    rules = _rules("\n".join(f"a{number}.n: name\nb{number}: digits" for number in range(100)))
    masked = masking.mask(rules, {**{f"a{n}": {"n": "Asha"} for n in range(100)}, **{f"b{n}": "5" for n in range(100)}})
    assert "Asha" not in str(masked)


def test_too_old_a_server_is_refused():
    with pytest.raises(CompileError, match=r"MongoDB 4\.4\.29 cannot mask"):
        compile_collection(_rules("a: redact"), Key(SECRET), (4, 4, 29))


def test_no_secret_in_repr():
    compiled = compile_collection(_rules("a: email"), Key(b"S" * 32))
    assert "U1NTU1NT" in str(compiled.pipeline)
    assert "U1NTU1NT" not in repr(compiled)


def test_time_series(masking):
    import datetime

    database = masking.collection.database
    database.drop_collection("metrics")
    database.create_collection("metrics", timeseries={"timeField": "at", "metaField": "meta"})
    at = datetime.datetime(2024, 1, 1)
    database.metrics.insert_many(
        {"_id": n, "at": at, "meta": {"owner": f"o{n}@b.in", "site": "x"}, "v": n, "note": "Asha"} for n in range(10)
    )
    rules = _rules("at: keep\nmeta.owner: email\nmeta.site: keep\nv: keep\nnote: redact")
    masked = list(database.metrics.aggregate(compile_collection(rules, Key(SECRET)).pipeline))
    assert len({document["meta"]["owner"] for document in masked}) == 10
    assert all(document["meta"]["owner"].endswith("@example.com") and document["note"] == X for document in masked)
    assert sorted(document["v"] for document in masked) == list(range(10))
