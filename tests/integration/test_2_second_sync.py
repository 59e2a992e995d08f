"""The next sync: a new snapshot, a new swap, the former volume parked, and nothing else left over."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("report")


@pytest.fixture
def report(second):
    assert second.rc == 0, second.output
    return second.report


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
