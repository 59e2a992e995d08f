"""What the operator has beside the sync: restore test, masked snapshots, status, a dead run's leavings, permissions."""

from __future__ import annotations

import json
import re
import sys
import time

import pytest
from stagesync_lab import cli, mongodb
from stagesync_lab.runs import ROOT

sys.path.insert(0, str(ROOT / "tests" / "chaos"))
import campaign  # noqa: E402 - it lies beside the tests, not in a package

pytestmark = pytest.mark.usefixtures("well")

POLICIES = ROOT / "docs" / "iam"
STALE = 60  # seconds, the least that may be set
OPTIONAL = ["controller", "controller-connection", "controller-optional"]


@pytest.fixture(scope="module")
def well(lab, first):
    """How the lab is after a sync that passed."""
    assert first.run.rc == 0, first.run.output
    return campaign.baseline(lab)


def status(lab) -> str:
    """What status shows, in one line."""
    run = lab.playbook("status")
    assert run.rc == 0, run.output
    return run.text


# ---- a restore test


@pytest.fixture(scope="module")
def drill(lab):
    """A drill, with what there was before it."""
    before = lab.live_volume()
    with lab.stopped_instances("primary", "secondary"):
        return lab.playbook("drill"), before


def test_a_drill_restores_and_measures_without_production(lab, drill):
    run, before = drill
    assert run.rc == 0, run.output
    report = run.report
    assert report["kind"] == "drill"
    assert report["drill"]["documents"] > 10_000
    assert report["drill"]["differences"] == []
    assert 0 < report["recovery"]["rto_seconds"] < run.seconds
    assert report["recovery"]["rpo_seconds"] > 0
    assert lab.live_volume() == before


@pytest.mark.usefixtures("drill")
def test_a_drill_leaves_nothing(lab, well):
    campaign.left_nothing(well, lab)


# ---- a snapshot of the masked data, under a lock of the secondary


@pytest.fixture(scope="module")
def masked(lab):
    """A sync that locks the secondary and takes a snapshot of the clean volume too."""
    cli.control_plane("POST", "/lab/policies", {"policies": OPTIONAL})
    try:
        return lab.playbook("sync", stagesync_masked_snapshot=True, stagesync_consistency="fsync_lock")
    finally:
        cli.control_plane("POST", "/lab/policies", {})


@pytest.fixture(scope="module")
def refreshed(lab, masked):
    """How the lab is after that sync."""
    assert masked.rc == 0, masked.output
    return campaign.baseline(lab)


def test_the_secondary_is_unlocked_after_its_snapshot(lab, masked):
    assert masked.rc == 0, masked.output
    tags = lab.snapshots()[masked.report["snapshots"][0]["snapshot_id"]]
    assert tags["stagesync:consistency"] == "fsync_lock"
    with mongodb.client("secondary") as client:
        assert "fsyncLock" not in client.admin.command("currentOp")
    mongodb.wait_caught_up()


def test_the_masked_snapshot_is_promoted_without_masking(lab, refreshed, masked):
    (snapshot_id,) = masked.report["target"]["masked_snapshot_ids"]
    assert lab.snapshots()[snapshot_id]["stagesync:kind"] == "masked"
    cli.control_plane("POST", "/lab/policies", {"policies": OPTIONAL})
    try:
        run = lab.playbook("rollback", snapshot_id=snapshot_id)
    finally:
        cli.control_plane("POST", "/lab/policies", {})
    assert run.rc == 0, run.output
    assert {record["stage"] for record in run.report["stages"]} == {"preflight", "lock", "rollback", "cleanup"}
    campaign.serves(refreshed, lab)


def test_a_rollback_goes_to_the_parked_volume_that_is_named(lab, refreshed):
    (parked,) = lab.of_kind("parked")
    wrong = lab.playbook("rollback", parked_volume_id="vol-0123456789abcdef0")
    assert wrong.rc != 0
    assert f"Parked are: {parked}" in wrong.text
    run = lab.playbook("rollback", parked_volume_id=parked)
    assert run.rc == 0, run.output
    assert lab.live_volume() == parked
    campaign.serves(refreshed, lab)


# ---- a run that dies


@pytest.fixture(scope="module")
def dead(lab, refreshed, tmp_path_factory):
    """A sync whose controller was killed while it copied; nobody comes back to it."""
    campaign.serves(refreshed, lab)
    case = campaign.Case("controller killed within", campaign.COPY, campaign.kill_controller, after=1.0)
    reports = tmp_path_factory.mktemp("dead")
    code, output = campaign.strike(lab, case, reports, "dead-run", stagesync_lock_stale_seconds=STALE)
    assert code == -9, output
    return time.monotonic()


@pytest.mark.usefixtures("dead")
def test_another_run_is_told_who_holds_staging(lab):
    run = lab.playbook("sync")
    assert run.rc != 0
    assert "is held by run dead-run" in run.text


@pytest.mark.usefixtures("dead")
def test_status_shows_the_lock_and_the_quarantine(lab):
    text = status(lab)
    assert re.search(r"Run dead-run of .* the lock; last heartbeat", text), text
    assert re.search(r"vol-\w+ source 10 dead-run yes", text), text


def test_when_the_lock_is_stale_cleanup_removes_what_was_left(lab, refreshed, dead):
    time.sleep(max(0.0, STALE + 15 - (time.monotonic() - dead)))
    run = lab.playbook("cleanup", stagesync_lock_stale_seconds=STALE)
    assert run.rc == 0, run.output
    campaign.serves(refreshed, lab)
    campaign.left_nothing(refreshed, lab)
    assert "QUARANTINE: none" in status(lab)


# ---- permissions

# What preflight does not try on the controller alone: the keys, which only volumes under keys of one's own need, and
# the connection, which shows by itself whether it may be opened. The lock is tried where staging is looked at.
UNTRIED = {
    "LookAtTheKeys",
    "UseTheKeysOfVolumes",
    "LendTheKeysToEbs",
    "OpenSessionsOnTwoHosts",
    "OpenShellsOnly",
    "UseSessions",
    "EndOwnSessions",
    "HoldTheLock",
    "PassFilesThroughTheBucket",
    "UseTheKeyOfTheBucket",
}
STATEMENTS = {
    statement["Sid"]: statement
    for name in ("controller", "controller-connection")
    for statement in json.loads((POLICIES / f"{name}.json").read_text())["Statement"]
}


@pytest.mark.parametrize("sid", sorted(STATEMENTS.keys() - UNTRIED))
def test_preflight_names_what_a_missing_statement_denies(lab, sid):
    cli.control_plane("POST", "/lab/policies", {"without": sid})
    try:
        run = lab.playbook("preflight", "--limit", "localhost")
    finally:
        cli.control_plane("POST", "/lab/policies", {})
    said = STATEMENTS[sid]["Action"]
    actions = [said] if isinstance(said, str) else said
    assert run.rc != 0
    # An action as the policy has it, or the one that its star stands for.
    assert any(action.partition("*")[0] in run.text for action in actions), run.output


def test_what_is_not_tried_are_statements():
    assert STATEMENTS.keys() >= UNTRIED
