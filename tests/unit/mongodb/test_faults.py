# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Odd data and failing servers: the right handling, or one clear sentence without a value."""

from __future__ import annotations

import os
import signal
import struct
import subprocess

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import batches, catalog, client, plan, worker
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError, Server, documents_of
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.copy import Copy
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import State
from pymongo import IndexModel

from .conftest import DAY, NO_TTL

RULES = """
version: 1
databases:
  shop:
    collections:
      users: {{fields: {{_id: keep, {fields}}}}}
"""
KEEP = "version: 1\nunlisted: keep\ndatabases: {}\n"


def rules(fields="email: email"):
    return RULES.format(fields=fields)


@pytest.fixture(params=["small", "large"])
def road(request, monkeypatch):
    """Both ways to copy a collection: with others in one task, or in ranges."""
    if request.param == "large":
        monkeypatch.setattr(plan, "_SPLIT_ABOVE_BYTES", 0)
        monkeypatch.setattr(plan, "_RANGE_BYTES", 2_000)
        monkeypatch.setattr(plan, "_SMALL_DOCUMENTS", 0)
    return request.param


def element(kind: int, name: str, value: bytes) -> bytes:
    return bytes([kind]) + name.encode() + b"\0" + value


def document(*elements: bytes) -> bytes:
    inner = b"".join(elements)
    return struct.pack("<i", len(inner) + 5) + inner + b"\0"


def text(value: bytes) -> bytes:
    return struct.pack("<i", len(value) + 1) + value + b"\0"


def raw(collection) -> list[bytes]:
    return [one for batch in collection.find_raw_batches({}) for one in documents_of(batch)]


# ---- data ----


def test_invalid_utf_8_is_kept_as_it_is_and_masked_as_what_it_is(source, run, check, clean):
    planted = b"caf\xe9 \xff\xfe"
    made, _errors = batches.insert(
        source.client.shop,
        "users",
        document(
            element(0x10, "_id", struct.pack("<i", 1)),
            element(2, "email", text(planted)),
            element(2, "kept", text(planted)),
        )
        + document(
            element(2, "_id", text(planted)), element(2, "email", text(planted + b"@b.in")), element(0x0A, "kept", b"")
        ),
    )
    assert made == 2
    run(source.server, rules("email: email, kept: keep"))
    ours, theirs = raw(source.client.shop.users), raw(clean.client.shop.users)
    assert [one.count(planted) for one in ours] == [2, 2]
    assert [one.count(planted) for one in theirs] == [1, 1]
    assert check(source.server, rules("email: email, kept: keep")).differences == []


ODD = {
    "undefined": element(6, "odd", b""),
    "symbol": element(0x0E, "odd", text(b"planted")),
    "dbpointer": element(0x0C, "odd", text(b"planted") + bytes(range(12))),
    "code with scope": element(
        0x0F, "odd", struct.pack("<i", 4 + 12 + 5) + text(b"planted") + document()
    ),
    "code": element(0x0D, "odd", text(b"planted")),
    "regex": element(0x0B, "odd", b"planted\0i\0"),
    "old binary": element(5, "odd", struct.pack("<i", 11) + b"\x02" + struct.pack("<i", 7) + b"planted"),
    "old uuid": element(5, "odd", struct.pack("<i", 16) + b"\x03" + b"planted" + bytes(9)),
    "minkey": element(0xFF, "odd", b""),
    "timestamp": element(0x11, "odd", struct.pack("<q", 77 << 32)),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("mask", ["keep", "redact", "hash", "first_name", "text", "remove", "date_shift"])
def test_types_that_are_deprecated_or_rare(source, run, check, clean, kind, mask):
    users = source.client.shop.users
    made, _errors = batches.insert(
        source.client.shop, "users", document(element(0x10, "_id", struct.pack("<i", 1)), ODD[kind])
    )
    assert made == 1
    before = raw(users)
    run(source.server, rules(f"odd: {mask}"))
    (after,) = raw(clean.client.shop.users)
    assert ([after] == before) == (mask == "keep" or kind in ("undefined", "minkey") and mask != "remove")
    assert (b"planted" in after) == (mask == "keep" and b"planted" in before[0])
    assert check(source.server, rules(f"odd: {mask}")).differences == []


def test_names_with_odd_characters(source, run, check, clean):
    databases = ["ödd-db_日本", "a&b=c%'(x)", "_"]
    names = ["c d", "dotted.name", "ünïcode", "system.js"]
    for database in databases:
        for name in names:
            source.client[database][name].insert_one({"_id": 1, "email": "a@b.in", "ключ": {"a b": 1}})
            source.client[database][name].create_index("ключ.a b", name=f"index on {name}")
    collections = ", ".join(f"'{name}': {{fields: {{_id: keep, email: email, ключ: keep}}}}" for name in names)
    lines = "".join(f'  "{database}": {{collections: {{{collections}}}}}\n' for database in databases)
    made = run(source.server, f"version: 1\ndatabases:\n{lines}")
    assert len(made.collections()) == len(databases) * len(names)
    assert check(source.server, f"version: 1\ndatabases:\n{lines}").differences == []
    assert sorted(clean.client.list_database_names()) == sorted([*databases, "admin", "config", "local"])


def test_a_view_on_a_dropped_collection_comes_over(source, run, check, clean):
    source.client.shop.command("create", "orphan", viewOn="gone", pipeline=[{"$match": {"a": 1}}])
    source.client.shop.kept.insert_one({"_id": 1})
    run(source.server, KEEP)
    (view,) = (found for found in catalog.read(clean.client) if found.name == "orphan")
    assert view.options["viewOn"] == "gone"
    assert list(clean.client.shop.orphan.find()) == []
    assert check(source.server, KEEP).differences == []


def test_documents_as_large_as_they_can_be_alone_and_together(source, run, check, clean):
    largest = (16 << 20) - len(bson.encode({"_id": 1, "email": "a@b.in", "payload": b""}))
    source.client.shop.users.insert_many(
        [{"_id": n, "email": "a@b.in", "payload": os.urandom(largest)} for n in range(3)]
    )
    # Small ones before and large ones after mislead whoever takes the average for the size of all.
    source.client.shop.mixed.insert_many({"_id": n, "p": b""} for n in range(5000))
    for number in range(9):
        source.client.shop.mixed.insert_one({"_id": 10_000 + number, "p": os.urandom(5 << 20)})
    kept = rules("email: keep, payload: keep") + "      mixed: {fields: {_id: keep, p: keep}}\n"
    run(source.server, kept)
    assert check(source.server, kept).differences == []
    masked = rules("email: keep, payload: redact") + "      mixed: {fields: {_id: keep, p: redact}}\n"
    run(source.server, masked)
    assert check(source.server, masked).differences == []
    assert clean.client.shop.users.count_documents({}) == 3


@pytest.mark.usefixtures("road")
def test_a_document_above_16_mb_after_masking_is_told(source, run):
    source.client.shop.users.insert_many([{"_id": n, "email": "a@b.in"} for n in range(20)])
    source.client.shop.users.insert_one({"_id": 7000, "email": ["planted"] * 400_000})
    with pytest.raises(MongodbError) as caught:
        run(source.server, rules("email: hash"))
    message = str(caught.value)
    assert message.startswith("shop.users: ")
    assert "larger than 16 MB after masking" in message
    assert "planted" not in message


# ---- a collection that goes away ----


def dropped_between(source, monkeypatch, change) -> None:
    """`change(shop)` comes after the source was listed and looked at, and before it is read."""
    original = Copy._make

    def make(self, todo):
        with source.server.open() as writer:
            change(writer.shop)
        return original(self, todo)

    monkeypatch.setattr(Copy, "_make", make)


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize("again", [False, True])
def test_a_collection_that_is_dropped_meanwhile_is_told(source, run, monkeypatch, again):
    source.client.shop.users.insert_many({"_id": n, "email": f"u{n}@b.in"} for n in range(500))

    def change(shop):
        shop.users.drop()
        if again:
            shop.users.insert_one({"_id": 1, "email": "a@b.in"})

    dropped_between(source, monkeypatch, change)
    with pytest.raises(MongodbError, match=r"shop.users was dropped from the source while it was copied"):
        run(source.server, rules())


# ---- indexes ----


@pytest.mark.usefixtures("road")
def test_an_index_that_cannot_be_built_is_named(source, run):
    users = source.client.shop.users
    users.insert_many({"_id": n, "email": mail} for n, mail in enumerate(["u@b.in", "U@b.in", *map(str, range(50))]))
    users.create_indexes([IndexModel("_id", name="fine"), IndexModel("email", unique=True, name="one")])
    with pytest.raises(MongodbError) as caught:
        run(source.server, rules())
    assert str(caught.value).startswith("Index one on shop.users cannot be built on the masked documents: two of them")
    assert "b.in" not in str(caught.value)


@pytest.mark.usefixtures("road")
def test_an_index_that_mongodb_refuses_is_named(source, run, monkeypatch):
    users = source.client.shop.users
    users.insert_many({"_id": n, "email": "a@b.in", "at": [n % 90, n % 90]} for n in range(100))
    users.create_index([("at", "2dsphere")], name="places")
    # As if the check ahead knew nothing of it.
    monkeypatch.setattr("ansible_collections.stagesync.aws.plugins.module_utils.masking.checks.problems", lambda *_: [])
    with pytest.raises(MongodbError) as caught:
        run(source.server, rules("email: keep, at: {mask: constant, value: nowhere}"))
    assert str(caught.value).startswith("Index places on shop.users cannot be built on the masked documents: MongoDB")
    assert "nowhere" not in str(caught.value)


# ---- the clean server ----


@pytest.fixture
def small_volume(tmp_path):
    """A file system of 360 MB."""
    path = tmp_path / "volume"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=360m", "none", str(path)], check=False)
    if mounted.returncode:
        pytest.skip("no right to mount")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.mark.parametrize("indexed", [False, True])
def test_a_full_volume_is_said_to_be_full(mongod, source, small_volume, tmp_path, indexed):
    server = mongod.start(NO_TTL, dbpath=small_volume / "db")
    shop = source.client.shop
    for start in range(22):
        shop.users.insert_many(
            {"_id": start * 1000 + n, "email": "a@b.in", "p": os.urandom(16_000)} for n in range(1000)
        )
    if indexed:
        shop.users.create_index("email")
    copy_rules = rules("email: email, p: keep")
    state = State(str(tmp_path / "state"))
    key = state.open(bytes(32), copy_rules, memory_only=False)
    try:
        with pytest.raises(MongodbError) as caught:
            Copy(source.server, Server(server.uri, "clean"), load_rules(copy_rules), state, 2).run(key)
    finally:
        state.close()
        server.stop(signal.SIGKILL)
    message = str(caught.value)
    assert message.startswith("The volume of the clean server is full (")
    assert "give it a larger one and run it again" in message
    assert "Traceback" not in message


def test_a_clean_server_that_goes_away_is_one_sentence(mongod, source, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "_SPLIT_ABOVE_BYTES", 0)
    server = mongod.start(NO_TTL)
    source.client.shop.users.insert_many({"_id": n, "email": "a@b.in", "p": "x" * 500} for n in range(20_000))
    original = worker.Worker.note_space

    def killed(self):
        original(self)
        os.kill(server.process.pid, signal.SIGKILL)

    monkeypatch.setattr(worker.Worker, "note_space", killed)
    connect = client.MongoClient
    quick = {"serverSelectionTimeoutMS": 500}
    monkeypatch.setattr(client, "MongoClient", lambda uri, **options: connect(uri, **{**options, **quick}))
    state = State(str(tmp_path / "state"))
    key = state.open(bytes(32), "", memory_only=False)
    with pytest.raises(MongodbError) as caught:
        Copy(source.server, Server(server.uri, "clean"), load_rules(rules("email: email, p: keep")), state, 2).run(key)
    state.close()
    assert "No answer from shop.users of the clean server" in str(caught.value)


def test_dates_far_from_now_and_other_extremes(source, run, check):
    far = bson.datetime_ms.DatetimeMS(2**62)
    source.client.shop.users.insert_many(
        [
            {"_id": 1, "email": far, "n": float("nan"), "d": bson.Decimal128("NaN"), "deep": _nested(90)},
            {"_id": 2, "email": DAY, "n": -(2**63), "d": bson.Decimal128("-0E-6176"), "deep": {"": {"": 1}}},
        ]
    )
    text = rules("email: date_shift, n: hash, d: hash, deep: redact")
    run(source.server, text)
    assert check(source.server, text).differences == []


def _nested(depth: int):
    return {"a": [_nested(depth - 2)]} if depth > 0 else 1
