# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What copy, comparison and scan say of how far they are, between real servers."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils import progress
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import plan, worker, workers
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.board import CopyBoard
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError
from ansible_collections.stagesync.aws.plugins.module_utils.pii.scan import check as scan
from pymongo import IndexModel

from .conftest import ESTATE_RULES

USERS = "version: 1\ndatabases: {shop: {collections: {users: {fields: {_id: keep, email: email, n: keep, t: keep}}}}}"


@pytest.fixture
def heard(tmp_path, monkeypatch):
    """Everything that is said, with nothing held back."""
    said = []
    monkeypatch.setattr(progress, "_EVERY_SECONDS", 0)
    monkeypatch.setattr(workers, "_TICK_SECONDS", 0.01)
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "said"))
    write = progress.Progress.tell

    def tell(self, *arguments, **named):
        write(self, *arguments, **named)
        said.append(json.loads((tmp_path / "said").read_text()))

    monkeypatch.setattr(progress.Progress, "tell", tell)
    return said


def of(said, doing):
    return [one for one in said if one["doing"] == doing]


def grows(said):
    return said and all(one["done"] <= other["done"] <= other["total"] for one, other in zip(said, said[1:]))


def test_a_copy_is_told_to_its_end_and_holds_no_value(estate, run, check, heard, clean):
    made = run(estate, ESTATE_RULES)
    whole = sum(entry["documents"] for entry in made.collections())
    looks, copied = of(heard, "checking the rules"), of(heard, "copying")
    assert looks[-1]["done"] == looks[-1]["total"] > 0
    assert grows(copied)
    assert copied[-1]["done"] == copied[-1]["total"] == whole
    check(estate, ESTATE_RULES)
    compared = of(heard, "comparing documents")
    assert grows(compared)
    assert compared[-1]["done"] == compared[-1]["total"] == whole
    scan(clean.server, load_rules(ESTATE_RULES, "r"), 100, 2, ("IN",))
    looked = of(heard, "looking for personal data")
    assert grows(looked)
    assert 0 < looked[-1]["done"] <= looked[-1]["total"] < whole
    names = {f"{entry['database']}.{entry['collection']}" for entry in made.collections()}
    for one in heard:
        assert set(one) <= {"pid", "time", "doing", "done", "total", "unit", "parts"}
        for part in one.get("parts", ()):
            assert part["name"].removesuffix(", indexes") in names
            assert set(part) == {"name", "done", "total", "unit"}


def test_each_large_collection_is_told_and_a_rerun_goes_on_from_what_is_there(source, run, heard, monkeypatch):
    monkeypatch.setattr(plan, "_SPLIT_ABOVE_BYTES", 1)
    monkeypatch.setattr(plan, "_RANGE_BYTES", 100_000)
    monkeypatch.setattr(plan, "_SMALL_BYTES", 1)
    source.client.shop.users.insert_many(
        {"_id": n, "email": f"u{n}@corp.example", "n": n, "t": "x"} for n in range(20_000)
    )
    source.client.shop.users.create_index("n")
    build = worker.build_indexes

    def stop(_namespace):
        raise MongodbError("Stopped before the indexes.")

    monkeypatch.setattr(worker, "build_indexes", stop)
    with pytest.raises(MongodbError, match="Stopped"):
        run(source.server, USERS)
    parts = [part for one in of(heard, "copying") for part in one["parts"]]
    assert {part["name"] for part in parts} == {"shop.users"}
    assert {part["total"] for part in parts} == {20_000}
    monkeypatch.setattr(worker, "build_indexes", build)
    heard.clear()
    run(source.server, USERS)
    assert {one["done"] for one in of(heard, "copying")} == {20_000}


def test_a_sample_is_measured_by_its_share(source, run, heard):
    source.client.shop.users.insert_many(
        {"_id": n, "email": f"u{n}@corp.example", "n": n, "t": "x"} for n in range(8000)
    )
    run(source.server, USERS.replace("{fields", "{sample: 0.25, fields"))
    last = of(heard, "copying")[-1]
    assert 1500 < last["total"] < 2500
    assert last["done"] == last["total"]


def test_the_build_of_indexes_is_told_in_percent(source, run, monkeypatch):
    """The server's own numbers; its currentOp is the only place that has them."""
    text = "lorem ipsum dolor " * 5
    for start in range(0, 120_000, 20_000):
        numbers = range(start, start + 20_000)
        source.client.shop.users.insert_many(
            {"_id": n, "email": f"u{n}@corp.example", "n": n, "t": text} for n in numbers
        )
    source.client.shop.users.create_indexes([IndexModel("email"), IndexModel([("t", 1), ("n", 1)]), IndexModel("n")])
    monkeypatch.setattr(worker, "_LOOK_AT_INDEXES_SECONDS", 0.01)
    monkeypatch.setattr(workers, "_TICK_SECONDS", 0.01)
    found, read = set(), CopyBoard.read

    def watched(self):
        board = read(self)
        found.update(percent for _documents, percent in board.values())
        return board

    monkeypatch.setattr(CopyBoard, "read", watched)
    monkeypatch.setattr(progress.Progress, "due", lambda _self: True)
    started = time.monotonic()
    run(source.server, USERS)
    assert time.monotonic() - started < 60
    percents = {percent for percent in found if percent is not None}
    assert len(percents) > 3, found
    assert percents <= set(range(101))
    assert None in found
