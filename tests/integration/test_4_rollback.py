"""Back to the parked volume in seconds, back to a snapshot through the clean room, and back by itself."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from stagesync_lab import config, ebs, hosts, leaks, mongodb

MARKER = "shop.products"  # production got one more document here between the two syncs


@pytest.fixture(scope="module")
def swapped_back(lab, second):
    """A rollback with production's instances stopped, whose every command on a host runs twice."""
    assert second.rc == 0, second.output
    before = lab.starts()
    with lab.stopped_instances("primary", "secondary"), lab.repeating():
        run = lab.playbook("rollback")
    assert lab.starts() == before + 1
    return run


def test_swaps_back_to_the_parked_volume_without_production(lab, first, second, swapped_back):
    assert swapped_back.rc == 0, swapped_back.output
    target = swapped_back.report["target"]
    assert target["live_volume_id"] == lab.live_volume() == first.run.report["target"]["live_volume_id"]
    assert lab.of_kind("parked") == [target["parked_volume_id"]] == [second.report["target"]["live_volume_id"]]
    assert lab.counts("staging")[MARKER] == first.before[MARKER]


def test_nothing_is_rebuilt_and_the_outage_is_measured(swapped_back):
    assert {record["stage"] for record in swapped_back.report["stages"]} == {"preflight", "lock", "rollback", "cleanup"}
    assert 0 < swapped_back.report["target"]["outage_seconds"] < 30


def swap(lab, to: str, live: str) -> dict:
    """The module that swaps, called as the connection calls it: once more when it believes a call lost."""
    arguments = {
        "container": config.CONTAINER,
        "mount_point": config.DATA_MOUNT,
        "volume_id": to,
        "expected_live_volume_id": live,
        "username_parameter": "/mongo/admin",
        "password_parameter": "/mongo/admin/password",
        "region": config.REGION,
    }
    rc, output = lab.run(
        "ansible", "-i", "inventories/lab", "mongodb_staging", "-m", "stagesync.aws.mongodb_volume_swap",
        "-a", json.dumps(arguments), "-e", "ansible_python_interpreter=/opt/stagesync/venv/bin/python",
        ANSIBLE_CALLBACK_RESULT_FORMAT="json",
    )  # fmt: skip
    assert rc == 0, output
    return json.loads(output[output.index("{") :])


@pytest.mark.usefixtures("swapped_back")
def test_a_swap_that_the_connection_repeats_is_one_swap(lab, first, second):
    there, here = (run.report["target"]["live_volume_id"] for run in (second, first.run))
    before = lab.starts()
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(swap, lab, there, here) for _turn in range(2)]
        answers = [call.result() for call in calls]
    again = swap(lab, there, here)
    assert lab.starts() == before + 1
    assert lab.live_volume() == there
    assert again["changed"] is False
    assert {answer["volume_id"] for answer in [*answers, again]} == {there}
    assert len({answer["last_swap"]["started"] for answer in [*answers, again]}) == 1


@pytest.fixture(scope="module")
def promoted_again(lab, second):
    """The promotion of the second sync once more, after a swap that nobody could note in the tags any more."""
    assert lab.of_kind("parked") == [second.report["target"]["live_volume_id"]] == [lab.live_volume()]
    before = lab.starts()
    return lab.playbook("promote", sync_run_id=second.report["run_id"]), before


def test_a_promotion_that_is_repeated_notes_what_is_live_and_does_not_swap(lab, first, second, promoted_again):
    run, before = promoted_again
    assert run.rc == 0, run.output
    assert lab.starts() == before
    assert lab.of_kind("live") == [second.report["target"]["live_volume_id"]] == [lab.live_volume()]
    assert lab.of_kind("parked") == [first.run.report["target"]["live_volume_id"]]


@pytest.fixture(scope="module")
def failed(lab, first, promoted_again, tmp_path_factory):
    """A rebuild whose copy does not hold what it should when it is served; the footprint before it."""
    assert promoted_again[0].rc == 0
    before = lab.footprint(), lab.counts("staging")
    # With -e it would be refused: what makes a copy healthy is the collection's own.
    inventory = tmp_path_factory.mktemp("inventory") / "expected.yml"
    inventory.write_text(json.dumps({"all": {"vars": {"promote_expected_databases": ["nowhere"]}}}))
    run = lab.playbook(
        "rollback",
        "-i",
        str(inventory),
        snapshot_id=first.run.report["snapshots"][0]["snapshot_id"],
        stagesync_compare="sampled",
    )
    return run, before


def test_a_failed_promotion_swaps_back_by_itself(lab, failed):
    run, (_before, counts) = failed
    assert run.rc != 0
    assert run.report["result"] == "failed"
    assert run.failed_stage["stage"] == "promote"
    assert "does not hold the database nowhere" in run.failed_stage["error"]
    assert "swapped back" in run.failed_stage["error"]
    assert "Traceback" not in run.output
    assert lab.counts("staging") == counts


def test_and_leaves_nothing_behind(lab, failed):
    _run, (before, _counts) = failed
    after = lab.footprint()
    assert after["volumes"] == before["volumes"]
    assert after["snapshots"] == before["snapshots"]
    assert changed_lines(before["staging"], after["staging"]) <= 1  # the container's start


def changed_lines(before: str, after: str) -> int:
    """How many lines are new."""
    return len(set(after.splitlines()) - set(before.splitlines()))


@pytest.fixture(scope="module")
def rebuilt(lab, first, failed):
    """Staging from the first sync's snapshot, while the second sync's data is live."""
    assert failed[0].rc != 0
    with lab.stopped_instances("primary", "secondary"):
        return lab.playbook("rollback", snapshot_id=first.run.report["snapshots"][0]["snapshot_id"])


def test_rebuilds_staging_from_a_snapshot(lab, first, second, rebuilt):
    assert rebuilt.rc == 0, rebuilt.output
    report = rebuilt.report
    assert report["snapshots"] == first.run.report["snapshots"]
    assert [item["differences"] for item in report["comparison"]["collections"] if item["differences"]] == []
    assert lab.live_volume() == report["target"]["live_volume_id"]
    assert lab.live_volume() not in {run.report["target"]["live_volume_id"] for run in (first.run, second)}
    assert lab.counts("staging")[MARKER] == first.before[MARKER]
    told = {f"{it['database']}.{it['collection']}": it["documents"] for it in first.run.report["collections"]}
    assert {name: count for name, count in told.items() if name in lab.counts("staging")} == lab.counts("staging")


@pytest.mark.usefixtures("rebuilt")
def test_through_the_same_clean_room(lab, planted):
    with mongodb.client("staging") as client:
        client.admin.command("fsync")
    hosts.run("staging", "sync")
    assert leaks.search_file(ebs.volume_file(lab.live_volume()), planted) == []


@pytest.mark.usefixtures("rebuilt")
def test_leaves_one_parked_volume_and_nothing_else(lab, second):
    assert lab.of_kind("parked") == [second.report["target"]["live_volume_id"]]
    rc, output = lab.labctl("status")
    assert rc == 0, output


def test_without_a_parked_volume_it_says_so_and_changes_nothing(lab, rebuilt):
    emptied = lab.playbook("cleanup", sync_run_id=rebuilt.report["run_id"], stagesync_parked_kept=0)
    assert emptied.rc == 0, emptied.output
    assert lab.of_kind("parked") == []
    before = lab.footprint()
    run = lab.playbook("rollback")
    assert run.rc != 0
    assert "has no parked volume to go back to. Nothing was changed." in run.failed_stage["error"]
    assert "-e snapshot_id=" in run.failed_stage["error"]
    assert lab.footprint() == before
