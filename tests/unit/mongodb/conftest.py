# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Real servers: a read-only source as a restored snapshot is opened, a writable source, and a clean one."""

from __future__ import annotations

import datetime
import time
from types import SimpleNamespace

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import Server
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.compare import compare
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.copy import Copy
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import State
from pymongo import TEXT, IndexModel

NO_TTL = "--setParameter=ttlMonitorEnabled=false"
DAY = datetime.datetime(2026, 1, 1)

MIXED_IDS = [
    bson.MinKey(), None, float("nan"), float("-inf"), -1, 0, 2.5, bson.Int64(2**60), bson.Decimal128("1E+400"),
    float("inf"), "", "a", "b.c", "ä", "日本", {}, {"a": 1}, {"b": [1, {"c": None}]}, b"", b"x",
    bson.Binary(b"y" * 16, 4), bson.ObjectId("0123456789abcdef01234567"), False, True,
    datetime.datetime(1969, 7, 20), DAY, bson.Timestamp(5, 1), bson.Code("f()"), bson.Code("g()", {"a": 1}),
    bson.MaxKey(),
]  # fmt: skip

ESTATE_RULES = r"""
version: 1
databases:
  shop:
    collections:
      users:
        fields:
          _id: keep
          email: email
          name.first: first_name
          addresses.street: redact
          addresses.city: keep
          contacts.*.phone: phone
          'odd\.name': hash
          note: text
          born: date_shift
          seen: keep
          gone: remove
      tokens:
        fields: {_id: hash, seq: keep, token: hash}
      mixed: {fields: {_id: keep, name: full_name}}
      mixed_kept: keep
      log: {fields: {_id: keep, n: keep, who: redact}}
      clustered: {fields: {_id: keep, who: hash}}
      readings:
        fields: {_id: keep, at: keep, sensor.site: keep, sensor.owner: hash, value: keep}
      strict: keep
      folded: {fields: {_id: keep, who: hash}}
      geo: keep
      "odd name ü": keep
      empty: {fields: {_id: keep, never: email}}
      fs.files: {fields: {_id: keep, length: keep, chunkSize: keep, uploadDate: keep, filename: redact}}
      fs.chunks: {contents: keep}
      secrets: drop
"""


def fill_estate(client) -> None:
    """Every kind of collection, option and index that the copy must carry over."""
    shop = client.shop
    shop.users.insert_many(
        {
            "_id": number,
            "email": f"user{number}@corp.example",
            "name": {"first": "Asha", "n": None} if number == 1 else {"first": f"Asha{number}"},
            "addresses": [{"street": f"{number} MG Road", "city": "पुणे"}, {"city": "Goa"}] if number % 3 else [],
            "contacts": {f"k.{number}": {"phone": f"+91 98765 {number:05}"}, "$home": {"phone": None}},
            "odd.name": f"value {number}",
            "note": f"mail me at user{number}@corp.example" if number % 2 else "nothing here",
            "born": DAY - datetime.timedelta(days=number),
            "seen": bson.Int64(number),
            "gone": [number],
        }
        for number in range(500)
        if number != 1
    )  # fmt: skip
    shop.users.create_indexes(
        [
            IndexModel("email", unique=True, name="email_unique"),
            IndexModel([("name.first", 1), ("born", -1)], sparse=True, hidden=True),
            IndexModel("seen", expireAfterSeconds=1, name="ttl"),
            IndexModel("born", expireAfterSeconds=400 * 86_400, name="born_ttl"),
            IndexModel("seen", partialFilterExpression={"seen": {"$gt": 5}}, name="partial"),
            IndexModel([("note", TEXT), ("email", TEXT)], weights={"note": 3}, default_language="german", name="txt"),
            IndexModel("email", collation={"locale": "hi", "strength": 1}, name="hindi"),
        ]
    )
    shop.tokens.insert_many({"_id": f"token-{n}", "seq": n // 2, "token": f"secret{n}"} for n in range(200))
    shop.mixed.insert_many({"_id": value, "name": f"Name {n}"} for n, value in enumerate(MIXED_IDS))
    shop.mixed_kept.insert_many({"_id": value, "n": n} for n, value in enumerate(MIXED_IDS))
    shop.create_collection("log", capped=True, size=1 << 20, max=300)
    shop.log.insert_many({"_id": (n * 7919) % 1000, "n": n, "who": f"person {n}"} for n in range(400))
    shop.create_collection("clustered", clusteredIndex={"key": {"_id": 1}, "unique": True, "name": "by id"})
    shop.clustered.insert_many({"_id": n, "who": f"w{n}"} for n in range(50))
    shop.create_collection(
        "readings",
        timeseries={"timeField": "at", "metaField": "sensor", "granularity": "minutes"},
        expireAfterSeconds=3600,
    )
    shop.readings.insert_many(
        {
            "at": DAY + datetime.timedelta(minutes=n),
            "sensor": {"site": n % 3, "owner": f"o{n % 5}"},
            "value": n / 7,
        }
        for n in range(300)
    )
    shop.readings.create_index([("sensor.site", 1), ("at", -1)])
    shop.create_collection(
        "strict", validator={"$jsonSchema": {"required": ["a"]}}, validationLevel="moderate", validationAction="warn"
    )
    shop.strict.insert_one({"_id": 1, "b": "does not pass the validator"})
    shop.create_collection(
        "folded", collation={"locale": "en", "strength": 2}, changeStreamPreAndPostImages={"enabled": True}
    )
    shop.folded.insert_many({"_id": name, "who": name} for name in ("a", "B", "c", "Ä", "_", "1"))
    shop.geo.insert_many({"_id": n, "at": {"type": "Point", "coordinates": [n, n]}, "h": n} for n in range(5))
    shop.geo.create_indexes(
        [
            IndexModel([("at", "2dsphere")]),
            IndexModel([("h", "hashed")]),
            IndexModel([("$**", 1)], wildcardProjection={"h": 1}),
        ]
    )
    shop["odd name ü"].insert_one({"_id": 1, "": "empty name", "a": {"$b": 1, "c.d": [[], {}]}})
    shop.create_collection("empty")
    shop.secrets.insert_one({"_id": 1, "s": "left behind"})
    shop.command("create", "zview", viewOn="users", pipeline=[{"$match": {"seen": {"$gt": 3}}}])
    shop.command("create", "aview", viewOn="zview", pipeline=[])
    shop.command("create", "orphan", viewOn="nowhere", pipeline=[], collation={"locale": "fr"})
    from gridfs import GridFSBucket

    GridFSBucket(shop, chunk_size_bytes=1 << 20).upload_from_stream("asha.bin", bytes(range(256)) * 12_000)


@pytest.fixture(scope="session")
def estate(mongod):
    """A crashed replica set member's files, opened read-only as the restore does it."""
    member = mongod.start("--replSet=rs0", NO_TTL)
    client = member.client()
    client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": str(member.socket)}]})
    until = time.monotonic() + 20
    while not client.admin.command("hello")["isWritablePrimary"]:
        assert time.monotonic() < until, "the replica set has no primary"
        time.sleep(0.05)
    fill_estate(client)
    member.stop()
    server = mongod.start(
        NO_TTL,
        "--setParameter=recoverFromOplogAsStandalone=true",
        "--setParameter=takeUnstableCheckpointOnShutdown=true",
        dbpath=member.dbpath,
    )
    return Server(server.uri, "source")


def _emptied(server):
    with server.client() as client:
        for name in client.list_database_names():
            if name not in ("admin", "config", "local"):
                client.drop_database(name)
    return server


@pytest.fixture(scope="session")
def _writable(mongod):
    return mongod.start(NO_TTL)


@pytest.fixture(scope="session")
def _cleanable(mongod):
    return mongod.start(NO_TTL)


@pytest.fixture
def source(_writable):
    """An empty writable server to fill: `.client`, `.server`."""
    client = _emptied(_writable).client()
    yield SimpleNamespace(client=client, server=Server(_writable.uri, "source"))
    client.close()


@pytest.fixture
def clean(_cleanable):
    """An empty server to copy to: `.client`, `.server`."""
    client = _emptied(_cleanable).client()
    yield SimpleNamespace(client=client, server=Server(_cleanable.uri, "clean"))
    client.close()


@pytest.fixture
def run(tmp_path, clean):
    """run(source server, rules text): copy everything; returns the copy with its result."""

    def copy(source: Server, text: str, workers: int = 2, secret: bytes | None = bytes(32)) -> Copy:
        state = State(str(tmp_path / "state"))
        try:
            key = state.open(secret, text, memory_only=False)
            made = Copy(source, clean.server, load_rules(text, "rules.yml"), state, workers)
            made.result = made.run(key)
            return made
        finally:
            state.close()

    return copy


@pytest.fixture
def check(clean):
    """check(source server, rules text, mode): what the comparison found."""

    def comparison(source: Server, text: str, mode: str = "full", sample_size: int = 1000):
        return compare(source, clean.server, load_rules(text, "rules.yml"), mode, sample_size, workers=2)

    return comparison
