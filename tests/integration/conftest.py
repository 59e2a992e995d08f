"""The lab that is up, and the runs on it. The files go on from what those before them left; each also runs alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stagesync_lab import audit, cli, config, hosts, leaks, mongodb
from stagesync_lab.runs import Lab, Run, Watch

SCALE = float(os.environ.get("SCALE", "0.1"))
SET_NAME = "sync-system-mongo-weekly"
MEMBER = {"run": "older-run", "set": SET_NAME, "kind": "snapshot", "set-size": "1"}


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """The lab that is up, filled anew at a small scale."""
    if os.geteuid() != 0 or not cli.control_plane_ready():
        pytest.exit("The lab is not up, or this is not root: run `make test-integration`.", returncode=1)
    lab = Lab(tmp_path_factory.mktemp("runs"))
    rc, output = lab.labctl("status")
    if rc:
        pytest.exit(f"The lab is down in part, or something was left in it:\n{output}", returncode=1)
    cli.control_plane("DELETE", "/lab/faults")
    audit.keep_versions(lab.s3, "Suspended")  # an audit that was killed leaves them on
    rc, output = lab.labctl("seed", "--scale", str(SCALE))
    assert rc == 0, output
    yield lab
    lab.labctl("writer", "stop")


@pytest.fixture(scope="session")
def data_volume(lab) -> str:
    """Production's data volume, that of the secondary."""
    (found,) = [name for name, it in lab.volumes().items() if it["tags"].get("Name") == "lab-mongo-secondary-data"]
    return found


@pytest.fixture(scope="session")
def strangers(lab, data_volume) -> Iterator[dict[str, str]]:
    """Snapshots beside those of the set; only `older` is one of it, for the retention to delete."""
    (root,) = [name for name, it in lab.volumes().items() if it["tags"].get("Name") == "lab-mongo-secondary-root"]
    secondary = config.HOSTS["secondary"].instance_id
    today = f"{SET_NAME}-{time.strftime('%Y-%m-%d', time.gmtime())}"
    member = {f"stagesync_{key}": value for key, value in MEMBER.items()}
    member.update({"stagesync_source-instance": secondary, "stagesync_source-volume": data_volume})
    made = {
        "older": lab.snapshot(data_volume, Name=today, **member),
        "no tags": lab.snapshot(data_volume),
        "other set": lab.snapshot(data_volume, Name=today, **{**member, "stagesync_set": "another"}),
        "root volume": lab.snapshot(root, Name=today),
    }
    yield made
    for snapshot_id in set(made.values()) & set(lab.snapshots()):
        lab.ec2.delete_snapshot(SnapshotId=snapshot_id)


@dataclass(frozen=True)
class Sync:
    """A sync that went well, with what was seen around it."""

    run: Run
    watch: Watch
    sessions: int
    before: dict[str, int]  # production's documents
    after: dict[str, int]
    written: list[dict[str, Any]]  # oplog entries of production while it ran


@pytest.fixture(scope="session")
def first(lab, strangers) -> Sync:
    """The first sync, while somebody writes to production; the strangers lie there already."""
    assert set(strangers.values()) <= set(lab.snapshots())
    before = lab.counts("primary")
    with mongodb.client("primary") as client:
        begun = client.admin.command("hello")["lastWrite"]["opTime"]["ts"]
    lab.labctl("writer", "start", "--rate", "50", "--seconds", "600")
    cli.control_plane("POST", "/lab/stats/reset")
    try:
        with Watch().asking() as watch:
            run = lab.playbook("sync")
    finally:
        sessions = lab.stats()["sessions"]
        lab.labctl("writer", "stop")
    with mongodb.client("primary") as client:
        # The server's own entries: no-ops, and the sessions of clients.
        foreign = {"ts": {"$gt": begun}, "op": {"$ne": "n"}, "ns": {"$not": {"$regex": "^config\\."}}}
        written = list(client["local"]["oplog.rs"].find(foreign, {"ns": 1, "op": 1}))
    return Sync(run, watch, sessions, before, lab.counts("primary"), written)


@dataclass(frozen=True)
class Audited:
    """A sync that was watched, and whose every command on a host ran twice."""

    run: Run
    needles: leaks.Needles
    sampler: audit.Sampler
    bucket: audit.BucketWatch
    watch: Watch
    sessions: Path  # what went through the connection
    snapshots: set[str]  # what there was before
    starts: int  # of staging's mongod meanwhile


@contextmanager
def masking_key() -> Iterator[str]:
    """The masking key, in a parameter that staging may read."""
    key, ssm = audit.new_key(), cli.aws("ssm")
    secret = {"Type": "SecureString", "KeyId": config.STAGING_KEY}
    ssm.put_parameter(Name=audit.KEY_PARAMETER, Value=key, Overwrite=True, **secret)
    try:
        yield key
    finally:
        ssm.delete_parameter(Name=audit.KEY_PARAMETER)


@pytest.fixture(scope="session")
def audited(lab, first) -> Audited:
    """The next sync, after a change in production, told with every detail; two snapshots of the set shall stay.

    Staging has to install the modules' Python anew, and the secondary is locked, so that these run twice too.
    """
    assert first.run.rc == 0, first.run.output
    with mongodb.client("primary") as client:
        client.shop.products.insert_one({"_id": "new-since-the-first-sync", "price": 1})
    mongodb.wait_caught_up()
    hosts.run("staging", "rm", "/opt/stagesync/venv/stagesync.stamp")
    settings = {
        "stagesync_snapshots_kept": 2,
        "stagesync_key_parameter": audit.KEY_PARAMETER,
        "stagesync_consistency": "fsync_lock",
    }
    snapshots, starts = set(lab.snapshots()), lab.starts()
    with masking_key() as key:
        needles = audit.needles(key)
        sampler, bucket, watch = audit.Sampler(needles), audit.BucketWatch(lab.s3, needles), Watch()
        with lab.repeating(**sampler.environment) as sessions, watch.asking(), bucket.watching(), sampler.sampling():
            run = lab.playbook("sync", "-vvv", **settings)
    return Audited(run, needles, sampler, bucket, watch, sessions, snapshots, lab.starts() - starts)


@pytest.fixture(scope="session")
def second(audited) -> Run:
    """What came of that sync."""
    return audited.run


@pytest.fixture(scope="session")
def planted() -> leaks.Needles:
    """The search for the values that the seed planted."""
    return leaks.needles(leaks.planted_values())
