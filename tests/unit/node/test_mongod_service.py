# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
import subprocess

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.mongod_service import (
    DockerService,
    ServiceError,
    facts_from_inspect,
    host_path,
    parse_options,
)


def container(path="/usr/bin/mongod", args=(), mounts=(), network="host", ports=None, bindings=None, **state):
    """One element of `docker container inspect`, with the fields of Docker 20.10 that matter."""
    return {
        "Id": "9f" * 32,
        "Name": "/mongo",
        "Path": path,
        "Args": list(args),
        "Image": "sha256:" + "a" * 64,
        "State": {"Status": "running", "Running": True, "Restarting": False, "Pid": 4242, **state},
        "Config": {"Image": "mongo:6.0.5", "User": ""},
        "HostConfig": {
            "NetworkMode": network,
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
            "PortBindings": bindings or {},
        },
        "NetworkSettings": {"Ports": ports or {}},
        "Mounts": list(mounts),
    }


def bind(source, destination="/data/db"):
    return {"Type": "bind", "Source": source, "Destination": destination, "Mode": "", "RW": True}


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (["/usr/bin/mongod", "--replSet", "rs0", "--port=27018"], {"replSet": "rs0", "port": "27018"}),
        (["docker-entrypoint.sh", "mongod", "--auth", "--dbpath", "/d"], {"auth": True, "dbpath": "/d"}),
        (["mongod", "--bind_ip_all", "--quiet", "-f", "/etc/m.conf"],
         {"bind_ip_all": True, "quiet": True, "config": "/etc/m.conf"}),
        (["mongod", "--directoryperdb", "--setParameter", "a=b"], {"directoryperdb": True, "setParameter": "a=b"}),
        (["mongod"], {}),
    ],
)  # fmt: skip
def test_command_lines(command, options):
    assert parse_options(command) == options


def test_the_lab_and_the_official_image_are_understood():
    facts = facts_from_inspect(container(args=["--replSet", "rs0", "--bind_ip_all"], mounts=[bind("/data/mongodb")]))
    assert (facts.container, facts.running, facts.pid) == ("mongo", True, 4242)
    assert (facts.dbpath, facts.dbpath_host) == ("/data/db", "/data/mongodb")
    assert (facts.host, facts.port) == ("127.0.0.1", 27017)
    assert facts.restart_policy == "unless-stopped"


def test_owner_of_the_data(tmp_path):
    facts = facts_from_inspect(container(mounts=[bind(str(tmp_path))]))
    assert (facts.owner_uid, facts.owner_gid) == (tmp_path.stat().st_uid, tmp_path.stat().st_gid)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"args": ["--bind_ip", "10.0.0.5"]}, ("10.0.0.5", 27017)),
        ({"args": ["--bind_ip", "10.0.0.5,localhost", "--port", "27020"]}, ("127.0.0.1", 27020)),
        ({"args": ["--bind_ip", "/run/m.sock"]}, ("127.0.0.1", None)),
        ({"network": "bridge"}, ("127.0.0.1", None)),
        ({"network": "bridge", "ports": {"27017/tcp": [{"HostIp": "0.0.0.0", "HostPort": "37017"}]}},
         ("127.0.0.1", 37017)),
        ({"network": "bridge", "bindings": {"27017/tcp": [{"HostIp": "10.0.0.5", "HostPort": "27017"}]}},
         ("10.0.0.5", 27017)),
    ],
)  # fmt: skip
def test_where_the_host_reaches_it(arguments, expected):
    facts = facts_from_inspect(container(**arguments))
    assert (facts.host, facts.port) == expected


def test_a_configuration_file_names_dbpath_and_port(tmp_path):
    (tmp_path / "mongod.conf").write_text(
        "storage:\n  dbPath: /srv/mongo/db  # data\nnet:\n  port: 27019\n  bindIp: 127.0.0.1\n"
    )
    mounts = [bind(str(tmp_path), "/etc/mongo"), bind("/data/mongodb", "/srv/mongo")]
    facts = facts_from_inspect(container(args=["--config", "/etc/mongo/mongod.conf"], mounts=mounts))
    assert (facts.dbpath, facts.dbpath_host, facts.port) == ("/srv/mongo/db", "/data/mongodb/db", 27019)


def test_the_innermost_mount_holds_a_path():
    mounts = [{"source": "/a", "destination": "/data"}, {"source": "/b", "destination": "/data/db"}]
    assert host_path(mounts, "/data/db/journal") == "/b/journal"
    assert host_path(mounts, "/data/dbx") == "/a/dbx"
    assert host_path(mounts, "/var") is None


def docker_that(code, stdout="", stderr=""):
    return lambda *_args, **_options: subprocess.CompletedProcess([], code, stdout, stderr)


def raises(error):
    def run(*_args, **_options):
        raise error

    return run


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (docker_that(1, stderr="Error: No such container: mongo"), "There is no container named mongo"),
        (docker_that(1, stderr="Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker "
                               "daemon running?"), "systemctl start docker"),
        (docker_that(1, stderr="permission denied while trying to connect to the Docker daemon"), "become: true"),
        (docker_that(125, stderr="something else"), "`docker container inspect mongo` failed: something else"),
        (docker_that(0, stdout="podman?"), "cannot be understood"),
        (docker_that(0, stdout="[{}]"), "cannot be understood"),
        (raises(FileNotFoundError()), "docker was not found on this host"),
        (raises(subprocess.TimeoutExpired("docker", 60)), "no answer within 60 seconds"),
    ],
)  # fmt: skip
def test_what_can_be_wrong_is_said_in_one_sentence(run, said):
    with pytest.raises(ServiceError, match=said) as error:
        DockerService("mongo", run=run).inspect()
    assert "\n" not in str(error.value)


def test_a_stopped_container():
    stopped = container(Status="exited", Running=False, Pid=0)
    with pytest.raises(ServiceError, match=r"is exited, not running: .*docker start mongo"):
        DockerService("mongo", run=docker_that(0, json.dumps([stopped]))).require_running()


def test_a_container_that_restarts_again_and_again_does_not_run():
    looping = container(Status="restarting", Running=True, Restarting=True)
    assert facts_from_inspect(looping).running is False
