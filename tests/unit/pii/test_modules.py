"""Discover, preview and the scan of the clean copy as a user runs them, on real servers, with planted values."""

from __future__ import annotations

import json

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from bson import Code, Decimal128, MaxKey, MinKey, Regex, Timestamp
from gridfs import GridFSBucket

PEOPLE = [f"planted{number:02d}" for number in range(40)]


def _person(number: int) -> dict:
    name = PEOPLE[number]
    return {
        "_id": number,
        "contact": {"mail": f"{name}@corp.example", "phones": [f"+91 98765 432{number:02d}", None]},
        "name": {"first": f"First{name}", "last": f"Last{name}"},
        "note": f"write to {name}@corp.example or call +91 98765 432{number:02d}"
        if number % 2
        else "nothing at all here",
        "visits": {f"{name}@corp.example": {"count": number}},
        "password": f"secret-{name}",
        "status": "open" if number % 3 else "closed",
        "home": {"type": "Point", "coordinates": [77.59 + number / 1000, 12.97]},
    }


PLANTED = [value for name in PEOPLE for value in (name, f"First{name}")] + [f"98765 432{n:02d}" for n in range(40)]


@pytest.fixture
def people(source):
    shop = source.client.shop
    shop.users.insert_many([_person(number) for number in range(40)])
    shop.users.create_index("contact.mail", unique=True)
    shop.create_collection("wishes")
    shop.command("create", "open_users", viewOn="users", pipeline=[])
    GridFSBucket(shop).upload_from_stream("photo.png", b"pixels")
    strange = [bson.MinKey(), None, float("nan"), 2.5, bson.Int64(2**60), Decimal128("1E+400"), "ä", {"a": 1}, b"x"]
    shop.strange.insert_many(
        {"_id": value, "v": [Regex("a"), Code("f()"), Timestamp(5, 1), MaxKey(), MinKey()]} for value in strange
    )
    raw = bson.encode({"_id": 99, "broken": "mails"}).replace(b"mails", b"\xff\xfexyz")
    shop.broken.insert_one(bson.raw_bson.RawBSONDocument(raw))
    return source


def lacks_planted(result: dict) -> bool:
    text = json.dumps(result)
    return not [value for value in PLANTED if value in text]


def decided(text: str) -> str:
    """What a human makes of a draft: text where notes stand, redact elsewhere."""
    return text.replace("note: review", "note: text").replace("review", "redact").replace("_id: redact", "_id: keep")


def test_discover_drafts_and_a_second_run_adds_only_what_is_new(call, people, clean, copy):
    drafted = call("mongodb_pii_scan", uri=people.uri, mode="draft", workers=2)
    assert drafted["changed"] is False
    rules = {(one["namespace"], one["path"]): one["rule"] for one in drafted["added"]}
    users = {path: rule for (namespace, path), rule in rules.items() if namespace == "shop.users"}
    assert users == {
        "_id": "keep",
        "contact.mail": "email",
        "contact.phones": "phone",
        "name.first": "first_name",
        "name.last": "last_name",
        "note": "review",
        "visits.<key>": "email",
        "visits.*.count": "keep",
        "password": "redact",
        "status": "keep",
        "home": "geo_fuzz",
    }
    assert rules["shop.fs.chunks", ""] == "contents: replace"
    assert rules["shop.wishes", ""] == "empty"
    assert ("shop.open_users", "") not in rules
    assert lacks_planted(drafted)
    assert drafted["documents"] == 40 + 9 + 1 + 1
    assert {one["collection"]: one["read"] for one in drafted["collections"]}["fs.chunks"] == 0

    text = decided(drafted["draft"])
    rules = load_rules(text)
    again = call("mongodb_pii_scan", uri=people.uri, mode="draft", rules=text)
    assert (again["added"], again["draft"]) == ([], text)
    people.client.shop.users.update_one({"_id": 1}, {"$set": {"contact.fax": "+49 30 901820"}})
    again = call("mongodb_pii_scan", uri=people.uri, mode="draft", rules=text)
    assert again["added"] == [{"namespace": "shop.users", "path": "contact.fax", "rule": "phone"}]
    assert again["draft"].replace([line for line in again["draft"].splitlines(True) if "fax" in line][0], "") == text

    people.client.shop.broken.delete_many({})  # the test's own copy cannot read it
    copy(again["draft"])
    passed = call("mongodb_pii_scan", uri=clean.uri, mode="check", rules=again["draft"])
    assert passed["findings"] == []


RULES = """\
version: 1
databases:
  shop:
    collections:
      users:
        fields:
          _id: keep
          contact.mail: email
          contact.phones: phone
          name.first: first_name
          name.last: last_name
          note: text
          visits.<key>: email
          visits.*: keep
          password: redact
          status: keep
          home: geo_fuzz
"""
BROKEN = "version: 1\ndatabases: {shop: {collections: {broken: {fields: {_id: keep, broken: hash}}}}}\n"


@pytest.fixture
def two(source, clean, copy):
    source.client.shop.users.insert_many([_person(number) for number in range(40)])
    copy(RULES)
    return clean


@pytest.mark.parametrize(
    ("change", "path", "detector"),
    [
        ({"$set": {"status": "planted01@corp.example"}}, "status", "email"),
        ({"$set": {"status": "see https://corp.example/?token=planted01planted01"}}, "status", "url_token"),
        ({"$set": {"contact.mail": "planted01@corp.example"}}, "contact.mail", "email"),
        ({"$set": {"password": "planted01@corp.example"}}, "password", "email"),
        ({"$set": {"name.first": "https://corp.example/?token=planted01planted01"}}, "name.first", "url_token"),
        ({"$set": {"note": "mail planted01@corp.example"}}, "note", "email"),
        ({"$set": {"note": "call +91 98765 43201"}}, "note", "phone"),
        ({"$set": {"extra.deep": [{"iban": "DE89370400440532013000"}]}}, "extra.deep.iban", "iban"),
        ({"$set": {"status": "2341 2341 2346"}}, "status", "aadhaar"),
    ],
)
def test_what_no_mask_made_fails_the_check_and_is_not_shown(call, two, change, path, detector):
    assert call("mongodb_pii_scan", uri=two.uri, mode="check", rules=RULES)["findings"] == []
    two.client.shop.users.update_one({"_id": 1}, change)
    failed = call("mongodb_pii_scan", uri=two.uri, mode="check", rules=RULES)
    assert failed["failed"] is True
    (found,) = failed["findings"]
    assert (found["namespace"], found["path"], found["detector"], found["count"]) == ("shop.users", path, detector, 1)
    assert f"shop.users.{path}: {detector} (1, such as " in failed["msg"]
    assert lacks_planted(failed)
    assert "DE8937" not in json.dumps(failed)


def test_a_personal_key_that_slipped_through_is_found(call, two):
    two.client.shop.users.replace_one({"_id": 1}, {"_id": 1, "visits": {"planted01@corp.example": {"count": 1}}})
    failed = call("mongodb_pii_scan", uri=two.uri, mode="check", rules=RULES)
    assert [(found["path"], found["detector"]) for found in failed["findings"]] == [("visits.<key>", "email")]
    assert lacks_planted(failed)


def test_a_collection_kept_as_a_whole_is_looked_at_too(call, two):
    two.client.shop.logs.insert_many({"who": f"planted{n}@corp.example"} for n in range(3))
    failed = call("mongodb_pii_scan", uri=two.uri, mode="check", rules=RULES + "      logs: keep\n")
    assert [(found["namespace"], found["path"], found["rule"]) for found in failed["findings"]] == [
        ("shop.logs", "who", "keep")
    ]


def test_a_sample_reads_only_so_many(call, people):
    drafted = call("mongodb_pii_scan", uri=people.uri, mode="draft", sample_size=15)
    assert {one["collection"]: one["read"] for one in drafted["collections"]}["users"] == 15


@pytest.mark.parametrize("check_mode", [False, True])
def test_preview_shows_forms_and_pseudonyms_only(call, people, check_mode):
    shown = call("mongodb_preview", check_mode=check_mode, uri=people.uri, rules=RULES, documents=40)
    (users,) = [one for one in shown["collections"] if one["namespace"] == "shop.users"]
    lines = "\n".join(users["lines"])
    assert users["documents"] == 40
    assert lacks_planted(shown)
    assert "@example.com" in lines
    assert "xxxxxxx99@xxxx.xxxxxxx" in lines
    assert "[phone]" in lines
    assert call("mongodb_preview", uri=people.uri, rules=BROKEN)["collections"][0]["documents"] == 1
    assert "no rule names it: the copy would stop" in json.dumps(shown["collections"])
    assert sorted(people.client.shop.list_collection_names()) == sorted(
        ["users", "wishes", "open_users", "fs.files", "fs.chunks", "strange", "broken", "system.views"]
    )


def test_preview_shows_originals_to_who_asks(call, source):
    source.client.shop.users.insert_one(_person(1))
    shown = call("mongodb_preview", uri=source.uri, rules=RULES, show_originals=True)
    assert "planted01@corp.example" in json.dumps(shown)


def test_preview_shows_what_the_server_computes_and_chooses(call, source):
    source.client.shop.users.insert_many({"_id": n, "age": 30 + n, "x": 1} for n in range(10))
    rules = (
        "version: 1\ndatabases: {shop: {collections: {users: {where: {_id: {$lt: 4}}, fields: {_id: keep, "
        "age: {mask: expr, expression: {$subtract: [$age, {$mod: [$age, 10]}]}}}}}}}\n"
    )
    (users,) = call("mongodb_preview", uri=source.uri, rules=rules)["collections"]
    assert users["documents"] == 4
    assert users["unlisted"] == {"x": 4}
    assert "  no rule names x (in 4 of these)" in users["lines"]
    assert [line.split()[-2:] for line in users["lines"] if "age" in line].count(["30", "[expr]"]) == 3


@pytest.mark.parametrize(
    ("module", "changes", "words"),
    [
        ("mongodb_pii_scan", {"mode": "check", "rules": "version: 1"}, "'databases' is missing"),
        ("mongodb_pii_scan", {"mode": "draft", "rules": "a: ["}, "not valid YAML"),
        ("mongodb_pii_scan", {"mode": "draft", "workers": 0}, "workers is 0"),
        ("mongodb_pii_scan", {"mode": "draft", "regions": ["XX"]}, "regions has 'XX'"),
        ("mongodb_pii_scan", {"mode": "draft", "uri": "mongodb://user:hunter22@host/"}, "holds a user"),
        ("mongodb_preview", {"rules": RULES.replace("note: text", "note: review")}, "is left for review"),
        ("mongodb_preview", {"rules": RULES, "documents": 0}, "documents is 0"),
    ],
)
def test_what_is_wrong_is_one_clear_error(call, source, module, changes, words):
    failed = call(module, **{"uri": source.uri, **changes})
    assert failed["failed"] is True
    assert words in failed["msg"]
    assert "hunter22" not in failed["msg"]
