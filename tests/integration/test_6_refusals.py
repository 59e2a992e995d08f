"""Bad input, and parts that are missing: one clear error each, and nothing was changed. Check mode changes nothing."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from stagesync_lab import config, hosts

RULES = """\
version: 1
unlisted: fail
databases:
  shop:
    collections:
      users:
        fields:
          _id: keep
          email: scramble
"""
pytestmark = pytest.mark.usefixtures("first")
# What only the call says, so that several can run at once: playbook, extra variables, what the error must say.
CASES = {
    "a snapshot that is not there": (
        "rollback", {"snapshot_id": "snap-0123456789abcdef0"}, r"snap-0123456789abcdef0.*(not exist|not found)",
    ),
    "a run id that could not be a directory": (
        "sync", {"sync_run_id": "../my run"}, r"sync_run_id is '\.\./my run': it must be 3 to 63 letters",
    ),
    "a rules file with a mask that is not there": (
        "preflight", {"stagesync_rules_file": "{folder}/rules.yml"}, r"rules\.yml[^.]*9.*scramble",
    ),
    "a rules file that is not there": (
        "preflight", {"stagesync_rules_file": "{folder}/none.yml"}, r"none\.yml.*(not exist|not found|cannot be read)",
    ),
    "a number that is none": (
        "snapshot", {"stagesync_snapshots_kept": "many"},
        r"stagesync_snapshots_kept is 'many': it must be a whole number",
    ),
    "a parameter that is not there": (
        "drill", {"stagesync_password_parameter": "/stagesync/masking-key"}, r"/stagesync/masking-key.*not exist",
    ),
    "a parameter that the hosts may not read": (
        "sync", {"stagesync_password_parameter": "/mongo/nobody/password"}, r"/mongo/nobody/password.*denied",
    ),
    "a bucket that is not there": ("sync", {"ansible_aws_ssm_bucket_name": "nobody-s-bucket"}, r"nobody-s-bucket"),
    "a setting that is misspelt": (
        "sync", {"stagesync_snapshot_kept": "3"},
        r"There is no setting stagesync_snapshot_kept: did you mean stagesync_snapshots_kept\?",
    ),
    **{
        f"the guard {name} by hand": ("sync", {name: value}, rf"Given with -e: {name}\.")
        for name, value in {
            "preflight_checks": "", "preflight_staging_tag": "Name", "promote_volume_id": "vol-0123456789abcdef0",
            "stage_records": "", "stagesync_staging_tag": "Name",
        }.items()
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def refused(lab, first, tmp_path_factory):
    """Every case of the table, run; and whether anything had changed at the end of them all."""
    assert first.run.rc == 0, first.run.output
    folder = tmp_path_factory.mktemp("rules")
    (folder / "rules.yml").write_text(RULES)

    def run(case):
        playbook, extra, _error = case
        return lab.playbook(playbook, **{name: value.format(folder=folder) for name, value in extra.items()})

    before = lab.footprint()
    with ThreadPoolExecutor(2) as pool:
        runs = dict(zip(CASES, pool.map(run, CASES.values())))
    return runs, before, lab.footprint()


def judge(run, error: str) -> None:
    """It failed, with this error, and no traceback."""
    assert run.rc != 0, run.output
    assert re.search(error, run.text), run.output
    assert "Traceback" not in run.output, run.output


@pytest.mark.parametrize("case", CASES)
def test_is_one_clear_error(refused, case):
    judge(refused[0][case], CASES[case][2])


def test_none_of_them_changed_anything(refused):
    _runs, before, after = refused
    assert after == before


@contextmanager
def unchanged(lab):
    """Nothing changes while the block runs."""
    before = lab.footprint()
    yield
    assert lab.footprint() == before


def test_a_stopped_container(lab):
    hosts.run("staging", "docker", "stop", config.CONTAINER)
    try:
        with unchanged(lab):
            run = lab.playbook("sync")
    finally:
        hosts.run("staging", "docker", "start", config.CONTAINER)
    judge(run, r"[Cc]ontainer mongo.*(not running|exited|stopped)")
    assert {record["stage"] for record in run.report["stages"] if record["status"] == "failed"} == {"preflight"}


@pytest.mark.parametrize("role", ["secondary", "staging"])
def test_a_host_that_is_missing(lab, role):
    with unchanged(lab):
        with lab.stopped_instances(role):
            run = lab.playbook("sync")
        judge(run, rf"the inventory holds 0 hosts in group mongodb_{role}")


def test_a_host_that_is_there_twice(lab):
    primary = config.HOSTS["primary"].instance_id

    def tag(role):
        lab.ec2.create_tags(Resources=[primary], Tags=[{"Key": "stagesync:role", "Value": role}])

    with unchanged(lab):
        tag("staging")
        try:
            run = lab.playbook("sync")
        finally:
            tag("primary")
    judge(run, r"the inventory holds 2 hosts in group mongodb_staging")


def test_production_in_the_place_of_staging(lab, tmp_path):
    """As by a group set by hand: the primary is called staging."""
    groups = {"mongodb_staging": {"hosts": {config.HOSTS["primary"].instance_id: None}}}
    (tmp_path / "groups.yml").write_text(json.dumps(groups))
    with unchanged(lab), lab.stopped_instances("staging"):
        run = lab.playbook("sync", "-i", str(tmp_path / "groups.yml"))
    judge(run, r"staging is not production: a host is in group mongodb_staging and in a production group")


def test_an_instance_that_is_tagged_as_something_else(lab, tmp_path):
    tag = {"stagesync_staging_tag": "Environment", "stagesync_staging_tag_value": "test"}
    (tmp_path / "groups.yml").write_text(json.dumps({"all": {"vars": tag}}))
    with unchanged(lab):
        run = lab.playbook("preflight", "-i", str(tmp_path / "groups.yml"))
    judge(run, r"has the tag Environment=staging.*Environment=test")


def test_check_mode_changes_nothing(lab):
    with unchanged(lab):
        run = lab.playbook("sync", "--check")
    assert run.rc == 0, run.output
    assert run.report["check_mode"] is True


def test_a_report_is_written_of_what_failed(refused):
    run = refused[0]["a parameter that the hosts may not read"]
    assert run.report["result"] == "failed"
    assert time.strftime("%Y") in run.report["written"]
    assert "failed in preflight" in run.text
    assert "Staging was not touched" in (run.reports / "latest" / "report.html").read_text()
