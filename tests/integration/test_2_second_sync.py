"""The next sync: a new snapshot, a new swap, the former volume parked, and nothing else left over.

The connection runs a command again when it believes its answer lost. Here every command on a host runs twice, and what
comes of the sync is the same.
"""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.usefixtures("report")


@pytest.fixture
def report(second):
    assert second.rc == 0, second.output
    return second.report


# What acts on hosts: a sync that got along without one of them would prove nothing of it.
REPEATED = {
    "async_status", "async_wrapper", "command", "copy", "docker_container", "ebs_device_info", "filesystem",
    "mongodb_anonymize", "mongodb_compare", "mongodb_fsync", "mongodb_node_info", "mongodb_pii_scan", "mongodb_ready",
    "mongodb_users", "mongodb_volume_swap", "mount", "quarantine_host",
}  # fmt: skip


def test_every_module_ran_twice_on_its_host(audited):
    typed = b"".join(path.read_bytes() for path in audited.sessions.iterdir())
    commands = re.findall(rb"^for turn in 1 2; .*$", typed, re.MULTILINE)
    ran = {name.decode() for command in commands for name in re.findall(rb"/(?:AnsiballZ_)?(\w+)\.py", command)}
    assert ran >= REPEATED


def test_the_documents_are_those_of_production(report):
    assert report["comparison"]["mode"] == "full"
    for item in report["comparison"]["collections"]:
        assert item["differences"] == 0, item
        assert item["compared"] == item["documents_clean"] == item["documents_source"] - item["evicted"], item
    assert {record["status"] for record in report["stages"]} == {"passed"}


def test_one_snapshot_was_taken_and_staging_was_away_once(lab, audited, report):
    assert set(lab.snapshots()) - audited.snapshots == {it["snapshot_id"] for it in report["snapshots"]}
    assert len(report["snapshots"]) == 1
    assert audited.starts == 1
    assert abs(audited.watch.longest - report["target"]["outage_seconds"]) < 5


def test_a_new_snapshot_and_a_new_swap(lab, first, report):
    former = first.run.report
    assert report["run_id"] != former["run_id"]
    assert report["snapshots"][0]["snapshot_id"] != former["snapshots"][0]["snapshot_id"]
    assert report["target"]["live_volume_id"] == lab.live_volume() != former["target"]["live_volume_id"]


def test_staging_holds_what_came_since(lab, first):
    assert lab.counts("staging")["shop.products"] == first.before["shop.products"] + 1


def test_only_the_former_volume_is_parked(lab, first):
    assert lab.of_kind("parked") == [first.run.report["target"]["live_volume_id"]]
    assert first.run.report["target"]["parked_volume_id"] not in lab.volumes()


def test_nothing_else_is_left_over(lab):
    rc, output = lab.labctl("status")
    assert rc == 0, output
    assert "orphans        none" in output


def test_snapshots_beyond_the_retention_are_deleted(lab, first, strangers, report):
    ours = {
        snapshot_id
        for snapshot_id, tags in lab.snapshots().items()
        if tags.get("stagesync:set") == "sync-system-mongo-weekly"
    }
    kept = {run["snapshots"][0]["snapshot_id"] for run in (first.run.report, report)}
    assert ours == kept
    assert strangers["older"] not in lab.snapshots()


@pytest.mark.parametrize("which", ["no tags", "other set", "root volume"])
def test_no_other_snapshot_is_touched(lab, strangers, which):
    assert strangers[which] in lab.snapshots()
