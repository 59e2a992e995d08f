"""A field that no rule names does not get out."""

from __future__ import annotations

import re

import pytest
from stagesync_lab import mongodb

FIELD = "emergency_contacts.passport"


@pytest.fixture(scope="module")
def before(lab, first):
    """What there is before the run."""
    assert first.run.rc == 0, first.run.output
    return lab.footprint(), lab.counts("staging")


@pytest.fixture(scope="module")
def stopped(lab, before):
    """A sync after a document with a new field came, in a sub-document of an array's element."""
    assert before[1]["shop.users"] > 0
    person = {"name": "Asha", "relation": "aunt", "phones": [], "passport": "M1234567"}
    with mongodb.client("primary") as client:
        client.shop.users.insert_one({"_id": "new", "email": "new@x.example", "emergency_contacts": [person]})
    mongodb.wait_caught_up()
    run = lab.playbook("sync")
    yield run
    with mongodb.client("primary") as client:
        client.shop.users.delete_one({"_id": "new"})
    mongodb.wait_caught_up()
    for snapshot in run.report["snapshots"]:  # nobody should rebuild from it
        lab.ec2.delete_snapshot(SnapshotId=snapshot["snapshot_id"])


def test_the_run_stops_and_names_collection_path_and_count(stopped):
    assert stopped.rc != 0
    assert "Traceback" not in stopped.output
    assert stopped.failed_stage["stage"] == "anonymize"
    error = stopped.failed_stage["error"]
    assert "shop.users" in error
    assert FIELD in error
    # A quick look at a part of a collection counts at least so many.
    assert re.search(r"\(1 document( at least)?\)", error)
    assert "M1234567" not in stopped.output


def test_the_report_says_failed_and_no_later_stage_ran(stopped):
    assert stopped.report["result"] == "failed"
    assert {record["stage"] for record in stopped.report["stages"]} == {
        "preflight", "lock", "snapshot", "restore", "anonymize", "cleanup",
    }  # fmt: skip


@pytest.mark.usefixtures("stopped")
def test_staging_serves_what_it_served(lab, before):
    footprint, counts = before
    assert lab.counts("staging") == counts
    assert lab.host_state("staging") == footprint["staging"]


def test_the_quarantine_is_gone(lab, before, stopped):
    assert lab.volumes() == before[0]["volumes"]
    made = set(lab.snapshots()) - set(before[0]["snapshots"])
    assert made == {snapshot["snapshot_id"] for snapshot in stopped.report["snapshots"]}
