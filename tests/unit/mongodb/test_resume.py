# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A copy that is killed at any moment, and run again, ends with exactly the documents of one that was not."""

from __future__ import annotations

import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.engine import Masker
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import catalog, plan
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import Server
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.compare import compare
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.copy import Copy
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.ranges import to_text
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import State

from .conftest import DAY, MIXED_IDS, NO_TTL

SECRET = bytes(range(32))
ROUNDS = 12
RULES = """
version: 1
databases:
  shop:
    collections:
      users: &users {fields: {_id: keep, email: email, name: full_name, plan: keep}}
      tokens: {fields: {_id: hash, n: keep}}
      log: {fields: {_id: keep, who: redact}}
      readings: {fields: {_id: keep, at: keep, sensor: hash}}
""" + "".join(f"      small{number}: *users\n" for number in range(40))  # fmt: skip

COPY = """
import sys
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import client, plan
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError, Server
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.copy import Copy
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import State
connect = client.MongoClient
client.MongoClient = lambda uri, **settings: connect(uri, **{**settings, "serverSelectionTimeoutMS": 1000})
plan._SPLIT_ABOVE_BYTES, plan._RANGE_BYTES, plan._SMALL_DOCUMENTS = 0, 100_000, 500
source, target, text, path = sys.argv[1:]
try:
    state = State(path)
    key = state.open(bytes(range(32)), text, memory_only=False)
    print("begins", flush=True)
    Copy(Server(source, "source"), Server(target, "clean"), load_rules(text), state, 2).run(key)
except MongodbError as error:
    sys.exit(f"MongodbError: {error}")
"""


class Sides:
    """A source and a clean server that can be killed and started again."""

    def __init__(self, mongod) -> None:
        self._mongod = mongod
        self.source, self.clean = mongod.start(NO_TTL), mongod.start(NO_TTL)

    def crash(self, side: str) -> None:
        getattr(self, side).stop(signal.SIGKILL)

    def restart(self, side: str) -> None:
        setattr(self, side, self._mongod.start(NO_TTL, dbpath=getattr(self, side).dbpath))


def fill(client) -> None:
    shop = client.shop
    ids = [*MIXED_IDS, *range(1000, 31_000)]
    shop.users.insert_many(
        {"_id": value, "email": f"u{n}@corp.example", "name": "Asha Rao", "plan": "gold"} for n, value in enumerate(ids)
    )
    shop.users.create_index("email", unique=True)
    shop.tokens.insert_many({"_id": f"token{n}", "n": n} for n in range(12_000))
    shop.create_collection("log", capped=True, size=8 << 20)
    shop.log.insert_many({"_id": -n, "who": f"person {n}"} for n in range(3000))
    shop.create_collection("readings", timeseries={"timeField": "at", "metaField": "sensor"})
    shop.readings.insert_many({"at": DAY + datetime.timedelta(minutes=n), "sensor": f"s{n % 5}"} for n in range(3000))
    for number in range(40):
        shop[f"small{number}"].insert_many(
            {"_id": n, "email": f"{n}@x.in", "name": None, "plan": "free"} for n in range(20)
        )
        shop[f"small{number}"].create_index("plan")
    shop.command("create", "seen", viewOn="users", pipeline=[])


def expected(client) -> dict[str, list[bytes]]:
    """What the clean server is to hold in the end."""
    rules = load_rules(RULES)
    return {
        name: documents_of_all(client, name, Masker(found, Key(SECRET)))
        for name, found in rules.databases["shop"].collections.items()
    }


def documents_of_all(client, name: str, masker: Masker | None = None) -> list[bytes]:
    batches = client.shop[name].find_raw_batches({})
    documents = [
        bson.encode(one) for batch in batches for one in bson.decode_all(masker.mask(batch) if masker else batch)
    ]
    return sorted(documents)


@pytest.fixture(scope="module")
def sides(mongod):
    made = Sides(mongod)
    with made.source.client() as client:
        fill(client)
    yield made
    made.source.stop(signal.SIGKILL)
    made.clean.stop(signal.SIGKILL)


def begin(sides: Sides, state: Path) -> subprocess.Popen:
    arguments = [sys.executable, "-c", COPY, sides.source.uri, sides.clean.uri, RULES, str(state)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begins\n", process.stderr.read()
    return process


def kill(sides: Sides, victim: str, process: subprocess.Popen) -> None:
    if victim in ("source", "clean"):
        sides.crash(victim)
        return
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = children.read_text().split() if children.exists() else []
    os.kill(int(workers[0]) if victim == "worker" and workers else process.pid, signal.SIGKILL)


def finish(sides: Sides, state: Path) -> float:
    """Run to the end; return how long it took."""
    started = time.monotonic()
    process = begin(sides, state)
    _out, message = process.communicate(timeout=120)
    assert process.returncode == 0, message
    return time.monotonic() - started


def check(sides: Sides, wanted: dict[str, list[bytes]]) -> None:
    with sides.clean.client() as client:
        for name, documents in wanted.items():
            if name == "readings":
                # The server makes up nothing here: the documents hold their _id.
                assert len(documents) == 3000
            assert documents_of_all(client, name) == documents, name
        held = {found.namespace: [index["name"] for index in found.indexes] for found in catalog.read(client)}
        assert held["shop.users"] == ["email_1"]
        assert held["shop.small39"] == ["plan_1"]
        assert "shop.seen" in held
    report = compare(Server(sides.source.uri, "source"), Server(sides.clean.uri, "clean"), load_rules(RULES), "full")
    assert report.differences == []


def test_killed_at_random_moments_it_ends_with_the_same_documents(sides, tmp_path):
    with sides.source.client() as client:
        wanted = expected(client)
    state = tmp_path / "state"
    seconds = finish(sides, state)
    check(sides, wanted)
    chance = random.Random(20260315)
    killed = gone_on = 0
    while killed < ROUNDS:
        # Every fourth kill, or after a copy that came through, a new one begins; else the same goes on.
        if killed % 4 == 0 or (state / "ended").exists():
            shutil.rmtree(state)
            with sides.clean.client() as client:
                client.drop_database("shop")
        victim = chance.choice(["parent", "worker", "clean", "source"])
        process = begin(sides, state)
        time.sleep(chance.uniform(0, seconds * 0.7))
        kill(sides, victim, process)
        _out, message = process.communicate(timeout=60)
        if process.returncode == 0:
            (state / "ended").touch()
        else:
            killed += 1
            steps = [
                json.loads(line) for line in (state / "state.jsonl").read_text().splitlines() if line.endswith("}")
            ]
            gone_on += any("part" in step for step in steps)
            if victim == "worker" and message:
                assert "A worker process of the masked copy was killed" in message or "MongodbError" in message
            assert "Traceback" not in message or victim in ("parent", "worker"), message
        if victim in ("source", "clean"):
            sides.restart(victim)
        if killed % 4 == 0 and process.returncode != 0:
            finish(sides, state)
            check(sides, wanted)
    assert gone_on > 3, "the kills came too early or too late to mean anything"


def test_only_what_is_left_of_a_collection_is_copied(source, clean, tmp_path, monkeypatch):
    """A range that is finished is not read again, and half a range that is there is taken away first."""
    monkeypatch.setattr(plan, "_SPLIT_ABOVE_BYTES", 0)
    monkeypatch.setattr(plan, "_RANGE_BYTES", 2_000)
    monkeypatch.setattr(plan, "_SMALL_DOCUMENTS", 0)
    text = "version: 1\ndatabases: {shop: {collections: {users: {fields: {_id: keep, email: email}}}}}\n"
    source.client.shop.users.insert_many({"_id": n, "email": f"u{n}@corp.example"} for n in range(1000))

    def copy(state: State) -> Copy:
        made = Copy(source.server, clean.server, load_rules(text), state, 1)
        made.run(state.open(SECRET, text, memory_only=False))
        return made

    first = State(str(tmp_path / "state"))
    copy(first)
    first.close()
    right = list(clean.client.shop.users.find().sort("_id"))
    lines = [json.loads(line) for line in (tmp_path / "state" / "state.jsonl").read_text().splitlines()]
    parts = [line for line in lines if "part" in line]
    assert len(parts) > 5
    # As if killed after the first two ranges, with some of another range there and a line that was cut off.
    kept = [line for line in lines if not ("part" in line or "finish" in line)] + parts[:2]
    written = "".join(json.dumps(line) + "\n" for line in kept) + '{"part": "shop.us'
    (tmp_path / "state" / "state.jsonl").write_text(written)
    done = sum(part["result"]["documents"] for part in parts[:2])
    clean.client.shop.users.delete_many({"_id": {"$gte": done + 150}})
    clean.client.shop.users.update_one({"_id": 0}, {"$set": {"mark": 1}})
    clean.client.shop.users.update_one({"_id": done + 1}, {"$set": {"mark": 1}})
    again = State(str(tmp_path / "state"))
    copy(again)
    again.close()
    now = list(clean.client.shop.users.find().sort("_id"))
    assert now[0].pop("mark") == 1
    assert now == right


def test_a_collection_of_another_server_is_not_gone_on_with(source, clean, tmp_path, monkeypatch):
    """The same state with another clean server: what is finished there is not finished here."""
    monkeypatch.setattr(plan, "_SPLIT_ABOVE_BYTES", 0)
    monkeypatch.setattr(plan, "_RANGE_BYTES", 2_000)
    monkeypatch.setattr(plan, "_SMALL_DOCUMENTS", 0)
    text = "version: 1\ndatabases: {shop: {collections: {users: {fields: {_id: keep, email: email}}}}}\n"
    source.client.shop.users.insert_many({"_id": n, "email": f"u{n}@corp.example"} for n in range(1000))
    path = tmp_path / "state"
    state = State(str(path))
    Copy(source.server, clean.server, load_rules(text), state, 1).run(state.open(SECRET, text, memory_only=False))
    state.close()
    lines = (path / "state.jsonl").read_text().splitlines(keepends=True)
    (path / "state.jsonl").write_text("".join(line for line in lines if '"finish":' not in line))
    clean.client.shop.users.drop()
    clean.client.shop.users.insert_one({"_id": "left over"})
    state = State(str(path))
    Copy(source.server, clean.server, load_rules(text), state, 1).run(state.open(SECRET, text, memory_only=False))
    state.close()
    assert clean.client.shop.users.count_documents({}) == 1000
    assert clean.client.shop.users.find_one({"_id": "left over"}) is None


def test_bounds_of_every_type_come_back_as_they_were():
    from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.ranges import between, from_text

    ranges = between(MIXED_IDS)
    again = from_text(to_text(ranges))
    assert len(again) == len(ranges)
    for one, other in zip(ranges[:-1], again[:-1]):
        assert bson.encode({"": one.high[0]}) == bson.encode({"": other.high[0]})
