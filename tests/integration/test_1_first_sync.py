"""One command refreshes staging from production, while production goes on writing."""

from __future__ import annotations

import re

import pytest
from pymongo.errors import OperationFailure
from stagesync_lab import config, hosts, mongodb

SESSIONS_BOUND = 30
DROPPED = "shop.tmp_export"
WRITTEN = "shop.orders"


pytestmark = pytest.mark.usefixtures("report")


@pytest.fixture
def report(first):
    assert first.run.rc == 0, first.run.output
    return first.run.report


def test_every_stage_passes(report):
    assert report["result"] == "passed"
    assert {record["status"] for record in report["stages"]} == {"passed"}
    assert [record["stage"] for record in report["stages"]][-8:] == [
        "lock", "snapshot", "restore", "anonymize", "validate", "promote", "cleanup", "lock",
    ]  # fmt: skip


def test_each_stage_tells_when_it_begins_and_how_long_it_took(first):
    told = re.findall(r"^stage (.+) (begins|passed)(?:, .+ into the run| after .+)$", first.run.output, re.MULTILINE)
    stages = [
        "preflight",
        "lock",
        "snapshot",
        "restore",
        "anonymize",
        "validate",
        "promote",
        "cleanup",
        "lock (release)",
    ]
    assert told == [(stage, what) for stage in stages for what in ("begins", "passed")]
    # Waits tell by themselves how far they are.
    assert "ASYNC POLL" not in first.run.output.split("stage anonymize begins")[1].split("stage promote begins")[0]


def test_staging_serves_the_documents_of_the_snapshot(lab, first, report):
    told = {f"{item['database']}.{item['collection']}": item["documents"] for item in report["collections"]}
    views = {"shop.active_users", "shop.active_users_in_india"}
    assert {name: count for name, count in told.items() if name not in views} == lab.counts("staging")
    expected = {name: count for name, count in first.before.items() if name not in (DROPPED, WRITTEN)}
    assert {name: told[name] for name in expected} == expected
    assert set(told) - views - set(expected) == {WRITTEN}


def test_what_was_being_written_is_there_up_to_one_moment(lab, first):
    at_snapshot = lab.counts("staging")[WRITTEN]
    assert first.before[WRITTEN] < at_snapshot < first.after[WRITTEN]
    new = {"number": {"$regex": r"^ORD-1-\d{10,}$"}}
    with mongodb.client("primary") as production, mongodb.client("staging") as staging:
        numbers = sorted(order["number"] for order in staging.shop.orders.find(new, {"number": 1}))
        everything = sorted(order["number"] for order in production.shop.orders.find(new, {"number": 1}))
    assert len(numbers) == at_snapshot - first.before[WRITTEN]
    assert numbers == everything[-len(everything) :][: len(numbers)]


def test_the_comparison_of_every_document_finds_no_difference(report):
    assert report["comparison"]["mode"] == "full"
    for item in report["comparison"]["collections"]:
        assert item["differences"] == 0, item
        assert item["compared"] == item["documents_clean"] == item["documents_source"] - item["evicted"], item


def test_every_masked_path_changed(report):
    masked = {
        f"{item['collection']}.{path['path']}": path
        for item in report["comparison"]["collections"]
        for path in item["masked"]
        if item["documents_clean"]
    }
    assert not {name for name, path in masked.items() if path["unchanged"]}
    # Every fax is empty or null, which stays as it is.
    assert {name for name, path in masked.items() if not path["changed"]} == {"legacy.fax"}
    assert len(masked) > 60


def test_a_user_is_the_same_but_for_the_masked_fields():
    with mongodb.client("primary") as production, mongodb.client("staging") as staging:
        clean = {user["_id"]: user for user in staging.shop.users.find()}
        emails = set()
        for original in production.shop.users.find():
            copy = clean.pop(original["_id"])
            assert copy["email"] != original["email"]
            assert copy["created_at"] == original["created_at"]
            assert copy.get("preferences") == original.get("preferences")
            assert ("phone" in copy) == ("phone" in original)
            assert "password_hash" not in copy
            emails.add(copy["email"].lower())
        assert not clean
        assert len(emails) == production.shop.users.count_documents({})


def test_indexes_views_and_options_are_there():
    with mongodb.client("primary") as production, mongodb.client("staging") as staging:
        for name in config.DATABASES:
            for spec in production[name].list_collections():
                if f"{name}.{spec['name']}" == DROPPED or spec["name"].startswith("system."):
                    continue
                (copy,) = staging[name].list_collections(filter={"name": spec["name"]})
                assert copy["type"] == spec["type"]
                assert copy["options"] == spec["options"]
                if spec["type"] != "view":
                    assert indexes(staging[name][spec["name"]]) == indexes(production[name][spec["name"]])
        assert staging.shop.active_users_in_india.count_documents({}) > 0


def indexes(collection):
    """The indexes by name."""
    return {index["name"]: dict(index) for index in collection.list_indexes()}


def test_staging_has_its_own_user_and_none_of_production():
    with mongodb.client("staging") as staging:
        assert [user["user"] for user in staging.admin.command("usersInfo")["users"]] == [mongodb.ADMIN]
        assert staging.admin["system.users"].count_documents({}) == 1
        assert set(staging["local"].list_collection_names()) == {"startup_log"}
    for user, key in ((mongodb.BACKUP, "production_backup"), (mongodb.ADMIN, "production_admin")):
        login = {"username": user, "password": mongodb.credentials()[key]}
        with mongodb.client("staging", anonymous=True, **login) as client, pytest.raises(OperationFailure, match="uth"):
            client.shop.users.find_one()


def test_the_quarantine_is_gone(lab, report):
    run_id = report["run_id"]
    assert not lab.of_kind("source")
    assert not lab.of_kind("clean")
    names = hosts.run("staging", "docker", "ps", "--all", "--format", "{{.Names}}").stdout.split()
    assert names == [config.CONTAINER]
    assert run_id not in lab.host_state("staging")
    assert run_id not in hosts.run("staging", "cat", "/proc/mounts").stdout
    assert run_id not in hosts.run("staging", "ls", "/run/stagesync", "/var/lib/stagesync").stdout


def test_the_report_names_what_is_live_and_what_is_parked(lab, report):
    target = report["target"]
    assert lab.live_volume() == target["live_volume_id"]
    assert lab.of_kind("live") == [target["live_volume_id"]]
    assert lab.of_kind("parked") == [target["parked_volume_id"]]


def test_staging_serves_all_along_but_for_the_seconds_of_the_swap(first, report):
    assert 0 < report["target"]["outage_seconds"] < 30
    assert first.watch.longest < 30
    assert abs(first.watch.longest - report["target"]["outage_seconds"]) < 5
    assert first.watch.answers > first.run.seconds


def test_the_snapshot_is_named_and_tagged(lab, report, data_volume):
    (told,) = report["snapshots"]
    found = lab.snapshots()[told["snapshot_id"]]
    day = told["start_time"][:10]
    assert found["Name"] == f"sync-system-mongo-weekly-{day}"
    expected = {
        "run": report["run_id"],
        "set": "sync-system-mongo-weekly",
        "set-size": "1",
        "kind": "snapshot",
        "source-instance": config.HOSTS["secondary"].instance_id,
        "source-volume": data_volume,
        "mongodb-version": config.MONGODB_VERSION,
        "fcv": "6.0",
        "dbpath": ".",
    }
    assert {key: found[f"stagesync:{key}"] for key in expected} == expected
    assert len(found["stagesync:manifest-sha256"]) == 64


def test_production_was_not_written_to(first):
    assert first.written, "the writer did not write"
    assert {entry["ns"] for entry in first.written} == {WRITTEN}


def test_the_people_s_report_says_it_too(first, report):
    text = (first.run.reports / report["run_id"] / "report.html").read_text()
    assert f"<title>Refresh of staging passed: {report['run_id']}</title>" in text
    assert "shop.users" in text


def test_the_report_lists_what_the_run_made_and_what_became_of_it(lab, report):
    states = {one["id"]: (one["kind"], one["state"]) for one in report["resources"]}
    target = report["target"]
    (snapshot,) = report["snapshots"]
    assert target["swap"] == "done"
    assert states.pop(target["live_volume_id"]) == ("clean", "live")
    assert states.pop(target["parked_volume_id"]) == ("parked", "parked")
    assert states.pop(snapshot["snapshot_id"]) == ("snapshot", "kept")
    assert ("source", "removed") in states.values()
    assert {state for _kind, state in states.values()} == {"removed"}
    assert not set(states) & {*lab.volumes(), *lab.snapshots()}


def test_few_module_calls_cross_the_connection(first, capsys, record_testsuite_property):
    record_testsuite_property("sessions_of_one_sync", first.sessions)
    with capsys.disabled():
        print(f"\n{first.sessions} sessions over SSM in one sync; it took {first.run.seconds:.0f} s")
    assert 0 < first.sessions <= SESSIONS_BOUND
