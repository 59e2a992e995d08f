"""labctl: what it prints, what it refuses, what it counts as left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from stagesync_lab import cli, config, hosts


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A lab that is not there: its places are in a temporary directory, its control plane nowhere."""
    for name, place in (
        ("CACHE", "cache"),
        ("STATE", "state"),
        ("RUNTIME", "run"),
        ("LOGS", "state/logs"),
        ("POOL", "state/pool"),
    ):
        monkeypatch.setattr(config, name, tmp_path / place)
    monkeypatch.setattr(config, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(hosts, "machine", lambda role: f"no-such-machine-{role}")
    monkeypatch.setattr(hosts, "NETNS", tmp_path / "netns/none")
    return tmp_path


@pytest.fixture
def machine(monkeypatch):
    """A machine that has all that the lab needs."""
    monkeypatch.setattr(cli, "REQUIRED_PROGRAMS", {})
    monkeypatch.setattr(os, "geteuid", lambda: 0)


# What is refused


def test_without_root_the_lab_does_not_begin(lab, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cli.main(["up"]) == 1
    assert capsys.readouterr().err == (
        "labctl: the lab makes hosts and block devices: run labctl as root, for example with sudo\n"
    )
    assert not (lab / "state").exists()


def test_missing_programs_are_named_as_packages(lab, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        cli, "REQUIRED_PROGRAMS", {"sh": "dash", "no-such-a": "zeta", "no-such-b": "alpha", "no-such-c": "alpha"}
    )
    assert cli.main(["up"]) == 1
    assert capsys.readouterr().err.endswith("install them: apt-get install alpha zeta\n")
    assert not (lab / "state").exists()


@pytest.mark.usefixtures("machine", "lab")
def test_two_at_once_do_not_change_the_lab(capsys):
    with cli.exclusive():
        assert cli.main(["down"]) == 1
    assert "another labctl is changing the lab" in capsys.readouterr().err
    assert cli.main(["down"]) == 0


@pytest.mark.usefixtures("lab")
def test_what_needs_the_lab_says_that_it_is_not_up(capsys):
    assert cli.main(["status"]) == 1
    assert capsys.readouterr().out == "no lab: run `labctl up`\n"
    assert cli.main(["exec", "staging", "--", "true"]) == 1
    assert capsys.readouterr().err == "labctl: the host staging is down; start it with `labctl up`\n"
    assert cli.main(["info", "--json"]) == 1
    assert "the control plane does not answer on http://127.0.0.1:9; bring the lab up" in capsys.readouterr().err
    assert cli.main(["logs", "staging"]) == 1
    assert "bring the lab up with `labctl up`" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--rate", "0"], ["--rate", "1001"], ["--seconds", "601"], ["--seconds", "0"]])
@pytest.mark.usefixtures("lab")
def test_the_writer_has_bounds(capsys, words):
    assert cli.main(["writer", "start", *words]) == 1
    assert capsys.readouterr().err == "labctl: the writer takes --rate 1 to 1000 and --seconds 1 to 600\n"


@pytest.mark.usefixtures("lab")
def test_exec_without_a_command_asks_for_one(capsys):
    assert cli.main(["exec", "staging"]) == 1
    assert capsys.readouterr().err == "labctl: name the command: labctl exec staging -- COMMAND\n"


# down


@pytest.mark.usefixtures("machine", "lab")
def test_down_without_a_lab_is_no_error(capsys):
    assert cli.main(["down"]) == 0
    assert capsys.readouterr().out.endswith("lab is down\n")


@pytest.mark.usefixtures("machine")
def test_down_goes_on_after_a_problem_and_says_what_stays(lab, monkeypatch, capsys):
    (lab / "state").mkdir()
    (lab / "run").mkdir()

    def fail(_role: str) -> None:
        raise hosts.HostError("the host staging does not die")

    monkeypatch.setattr(hosts, "stop", fail)
    monkeypatch.setattr(hosts, "leftovers", lambda: ["process 17 of the host staging"])
    assert cli.main(["down"]) == 1
    said = capsys.readouterr().err
    assert "the lab is not wholly down: the host staging does not die; process 17 of the host staging" in said
    assert not (lab / "run").exists()


def test_a_process_that_took_over_the_recorded_number_is_left_alone(lab):
    (lab / "run").mkdir()
    other = subprocess.Popen(["sleep", "60"])
    try:
        (lab / "run/control-plane.pid").write_text(str(other.pid))
        (lab / "run/writer.pid").write_text(str(other.pid))
        cli.stop_control_plane()
        cli.stop_writer()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_process_that_ignores_the_request_to_end_is_ended():
    stubborn = subprocess.Popen(
        [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"]
    )
    time.sleep(0.3)
    cli._end(stubborn.pid, "writer")
    assert cli._ended(stubborn.pid)


# What is left behind


def volume(kind: str | None = None) -> dict:
    return {"volume_id": "vol-1", "tags": {"Name": "n", **({"stagesync:kind": kind} if kind else {})}}


@pytest.mark.parametrize(
    ("loose", "attached", "orphans"),
    [
        ([], [None, "live"], []),
        (["parked"], ["live", "parked"], []),
        ([None], [], ["volume vol-1 (n) is attached nowhere"]),
        (["source"], [], ["volume vol-1 (n) is attached nowhere"]),
        ([], ["live", "source"], ["volume vol-1 of the kind source is still attached to staging"]),
        ([], ["clean"], ["volume vol-1 of the kind clean is still attached to staging"]),
    ],
)
def test_volumes_that_a_run_left_behind(loose, attached, orphans):
    known = {
        "unattached_volumes": [volume(kind) for kind in loose],
        "hosts": {"staging": {"volumes": [volume(kind) for kind in attached]}},
    }
    assert cli.volume_orphans(known) == orphans


def test_what_a_run_left_behind_in_a_host(tmp_path, monkeypatch):
    (tmp_path / "run/20261120T190000Z-ab12").mkdir(parents=True)
    (tmp_path / "mounts").write_text(
        f"/dev/nvme1n1 {config.DATA_MOUNT} xfs rw 0 0\n"
        "/dev/nvme2n1 /var/lib/stagesync/r/source xfs ro 0 0\n"
        "tmpfs /tmp tmpfs rw 0 0\n"
    )
    (tmp_path / "docker").write_text("#!/bin/sh\nprintf 'mongo\\nmongo-source\\n'\n")
    (tmp_path / "docker").chmod(0o755)
    script = cli._HOST_ORPHANS.replace("/proc/mounts", f"{tmp_path}/mounts").replace(
        "/run/stagesync/", f"{tmp_path}/run/"
    )

    def run(_role: str, *words: str) -> subprocess.CompletedProcess:
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        return subprocess.run([*words[:-1], script], capture_output=True, text=True, env=env, check=True)

    monkeypatch.setattr(hosts, "run", run)
    assert cli.host_orphans("staging")[:3] == [
        "mount /var/lib/stagesync/r/source on staging",
        "container mongo-source on staging",
        f"directory {tmp_path}/run/20261120T190000Z-ab12 on staging",
    ]


# env, faults, info


def test_env_is_what_a_shell_can_evaluate():
    labctl = cli.LAB / "labctl"
    result = subprocess.run(
        ["sh", "-c", f'eval "$({labctl} env)"; echo "$AWS_ENDPOINT_URL $AWS_DEFAULT_REGION $STAGESYNC_SSM_PLUGIN"'],
        env={**os.environ, "STAGESYNC_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == f"{config.ENDPOINT} {config.REGION} {cli.LAB}/session-manager-plugin\n"
    assert shutil.which(f"{cli.LAB}/session-manager-plugin")


def test_labctl_without_a_fitting_python_says_so(tmp_path):
    tools = {name: shutil.which(name) for name in ("dirname", "readlink", "sh")}
    for name, path in tools.items():
        (tmp_path / name).symlink_to(path)
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path), "VIRTUAL_ENV": str(tmp_path)}
    result = subprocess.run([cli.LAB / "labctl", "status"], env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("labctl: no Python with moto, pymongo and faker found; run `make tools`")


def test_faults_are_added_listed_and_cleared(endpoint, monkeypatch, capsys):
    monkeypatch.setattr(config, "ENDPOINT", endpoint.url)
    words = ["--error", "Unavailable", "--count", "2", "--match", "VolumeId=vol-1*"]
    assert cli.main(["fault", "add", "ec2:DeleteVolume", *words]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["operation"], made["count"], made["match"]) == ("ec2:DeleteVolume", 2, {"VolumeId": "vol-1*"})
    assert cli.main(["fault", "list"]) == 0
    assert [rule["id"] for rule in json.loads(capsys.readouterr().out)] == [made["id"]]
    assert cli.main(["fault", "clear", made["id"]]) == 0
    assert cli.main(["fault", "list"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fault", "add", "ec2:DeleteVolume"], "the control plane refused POST /lab/faults: "),
        (["fault", "add", "ec2:DeleteVolume", "--match", "VolumeId"], "--match takes NAME=VALUE, not 'VolumeId'"),
        (["fault", "clear", "f99"], "the control plane refused DELETE /lab/faults/f99: "),
    ],
)
def test_a_wrong_fault_is_refused_in_one_sentence(endpoint, monkeypatch, capsys, words, said):
    monkeypatch.setattr(config, "ENDPOINT", endpoint.url)
    assert cli.main(words) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("lab")
def test_info_names_what_a_program_needs(endpoint, monkeypatch, capsys):
    monkeypatch.setattr(config, "ENDPOINT", endpoint.url)
    assert cli.main(["info", "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert (known["endpoint"], known["region"], known["bucket"]) == (endpoint.url, "ap-south-1", config.BUCKET)
    assert (known["container"], known["databases"]) == ("mongo", ["shop", "support", "analytics"])
    for role, host in known["hosts"].items():
        assert host["name"] == f"lab-mongo-{role}"
        assert host["instance_id"] == config.HOSTS[role].instance_id
        assert host["private_ip"] == config.HOSTS[role].address
        assert [(one["device"], one["size_gib"]) for one in host["volumes"]] == [("/dev/xvda", 8)]


def test_parameters_are_put_once_and_again_only_when_they_differ(endpoint, lab, monkeypatch):
    monkeypatch.setattr(config, "ENDPOINT", endpoint.url)
    (lab / "state").mkdir()
    cli.put_parameters()
    cli.put_parameters()
    ssm = cli.aws("ssm")
    found = ssm.get_parameter(Name="/mongo/admin/password", WithDecryption=True)["Parameter"]
    assert (found["Type"], found["Version"]) == ("SecureString", 1)
    ssm.put_parameter(Name="/mongo/admin", Type="String", Value="somebody", Overwrite=True)
    cli.put_parameters()
    assert ssm.get_parameter(Name="/mongo/admin")["Parameter"]["Value"] == "admin"
