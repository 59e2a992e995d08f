"""Paths, maps and what is made of them."""

from __future__ import annotations

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.catalog import Collection
from ansible_collections.stagesync.aws.plugins.module_utils.pii.detectors import Detectors
from ansible_collections.stagesync.aws.plugins.module_utils.pii.draft import draft_collection
from ansible_collections.stagesync.aws.plugins.module_utils.pii.profile import Look, Profile

DETECTORS = Detectors()


def profile_of(*documents: dict) -> Profile:
    profile = Profile(Look(DETECTORS))
    for document in documents:
        profile.add(document)
    profile.finish()
    return profile


def drafted(*documents: dict, indexes: tuple = (), options: dict | None = None) -> dict[str, str]:
    collection = Collection("shop", "things", "collection", options or {}, indexes)
    return {entry.text: entry.rule for entry in draft_collection(collection, profile_of(*documents)).entries}


def paths(profile: Profile) -> list[str]:
    return [".".join(place.path) for place in profile.places()]


EMAILS = [f"person{number}@corp.example" for number in range(30)]


def test_every_element_of_an_array_counts():
    rules = drafted(*({"_id": number, "tags": ["red"] * 50 + [EMAILS[number]]} for number in range(30)))
    assert rules["tags"] == "review"
    assert (
        drafted(*({"_id": number, "to": [[{"at": mail}] for mail in EMAILS]} for number in range(3)))["to.at"]
        == "email"
    )


def test_a_map_by_unmistakable_keys_is_one_path():
    documents = [{"_id": n, "by_user": {str(bson.ObjectId()): {"mail": EMAILS[n]}}} for n in range(5)]
    assert drafted(*documents) == {"_id": "keep", "by_user.*.mail": "email"}


def test_keys_that_are_personal_get_a_rule_of_their_own():
    documents = [{"_id": n, "visits": {EMAILS[n]: n, EMAILS[n + 1]: 2}} for n in range(20)]
    rules = drafted(*documents)
    assert rules["visits.<key>"] == "email"
    assert "visits.*" in rules
    assert not [path for path in rules if "corp" in path]


def test_one_personal_key_among_names_never_becomes_a_path():
    documents = [{"_id": 1, "limits": {"default": 1, "asha@corp.example": 2}}, {"_id": 2, "limits": {"default": 3}}]
    assert not [path for path in paths(profile_of(*documents)) if "asha" in path]


def test_sparse_keys_of_one_kind_are_a_map_and_optional_fields_are_none():
    words = [f"w{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(100)]
    sparse = [{"_id": n, "stock": {words[n]: n, words[(n * 7) % 100]: n}} for n in range(100)]
    assert "stock.*" in drafted(*sparse)
    optional = [
        {"_id": n, "info": {name: "x" for name in ("email", "phone", "city", "note") if n % 3}} for n in range(9)
    ]
    assert not [path for path in drafted(*optional) if "*" in path]


def test_ever_new_keys_do_not_fill_the_memory():
    profile = Profile(Look(DETECTORS))
    for number in range(3000):
        profile.add({"_id": number, "seen": {f"key-{number}-{item}": {"n": 1} for item in range(10)}})
    assert len(profile.root.names["seen"].names) == 0
    profile.finish()
    assert "seen.*.n" in paths(profile)
    assert profile.root.names["seen"].keys.count == 30_000


def test_parts_add_up_to_the_whole():
    documents = [{"_id": n, "by": {f"{n:06d}": EMAILS[n % 30]}, "n": [n, 1.5]} for n in range(200)]
    whole = profile_of(*documents)
    parts = [Profile(Look(DETECTORS)) for _part in range(4)]
    for number, document in enumerate(documents):
        parts[number % 4].add(document)
    merged = Profile(Look(DETECTORS))
    for part in parts:
        merged.merge(part)
    merged.finish()
    assert sorted(paths(merged)) == sorted(paths(whole))
    for one, other in zip(sorted(whole.places(), key=lambda p: p.path), sorted(merged.places(), key=lambda p: p.path)):
        assert (one.values is None) == (other.values is None)
        if one.values is not None:
            assert (one.values.count, one.values.types, one.values.strong) == (
                other.values.count,
                other.values.types,
                other.values.strong,
            )


@pytest.mark.parametrize(
    ("field", "values", "rule"),
    [
        ("email", EMAILS, "email"),
        ("x", EMAILS, "email"),
        ("firstName", ["Zyxwv", "Qwert"] * 10, "first_name"),
        ("password", ["hunter22"], "redact"),
        ("phone", [9876543210], "phone"),
        ("geburtsdatum", ["1984-03-17"], "date_shift"),
        ("created_at", [bson.DatetimeMS(1_700_000_000_000)], "keep"),
        ("visited", [bson.DatetimeMS(-(10**12))] * 10, "review"),
        ("is_paid", [True, False], "keep"),
        ("owner_id", [bson.ObjectId()], "keep"),
        ("status", ["open", "closed"] * 50, "keep"),
        ("salary", [120000], "review"),
        ("notes", ["a long story about nothing at all", "and another one that differs"], "review"),
        ("strange", ["q7", "z9", "b4"], "review"),
        ("location", [{"type": "Point", "coordinates": [77.5, 12.9]}], "geo_fuzz"),
        ("place", [{"lat": 12.9, "lng": 77.5}], "geo_fuzz"),
        ("fax", [None], "phone"),
        ("nothing_yet", [None], "redact"),
        ("list", [[]], "redact"),
    ],
)
def test_the_rule_of_a_field(field, values, rule):
    rules = drafted(*({"_id": number, field: value} for number, value in enumerate(values)))
    assert rules[field] == rule


def test_indexes_decide_between_masks():
    documents = [{"_id": n, "pan": f"ABCPE{n:04d}F", "mail": EMAILS[n], "born": "1984-03-17"} for n in range(1, 30)]
    unique = tuple({"name": name, "key": {name: 1}, "unique": True} for name in ("pan", "mail", "born"))
    assert drafted(*documents)["pan"] == "pan"
    assert drafted(*documents, indexes=unique) == {"_id": "keep", "pan": "hash", "mail": "email", "born": "hash"}


def test_a_personal_id_gets_a_mask_that_keeps_it_unique():
    assert drafted(*({"_id": mail, "name": "x"} for mail in EMAILS))["_id"] == "email"
    assert drafted(*({"_id": f"+91 98765 432{n:02d}"} for n in range(30)))["_id"] == "hash"


def test_a_scalar_where_others_have_fields_is_not_masked_as_a_whole():
    rules = drafted({"_id": 1, "address": "12 MG Road"}, {"_id": 2, "address": {"street": "12 MG Road"}})
    assert rules == {"_id": "keep", "address.street": "street"}


def test_an_id_of_several_forms_gets_one_rule():
    assert drafted({"_id": 1, "a": True}, {"_id": {"shop": 1}, "a": True}) == {"_id": "review", "a": "keep"}
