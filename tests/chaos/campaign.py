"""Runs of the sync in which something dies, and what must hold after each.

A case strikes a running `playbooks/sync.yml` at a task (its banner in Ansible's output), or makes AWS answer wrongly
from the start. Afterwards staging must serve whole data, nothing personal may be reachable, the report must say what
happened, the same run started again must pass, and then nothing may be left over.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError
from stagesync_lab import cli, config, hosts, leaks, mongodb
from stagesync_lab.runs import ROOT, Lab

BANNER = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(?:[\w.]+ : )?(.+?)\] \*+$")
ACTED = re.compile(r"ok|changed|ASYNC OK")
# Waits that are hours for terabytes would hold up a campaign.
LIMITS = {"stagesync_snapshot_timeout": 60}
PATIENCE = 900  # seconds until a run that does not end counts as hanging

SNAPSHOT = "Snapshot | take it, and wait until it is complete"
MOUNT = "Restore | mount it out of everybody's way"
COPY = "Anonymize | copy through the masks"
COMPARE = "Validate | compare the clean copy with its source"
SCAN = "Validate | look for personal data in the clean copy"
SWAP = "Swap | put the other volume under the container"
LONG = (SNAPSHOT, MOUNT, COPY, COMPARE, SCAN, SWAP)


class Broken(AssertionError):
    """Something that must hold after a fault does not."""


def kill_controller(_lab: Lab, process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)


def _sessions(_lab: Lab, process: subprocess.Popen) -> None:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            arguments = (entry / "cmdline").read_bytes()
            if b"session-manager-plugin" in arguments and os.getsid(int(entry.name)) == os.getsid(process.pid):
                os.kill(int(entry.name), signal.SIGKILL)


def _power(lab: Lab, _process: subprocess.Popen) -> None:
    code, output = lab.labctl("power-cycle", "staging")
    if code:
        raise RuntimeError(f"the lab's host did not come back:\n{output}")


def _mongod(pattern: str) -> Callable[[Lab, subprocess.Popen], None]:
    def strike(_lab: Lab, _process: subprocess.Popen) -> None:
        hosts.run("staging", "pkill", "-KILL", "-f", pattern, check=False)

    return strike


def _fill_clean(_lab: Lab, _process: subprocess.Popen) -> None:
    """Leave no byte free on the clean volume; the host's own disk is this machine's, so that one is left alone."""
    script = (
        "for place in /var/lib/stagesync/*-clean; do "
        'fallocate -l "$(df --output=avail -B1 "$place" | tail -1)" "$place/chaos-fill"; done'
    )
    hosts.run("staging", "sh", "-c", script, check=False)


def _answers(**rule: Any) -> Callable[[Lab, subprocess.Popen], None]:
    def strike(_lab: Lab, _process: subprocess.Popen) -> None:
        cli.control_plane("POST", "/lab/faults", rule)

    return strike


@dataclass(frozen=True)
class Case:
    """One fault at one point. `point` is a task's name, or None for before the run; `after` seconds into the task."""

    fault: str
    point: str | None
    strike: Callable[[Lab, subprocess.Popen], None]
    after: float = 0.0
    must_pass: bool = False  # the run itself gets over it

    @property
    def name(self) -> str:
        return f"{self.fault} at {self.point or 'the start'}"


# Calls that the controller makes in a sync; what is asked of hosts goes through ssm and s3.
CHANGING = ("ec2:CreateSnapshots", "ec2:CreateVolume", "ec2:AttachVolume", "ec2:DetachVolume", "ec2:DeleteVolume")
READING = ("ec2:DescribeSnapshots", "ec2:DescribeVolumes")
CONNECTION = ("ssm:StartSession", "s3:PutObject")
NOT_FOUND = {
    "ec2:DescribeSnapshots": "InvalidSnapshot.NotFound",
    "ec2:DescribeVolumes": "InvalidVolume.NotFound",
    "ec2:AttachVolume": "InvalidVolume.NotFound",
}


def cases(points: list[str]) -> Iterator[Case]:
    """Every case, for a sync that consists of these tasks."""
    for point in points:
        yield Case("controller killed", point, kill_controller)
    for point in LONG:
        yield Case("controller killed within", point, kill_controller, after=1.5)
        yield Case("SSM session killed", point, _sessions, after=1.0)
        yield Case("power cut", point, _power, after=1.0)
    for point in (COPY, COMPARE, SCAN):
        yield Case("source mongod killed", point, _mongod("/run/stagesync/.*/source/"), after=1.0)
        yield Case("clean mongod killed", point, _mongod("/run/stagesync/.*/clean/"), after=1.0)
    for point in (COPY, SWAP):
        yield Case("staging's mongod killed", point, _mongod("mongod .*--bind_ip_all"), after=0.5)
    yield Case("clean volume full", COPY, _fill_clean)
    for operation in (*CHANGING, *READING, *CONNECTION):
        yield Case(f"{operation} throttled twice", None, _answers(
            operation=operation, error="SlowDown" if operation.startswith("s3") else "RequestLimitExceeded", count=2,
        ), must_pass=True)  # fmt: skip
        yield Case(f"{operation} fails twice inside AWS", None, _answers(
            operation=operation, error="InternalError", status=500, count=2,
        ), must_pass=True)  # fmt: skip
        yield Case(f"{operation} denied", None, _answers(operation=operation, error="UnauthorizedOperation"))
    for operation, error in NOT_FOUND.items():
        yield Case(f"{operation} answers {error} once", SNAPSHOT, _answers(operation=operation, error=error, count=1))
    for operation in ("ec2:CreateSnapshots", "ec2:CreateVolume", "ec2:AttachVolume", "ec2:DetachVolume"):
        yield Case(f"{operation} stays in its first state", None, _answers(operation=operation, stuck=True))
    yield Case("the snapshot ends in error", None, _answers(operation="ec2:CreateSnapshots", end="error"))
    for point in (MOUNT, COPY):
        yield Case("the bucket is gone", point, _answers(operation="s3:*", error="NoSuchBucket"))
        yield Case("credentials expired", point, _answers(operation="*", error="ExpiredToken", status=400))


@dataclass
class Outcome:
    """What came of a case: one row of the campaign's table."""

    case: Case
    ended: str = ""
    live: str = "old"
    again: str = ""
    seconds_to_recover: float = 0.0
    broken: str = ""


@dataclass
class Baseline:
    """How the lab is when all is well."""

    counts: dict[str, int]
    listeners: set[str]
    host: str
    needles: leaks.Needles


def listeners() -> set[str]:
    """Where something listens in staging's network."""
    lines = hosts.run("staging", "ss", "-Hltnp").stdout.splitlines()
    # containerd takes another loopback port at each boot.
    return {line.split()[3] for line in lines if '"containerd"' not in line}


def _stable(state: str) -> str:
    """The host's state without what every swap changes: container ids, start times, device names."""
    state = re.sub(r"^[0-9a-f]{64} ", "", state, flags=re.MULTILINE)
    return re.sub(r"/dev/\S+|\d{4}-\d\d-\d\dT\S+|UUID=\S+", "*", state)


def baseline(lab: Lab) -> Baseline:
    """Read it after a sync that passed."""
    return Baseline(
        lab.counts("staging"), listeners(), _stable(lab.host_state("staging")), leaks.needles(leaks.planted_values())
    )


def _playbook(lab: Lab, reports: Path, run_id: str, **settings: Any) -> subprocess.Popen:
    variables = {"stagesync_report_directory": str(reports), "sync_run_id": run_id, **LIMITS, **settings}
    return subprocess.Popen(
        ["ansible-playbook", "-i", "inventories/lab", "playbooks/sync.yml", "-e", json.dumps(variables)],
        cwd=ROOT, env=lab.environment, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def points(lab: Lab, reports: Path) -> list[str]:
    """The boundaries between the tasks of a sync that passes, in order, each by the task that begins there.

    A task that was skipped, or only checked its arguments, leaves all as it was: what begins after it is the same
    boundary. Raises Broken when the sync does not pass.
    """
    process = _playbook(lab, reports, "chaos-rehearsal")
    output = process.communicate(timeout=PATIENCE)[0]
    if process.returncode:
        raise Broken(f"the sync fails without any fault:\n{output[-3000:]}")
    names, name, acted = [], "", True
    for line in output.splitlines():
        if match := BANNER.match(line):
            name = match[1]
            if acted:
                names.append(name)
            acted = False
        elif ACTED.match(line):
            acted = acted or not name.startswith("Validating arguments")
    return list(dict.fromkeys(names))


def strike(lab: Lab, case: Case, reports: Path, run_id: str, **settings: Any) -> tuple[int | None, str]:
    """Run the sync and strike; its exit code (None: it hung and was ended) and its output."""
    if case.point is None:
        case.strike(lab, None)
    process = _playbook(lab, reports, run_id, **settings)
    begun, struck, lines = time.monotonic(), case.point is None, []
    watchdog = subprocess.Popen(["sh", "-c", f"sleep {PATIENCE} && kill -KILL -- -{process.pid}"])
    try:
        for line in process.stdout:
            lines.append(line)
            match = BANNER.match(line.rstrip())
            if not struck and match and match[1] == case.point:
                time.sleep(case.after)
                case.strike(lab, process)
                struck = True
        process.wait()
    finally:
        watchdog.kill()
        watchdog.wait()
    output = "".join(lines)
    if not struck:
        raise Broken(f"the run never came to {case.point!r}:\n{output[-2000:]}")
    return (None if time.monotonic() - begun >= PATIENCE else process.returncode), output


def serves(base: Baseline, lab: Lab) -> None:
    """Staging answers, within a minute, with all documents of every collection."""
    deadline = time.monotonic() + 60
    while True:
        try:
            counts = lab.counts("staging")
            break
        except (PyMongoError, OSError) as error:
            if time.monotonic() > deadline:
                raise Broken(f"staging does not answer: {error}") from error
            time.sleep(1)
    if counts != base.counts:
        differing = {name for name in counts.keys() | base.counts if counts.get(name) != base.counts.get(name)}
        raise Broken(f"staging serves other documents in {sorted(differing)}")


def _leaks_nothing(base: Baseline, lab: Lab, output: str, reports: Path) -> None:
    """No planted value where staging's users, the operator or the bucket's readers can see it; no new listener."""
    if hits := leaks.search_bytes(output.encode(), base.needles):
        raise Broken(f"personal values in the output: {hits}")
    if reports.exists() and (hits := leaks.search_path(reports, base.needles)):
        raise Broken(f"personal values in the reports: {hits}")
    with mongodb.client("staging") as client:
        if hits := leaks.search_database(client, base.needles):
            raise Broken(f"personal values in staging: {hits}")
    if more := listeners() - base.listeners:
        raise Broken(f"something listens at {sorted(more)}")
    for item in lab.s3.list_objects_v2(Bucket=config.BUCKET).get("Contents", []):
        body = lab.s3.get_object(Bucket=config.BUCKET, Key=item["Key"])["Body"].read()
        if hits := leaks.search_bytes(body, base.needles):
            raise Broken(f"personal values in the bucket's {item['Key']}: {hits}")


def left_nothing(base: Baseline, lab: Lab) -> None:
    """No volume, snapshot, mount, container or directory that a sync that passed would not leave."""
    kinds = {kind: lab.of_kind(kind) for kind in ("source", "clean", "parked", "live")}
    if kinds["source"] or kinds["clean"] or len(kinds["parked"]) > 1 or len(kinds["live"]) != 1:
        raise Broken(f"volumes are left over: {kinds}")
    stray = [name for name, volume in lab.volumes().items() if not volume["tags"]]
    if stray:
        raise Broken(f"volumes without tags: {stray}")
    pages = lab.ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"])
    pending = [item["SnapshotId"] for page in pages for item in page["Snapshots"] if item["State"] != "completed"]
    if pending:
        raise Broken(f"snapshots that are not complete: {pending}")
    if (state := _stable(lab.host_state("staging"))) != base.host:
        raise Broken(f"the host is not as it was:\n{state}\nand was:\n{base.host}")
    if left := lab.s3.list_objects_v2(Bucket=config.BUCKET).get("Contents"):
        raise Broken(f"the bucket holds {[item['Key'] for item in left]}")


def _reported(reports: Path) -> dict[str, Any]:
    try:
        return json.loads((reports / "latest" / "report.json").read_text())
    except (OSError, ValueError) as error:
        raise Broken(f"there is no report: {error}") from error


def play(lab: Lab, base: Baseline, case: Case, directory: Path, number: int) -> Outcome:
    """Play one case on a lab that is well; it is well again afterwards, or the outcome says what is broken."""
    outcome = Outcome(case)
    reports, run_id = directory / f"case-{number}", f"chaos-{number}"
    before = lab.live_volume()
    try:
        code, output = strike(lab, case, reports, run_id)
        outcome.ended = {None: "hung", 0: "passed", -signal.SIGKILL: "killed"}.get(code, "failed")
        cli.control_plane("DELETE", "/lab/faults")
        if code is None:
            raise Broken(f"the run did not end within {PATIENCE} s:\n{output[-2000:]}")
        if case.must_pass and code:
            raise Broken(f"the run should have got over it:\n{output[-3000:]}")
        serves(base, lab)
        outcome.live = "old" if lab.live_volume() == before else "new"
        _leaks_nothing(base, lab, output, reports)
        if outcome.ended != "killed":
            result = _reported(reports)["result"]
            if result != outcome.ended:
                raise Broken(f"the run {outcome.ended}, and its report says {result}")
        if outcome.ended != "passed":
            begun = time.monotonic()
            process = _playbook(lab, reports, run_id)
            output = process.communicate(timeout=PATIENCE)[0]
            outcome.seconds_to_recover = time.monotonic() - begun
            outcome.again = "failed" if process.returncode else "passed"
            if process.returncode:
                raise Broken(f"the same run started again fails:\n{output[-4000:]}")
            serves(base, lab)
            _leaks_nothing(base, lab, output, reports)
        left_nothing(base, lab)
    except (Broken, RuntimeError, subprocess.TimeoutExpired) as error:
        outcome.broken = str(error)
    finally:
        cli.control_plane("DELETE", "/lab/faults")
    return outcome
