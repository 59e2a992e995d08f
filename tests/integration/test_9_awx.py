"""Jobs as AWX runs them: ansible-runner, a private data directory, an exported inventory, an installed collection."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from stagesync_lab import cli, config, hosts
from stagesync_lab.runs import ROOT

BIN = Path(sys.executable).parent
LOCK = f"/stagesync/lock/{config.HOSTS['staging'].instance_id}"
# Containers, mounts of EBS volumes, and what is in the runs' directories.
LEFT = """docker ps --all --format '{{.Names}}'; awk '$1 ~ "^/dev/nvme" {print $2}' /proc/mounts
find /run/stagesync /var/lib/stagesync -mindepth 1 -maxdepth 2"""
# AWX's own variables, which every job gets.
META = {"awx_job_launch_type": "manual", "awx_user_name": "on-call", "tower_user_name": "on-call"}


class Objects(yaml.SafeLoader):
    """Reads awx/objects.yml."""


class Unsafe(str):
    """A value that AWX marks as no template: what was typed at launch, or came from another job."""


class Variables(yaml.SafeDumper):
    """Writes variables as AWX does."""


Objects.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
Variables.add_representer(Unsafe, lambda dumper, value: dumper.represent_scalar("!unsafe", str(value)))
OBJECTS = yaml.load((ROOT / "awx" / "objects.yml").read_text(), Objects)
TEMPLATES = {template["name"]: template for template in OBJECTS["awx_job_templates"]}


@dataclass(frozen=True)
class Job:
    """What AWX keeps of a job."""

    rc: int
    output: str
    artifacts: dict
    place: Path

    @property
    def text(self) -> str:
        """The output in one line."""
        return " ".join(self.output.split())

    @property
    def stages(self) -> list[tuple[str, str]]:
        """What the report says of them; it is gone with the job's container."""
        report = json.loads((self.place / "project/reports/latest/report.json").read_text())
        return [(record["stage"], record["status"]) for record in report["stages"]]


class AWX:
    """Runs job templates of awx/objects.yml on the lab."""

    def __init__(self, lab, folder: Path):
        self.lab, self.folder = lab, folder
        self.numbers = itertools.count(1)
        # What the image has.
        self.image = folder / "image"
        self._command("ansible-galaxy", "collection", "build", "--output-path", str(folder), cwd=ROOT)
        (tarball,) = folder.glob("*.tar.gz")
        self._command(
            "ansible-galaxy",
            "collection",
            "install",
            "--force",  # the checkout has it too
            "--no-deps",
            "--offline",
            str(tarball),
            "-p",
            str(self.image),
            cwd=folder,
        )
        # What the project has: a checkout, with rules beside the inventory.
        self.project = folder / "project"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode()
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (self.project / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.project / name)
        shutil.copy2(ROOT / "tests/lab/rules.yml", self.project / "inventories/lab/rules.yml")

    def job(self, name: str, **answers: str) -> Job:
        """Launch a job template with these answers or artifacts."""
        ident = str(next(self.numbers))
        place = self.folder / f"awx_{ident}"
        shutil.copytree(self.project, place / "project")
        template = TEMPLATES[name]
        variables = {
            **META,
            "awx_job_id": int(ident),
            **OBJECTS["awx_job_template"]["extra_vars"],
            **template.get("extra_vars", {}),
            # As awx_configure.yml makes it of awx_inventory_path; what a job template itself says may be a template.
            "stagesync_rules_file": "{{ playbook_dir | dirname }}/inventories/lab/rules.yml",
            # An image has AWS's in its PATH.
            "ansible_aws_ssm_plugin": str(ROOT / "tests/lab/session-manager-plugin"),
            **{key: Unsafe(value) for key, value in answers.items()},
        }
        for below, text in (
            ("env/extravars", yaml.dump(variables, Dumper=Variables)),
            # AWX always names a user, and lets a template limit the hosts.
            ("env/cmdline", "-u root -l localhost:mongodb_secondary:mongodb_staging"),
            ("env/envvars", yaml.safe_dump(self.environment(place))),
            ("env/settings", yaml.safe_dump({"job_timeout": 0, "suppress_env_files": True})),
            ("inventory/hosts", self.inventory(place)),
        ):
            (place / below).parent.mkdir(parents=True, exist_ok=True)
            (place / below).write_text(text)
        (place / "inventory/hosts").chmod(0o700)
        done = subprocess.run(
            [
                BIN / "ansible-runner", "run", place, "--ident", ident,
                "--playbook", template["playbook"], "--inventory", place / "inventory/hosts",
            ],
            env={"HOME": os.environ["HOME"], "PATH": self.lab.environment["PATH"], "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        artifacts = place / "artifacts" / ident
        assert (artifacts / "rc").exists(), done.stdout
        told = [json.loads(path.read_text()) for path in (artifacts / "job_events").glob("*.json")]
        (stats,) = [event["event_data"] for event in told if event["event"] == "playbook_on_stats"]
        output = re.sub(r"\x1b\[[0-9;]*m", "", (artifacts / "stdout").read_text())
        return Job(int((artifacts / "rc").read_text()), output, stats.get("artifact_data", {}), place)

    def environment(self, place: Path) -> dict[str, str]:
        """The lab's, with paths as AWX sets them."""
        paths = [place / "requirements_collections", ".cache/collections", self.image]
        return {
            **cli.environment(),
            "ANSIBLE_COLLECTIONS_PATH": ":".join(map(str, paths)),
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
        }

    def inventory(self, place: Path) -> str:
        """What AWX makes of an inventory source: it exports it, keeps it, and gives jobs a script that prints it."""
        exported = json.loads(
            self._command(
                "ansible-inventory", "-i", "inventories/lab", "--list", "--export", "--playbook-dir", "inventories/lab",
                cwd=place / "project", **self.environment(place),
            )
        )  # fmt: skip
        for number, host in enumerate(exported["_meta"]["hostvars"].values()):
            host.update(remote_tower_enabled="true", remote_tower_id=number)
        return f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({json.dumps(exported)!r})\n"

    def _command(self, *arguments: str, cwd: Path, **environment: str) -> str:
        done = subprocess.run(
            [BIN / arguments[0], *arguments[1:]],
            cwd=cwd, env={**self.lab.environment, **environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def awx(lab, tmp_path_factory):
    """AWX's way to run jobs."""
    return AWX(lab, tmp_path_factory.mktemp("awx"))


def quarantine(lab) -> dict[str, list[str]]:
    """The volumes of the clean room."""
    return {kind: lab.of_kind(kind) for kind in ("source", "clean")}


def locks() -> list[str]:
    """The lock, where somebody holds it."""
    return [it["Name"] for it in cli.aws("ssm").get_parameters(Names=[LOCK])["Parameters"]]


@pytest.fixture(scope="module")
def prepared(lab, awx):
    """The workflow's first job, with the volume that served before it."""
    live = lab.live_volume()
    return awx.job("stagesync prepare"), live


def test_prepare_leaves_a_copy_that_nobody_serves_and_nothing_of_productions(lab, prepared):
    job, live = prepared
    assert job.rc == 0, job.output
    assert lab.live_volume() == live
    found = quarantine(lab)
    assert found["source"] == []
    (clean,) = found["clean"]
    tags = lab.volumes()[clean]["tags"]
    assert "stagesync:validated" in tags
    assert tags["stagesync:run"] == job.artifacts["sync_run_id"]
    left = hosts.run("staging", "sh", "-c", LEFT).stdout
    assert f"stagesync-{tags['stagesync:run']}-clean" in left
    assert "source" not in left


def test_no_lock_is_held_while_a_person_decides(prepared):
    assert prepared[0].rc == 0
    assert locks() == []


@pytest.fixture(scope="module")
def promoted(lab, awx, prepared):
    """The job after the approval, with production's hosts off; the copy that it was to serve."""
    job, live = prepared
    assert job.rc == 0, job.output
    (clean,) = lab.of_kind("clean")
    with lab.stopped_instances("primary", "secondary"):
        return awx.job("stagesync promote", **job.artifacts), clean, live


def test_promote_serves_that_copy_and_leaves_nothing(lab, promoted):
    job, clean, before = promoted
    assert job.rc == 0, job.output
    assert lab.live_volume() == clean
    assert before in lab.of_kind("parked")
    assert quarantine(lab) == {"source": [], "clean": []}
    assert locks() == []
    assert lab.volumes()[clean]["tags"]["stagesync:run"] not in hosts.run("staging", "sh", "-c", LEFT).stdout
    # Nothing was copied anew.
    assert set(job.stages) == {(stage, "passed") for stage in ("preflight", "lock", "promote", "cleanup")}


def test_a_rollback_takes_the_answers_of_its_survey(lab, awx, promoted):
    job, clean, before = promoted
    assert job.rc == 0, job.output
    asked = {question["variable"] for question in TEMPLATES["stagesync rollback"]["survey_spec"]["spec"]}
    answers = {"snapshot_id": "", "reason": "{{ wrong }} data", "confirm": "roll staging back"}
    assert set(answers) == asked
    back = awx.job("stagesync rollback", **answers)
    assert back.rc == 0, back.output
    assert lab.live_volume() == before
    assert lab.of_kind("parked") == [clean]


def test_what_was_denied_is_removed_and_the_job_fails(lab, awx):
    live = lab.live_volume()
    job = awx.job("stagesync prepare")
    assert job.rc == 0, job.output
    assert len(lab.of_kind("clean")) == 1
    denied = awx.job("stagesync discard", **job.artifacts)
    assert denied.rc != 0
    assert f"Run {job.artifacts['sync_run_id']} was not promoted: the approval was denied or timed out." in denied.text
    assert quarantine(lab) == {"source": [], "clean": []}
    assert lab.live_volume() == live
    late = awx.job("stagesync promote", **job.artifacts)
    assert late.rc != 0
    assert "has 0 validated clean volumes by the rules as they are now, and one is needed." in late.text
    assert lab.live_volume() == live
