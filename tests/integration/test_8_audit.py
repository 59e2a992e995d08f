"""No secret and no personal value where a sync shows or leaves something; and the search finds one in each such place.

The sync is the second one: told with every detail, its masking key in a parameter, each command on a host run twice.
"""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import time
from pathlib import Path

import pytest
from stagesync_lab import audit, cli, config, hosts, leaks

HOSTS = sorted(config.HOSTS)


# ---- the sync


def test_the_sync_passed(audited):
    assert audited.run.rc == 0, audited.run.output


def test_no_process_of_a_host_or_of_the_controller_shows_one(audited):
    assert audited.sampler.hits == []


def test_the_processes_were_read_many_times_a_second(audited):
    assert audited.sampler.rounds / audited.run.seconds > 5
    # Of each: its services, and what the run started there; the primary is not contacted.
    assert audited.sampler.processes["primary"] > 5
    assert audited.sampler.processes["secondary"] > 20
    assert audited.sampler.processes["staging"] > 100
    assert audited.sampler.processes["the controller"] > 100


def test_nothing_that_passed_through_the_bucket_holds_one(audited):
    # A module passes with its arguments, in plain text.
    assert {"AnsiballZ_mongodb_anonymize.py", "AnsiballZ_mongodb_users.py"} <= audited.bucket.names
    assert audited.bucket.hits == []


def test_the_sessions_hold_none(audited):
    assert list(audited.sessions.iterdir())
    assert leaks.search_path(audited.sessions, audited.needles) == []


def test_the_output_at_its_most_talkative_holds_none(audited):
    assert "module_args" in audited.run.output
    assert audit.KEY_PARAMETER in audited.run.output
    assert leaks.search_bytes(audited.run.output.encode(), audited.needles) == []


def test_the_reports_hold_none(first, audited):
    for run in (first.run, audited.run):
        assert leaks.search_path(run.reports, audited.needles) == []


@pytest.mark.parametrize("role", HOSTS)
def test_no_host_keeps_one(lab, audited, role):
    assert audit.search_host(role, audited.needles, lab.begun) == []


def test_the_controller_keeps_none(lab, audited):
    assert audit.search_controller(audited.needles, lab.begun) == []


def test_aws_shows_none(audited):
    assert audit.search_aws(audited.needles) == []


# ---- the search finds one


@pytest.fixture(scope="module")
def canary() -> str:
    """A secret that nobody has."""
    return audit.new_key()


@pytest.fixture(scope="module")
def search(canary) -> leaks.Needles:
    """The search for it."""
    return leaks.needles({"canary": audit.forms(canary)})


def sampled(search, start) -> list[str]:
    """What a sampler tells of a process that lives for a second; `start` is given the environment of a run."""
    sampler = audit.Sampler(search)
    with sampler.sampling(), start({**os.environ, **sampler.environment}) as process:
        process.wait()
    return [hit.place for hit in sampler.hits]


@pytest.mark.parametrize("role", HOSTS)
def test_finds_it_in_a_command_line_and_an_environment_of_a_host(canary, search, role):
    command = hosts.command(role, "env", f"WORD={canary}", "sh", "-c", "sleep 1; exit", canary)
    found = sampled(search, lambda _environment: subprocess.Popen(command))
    assert {f"command line of 'sh' on {role}", f"environment of 'sh' on {role}"} <= set(found)


def test_finds_it_in_a_process_of_the_run_and_in_one_that_does_without_its_environment(canary, search):
    # The shells do not give way to what they start.
    command = ["sh", "-c", 'env -i sh -c "sleep 1; exit" "$WORD"; exit']
    found = sampled(search, lambda environment: subprocess.Popen(command, env={**environment, "WORD": canary}))
    assert "environment of 'sh' on the controller" in found
    assert "command line of 'sh' on the controller" in found


def test_a_process_that_is_no_part_of_the_run_is_nobody_s_leak(canary, search):
    command = ["sh", "-c", "sleep 1; exit", canary]
    assert sampled(search, lambda _environment: subprocess.Popen(command, env={"WORD": canary})) == []


def test_finds_it_in_what_was_in_the_bucket_for_a_moment(lab, canary, search):
    watch = audit.BucketWatch(lab.s3, search)
    bodies = {"plain": canary.encode()}
    bodies.update({f"in-base64-{n}": base64.b64encode(f"{'x' * n}{canary}yyy".encode()) for n in range(3)})
    with watch.watching():
        for name, body in bodies.items():
            for content in (body, b"nothing"):
                lab.s3.put_object(Bucket=config.BUCKET, Key=f"audit-canary/{name}", Body=content)
            lab.s3.delete_object(Bucket=config.BUCKET, Key=f"audit-canary/{name}")
    assert {hit.place for hit in watch.hits} == {f"a version of {name} in the bucket" for name in bodies}
    left = lab.s3.list_object_versions(Bucket=config.BUCKET, Prefix="audit-canary")
    assert not left.get("Versions", []) + left.get("DeleteMarkers", [])


ON_HOSTS = (
    "/var/log/audit-canary.log",
    "/tmp/audit-canary",
    "/run/audit-canary",
    "/dev/shm/audit-canary",
    "/root/.ansible_async/audit-canary",
    "/root/.ansible/tmp/audit-canary",
    "/home/ssm-user/audit-canary",
)


@pytest.mark.parametrize("role", HOSTS)
def test_finds_it_in_each_place_of_a_host(canary, search, role):
    begun = time.time() - 1
    container = ("docker", "run", "--name", "audit-canary", "--network", "none", config.IMAGE, f"--{canary}")
    try:
        for path in ON_HOSTS:
            script = f"mkdir -p {os.path.dirname(path)}; cat > {path}"
            hosts.run(role, "sh", "-c", script, stdin=canary.encode())
        hosts.run(role, "logger", stdin=canary.encode())
        hosts.run(role, *container, check=False)  # mongod logs the option that it does not know
        hosts.run(role, "journalctl", "--sync")
        found = {hit.place for hit in audit.search_host(role, search, begun)}
    finally:
        hosts.run(role, "docker", "rm", "--force", "audit-canary", check=False)
        hosts.run(role, "rm", "-f", *ON_HOSTS)
    assert {path for path in ON_HOSTS if not any(place.endswith(path) for place in found)} == set()
    assert f"the journal of {role}" in found
    assert any(place.endswith("-json.log") for place in found)
    assert not any(canary in place for place in found)


def test_finds_it_in_each_place_of_the_controller(canary, search):
    begun = time.time() - 1
    places = [Path(place).expanduser() for place in (*audit.CONTROLLER_PLACES, config.LOGS)]
    planted = [place / "audit-canary" for place in places if place.is_dir()]
    try:
        for path in planted:
            path.write_text(canary)
        found = {hit.place for hit in audit.search_controller(search, begun)}
    finally:
        for path in planted:
            path.unlink(missing_ok=True)
    assert found >= {str(path) for path in planted}


def test_what_was_there_before_is_not_the_run_s(canary, search, tmp_path):
    (tmp_path / "older").write_text(canary)
    assert audit.search_changed([tmp_path], search, time.time() + 1) == []


def test_finds_it_in_what_aws_shows(lab, canary, search):
    ssm, logs = cli.aws("ssm"), cli.aws("logs")
    volume, name = lab.live_volume(), "audit-canary"
    with contextlib.ExitStack() as undone:
        lab.ec2.create_tags(Resources=[volume], Tags=[{"Key": name, "Value": canary}])
        undone.callback(lab.ec2.delete_tags, Resources=[volume], Tags=[{"Key": name}])
        ssm.put_parameter(Name=name, Type="String", Value=canary)
        undone.callback(ssm.delete_parameter, Name=name)
        ssm.put_parameter(Name=f"{name}-told", Type="SecureString", Value="x", Description=canary)
        undone.callback(ssm.delete_parameter, Name=f"{name}-told")
        document = f"schemaVersion: '1.0'\ndescription: {canary}\nsessionType: Standard_Stream\ninputs: {{}}\n"
        ssm.create_document(Name=name, Content=document, DocumentType="Session", DocumentFormat="YAML")
        undone.callback(ssm.delete_document, Name=name)
        logs.create_log_group(logGroupName=name)
        undone.callback(logs.delete_log_group, logGroupName=name)
        logs.create_log_stream(logGroupName=name, logStreamName=name)
        event = {"timestamp": int(time.time() * 1000), "message": canary}
        logs.put_log_events(logGroupName=name, logStreamName=name, logEvents=[event])
        found = {hit.place for hit in audit.search_aws(search)}
    assert found == {
        "a volume",
        "a plain parameter",
        "the description of a parameter",
        "a document of SSM",
        "a log of CloudWatch",
    }
