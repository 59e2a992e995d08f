"""Playbooks run against the lab as its user does, what staging's clients see meanwhile, and what there is then."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
from pymongo.errors import PyMongoError

from . import cli, config, hosts, mongodb

ROOT = Path(__file__).resolve().parents[3]

# What a run may leave in a host: containers and since when they run, mounts of EBS devices, its directories.
HOST_STATE = r"""
docker ps --all --no-trunc --format '{{.ID}} {{.Names}} {{.State}}' | sort
docker inspect --format '{{.State.StartedAt}}' mongo
awk '$1 ~ "^/dev/nvme" {print $1, $2}' /proc/mounts | sort
cat /etc/fstab
find /run/stagesync /var/lib/stagesync -mindepth 1 -maxdepth 1 -type d 2>/dev/null | sort
true
"""


@dataclass(frozen=True)
class Run:
    """What came of one playbook."""

    rc: int
    output: str
    seconds: float
    reports: Path

    @property
    def text(self) -> str:
        """The output without line breaks, for messages that Ansible folds."""
        return " ".join(self.output.split())

    @property
    def report(self) -> dict[str, Any]:
        """The run's report.json, which is as its schema says, whatever came of the run."""
        document = json.loads((self.reports / "latest" / "report.json").read_text())
        jsonschema.validate(document, json.loads((ROOT / "docs" / "report.schema.json").read_text()))
        return document

    @property
    def failed_stage(self) -> dict[str, Any]:
        """The record of the one stage that failed."""
        (record,) = [record for record in self.report["stages"] if record["status"] == "failed"]
        return record


@dataclass
class Watch:
    """Asks staging all the time, as its clients do; knows the longest time without an answer."""

    longest: float = 0.0
    answers: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    def _ask(self) -> None:
        patience = {"serverSelectionTimeoutMS": 300, "connectTimeoutMS": 300, "socketTimeoutMS": 3000}
        with mongodb.client("staging", **patience) as client:
            last = time.monotonic()
            while not self._ended.is_set():
                with suppress(PyMongoError):
                    client.shop.command("dbStats")
                    now = time.monotonic()
                    self.longest, last = max(self.longest, now - last), now
                    self.answers += 1
                time.sleep(0.05)
            self.longest = max(self.longest, time.monotonic() - last)

    @contextmanager
    def asking(self) -> Iterator[Watch]:
        """Ask for as long as the block runs."""
        thread = threading.Thread(target=self._ask)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()


class Lab:
    """The running lab, and the ways that the tests act on it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.begun = time.time()  # what is older is of no run of this lab
        self.ec2 = cli.aws("ec2")
        self.s3 = cli.aws("s3")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_"))},
            **cli.environment(),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self._numbers = itertools.count(1)

    # runs

    def playbook(self, name: str, *arguments: str, **extra: Any) -> Run:
        """Run a playbook of the collection with these extra variables, with a report directory of its own."""
        reports = self.directory / f"{next(self._numbers):02d}-{name}"
        variables = {"stagesync_report_directory": str(reports), **extra}
        command = ["-i", "inventories/lab", f"playbooks/{name}.yml", "-e", json.dumps(variables), *arguments]
        begun = time.monotonic()
        rc, output = self.run("ansible-playbook", *command)
        return Run(rc, output, time.monotonic() - begun, reports)

    def run(self, *command: str, **environment: str) -> tuple[int, str]:
        """Run a command as the lab's user does; its exit code and all that it said."""
        done = subprocess.run(
            command, cwd=ROOT, env={**self.environment, **environment}, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout

    @contextmanager
    def repeating(self, **environment: str) -> Iterator[Path]:
        """Every command on a host runs twice while the block runs; yields where its sessions are written down."""
        transcripts = self.directory / f"{next(self._numbers):02d}-sessions"
        transcripts.mkdir()
        before = self.environment
        asked = {"STAGESYNC_LAB_REPEAT": "1", "STAGESYNC_LAB_TRANSCRIPTS": str(transcripts), **environment}
        self.environment = {**before, **asked}
        try:
            yield transcripts
        finally:
            self.environment = before

    def labctl(self, *arguments: str) -> tuple[int, str]:
        """Run labctl."""
        return self.run(str(ROOT / "tests/lab/labctl"), *arguments)

    def stats(self) -> dict[str, Any]:
        """What the control plane has counted."""
        return cli.control_plane("GET", "/lab/stats")

    # what there is

    def volumes(self) -> dict[str, dict[str, Any]]:
        """Every EBS volume: where it is attached, its tags."""
        pages = self.ec2.get_paginator("describe_volumes").paginate()
        return {
            volume["VolumeId"]: {
                "attached": sorted(item["InstanceId"] for item in volume["Attachments"]),
                "tags": tags(volume),
            }
            for page in pages
            for volume in page["Volumes"]
        }

    def of_kind(self, kind: str) -> list[str]:
        """The volumes with this `stagesync:kind`."""
        return [name for name, volume in self.volumes().items() if volume["tags"].get("stagesync:kind") == kind]

    def snapshots(self) -> dict[str, dict[str, str]]:
        """Every snapshot's tags."""
        pages = self.ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"])
        return {item["SnapshotId"]: tags(item) for page in pages for item in page["Snapshots"]}

    def host_state(self, role: str) -> str:
        """What a run could have changed in a host."""
        return hosts.run(role, "sh", "-c", HOST_STATE).stdout

    def footprint(self) -> dict[str, Any]:
        """All that a run could have made or changed; the same before and after where nothing was."""
        return {
            "volumes": self.volumes(),
            "snapshots": self.snapshots(),
            **{role: self.host_state(role) for role in config.HOSTS},
        }

    def counts(self, role: str) -> dict[str, int]:
        """Documents by collection, by a query."""
        with mongodb.client(role) as client:
            return {
                f"{database}.{name}": client[database][name].count_documents({})
                for database in config.DATABASES
                for name in client[database].list_collection_names(filter={"type": {"$ne": "view"}})
                if not name.startswith("system.")
            }

    def starts(self) -> int:
        """How often staging's mongod was started."""
        return hosts.run("staging", "docker", "logs", config.CONTAINER).stdout.count('"msg":"MongoDB starting"')

    def live_volume(self) -> str:
        """The volume under staging's mongod, as the host has it."""
        device = hosts.run("staging", "findmnt", "-rno", "SOURCE", config.DATA_MOUNT).stdout.strip()
        known = cli.info()["hosts"]["staging"]["volumes"]
        return next(volume["volume_id"] for volume in known if volume["host_device"] == device)

    # causing things

    def instance_state(self, role: str, state: str) -> None:
        """What the API says of an instance."""
        cli.control_plane("POST", f"/lab/instances/{role}/state", {"state": state})

    @contextmanager
    def stopped_instances(self, *roles: str) -> Iterator[None]:
        """Instances that are stopped while the block runs."""
        for role in roles:
            self.instance_state(role, "stopped")
        try:
            yield
        finally:
            for role in roles:
                self.instance_state(role, "running")

    def snapshot(self, volume_id: str, **named: str) -> str:
        """A completed snapshot with these tags, made past the collection; `stagesync_x` stands for `stagesync:x`."""
        given = [{"Key": key.replace("_", ":", 1), "Value": value} for key, value in named.items()]
        made = self.ec2.create_snapshot(
            VolumeId=volume_id, TagSpecifications=[{"ResourceType": "snapshot", "Tags": given}] if given else []
        )
        self.ec2.get_waiter("snapshot_completed").wait(
            SnapshotIds=[made["SnapshotId"]], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )
        return made["SnapshotId"]


def tags(resource: dict[str, Any]) -> dict[str, str]:
    """The tags as a dict."""
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}
