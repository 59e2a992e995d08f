"""A block storage pool in a temporary directory, and a process with a /dev of its own in place of a host."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from stagesync_lab import config, ebs


def need_block_devices() -> None:
    if os.geteuid() != 0:
        pytest.skip("block devices need root")
    if not os.path.exists("/dev/loop-control") or not shutil.which("mkfs.xfs"):
        pytest.skip("needs loop devices and xfsprogs")


@pytest.fixture
def lab_root(tmp_path, monkeypatch):
    """The lab's places, under a temporary directory."""
    monkeypatch.setattr(config, "STATE", tmp_path / "var/lib/stagesync-lab")
    monkeypatch.setattr(config, "RUNTIME", tmp_path / "run/stagesync-lab")
    monkeypatch.setattr(config, "POOL", tmp_path / "var/lib/stagesync-lab/pool")
    monkeypatch.setattr(config, "LOGS", tmp_path / "var/lib/stagesync-lab/logs")
    monkeypatch.setattr(ebs, "POOL_GIB", 20)
    return tmp_path


@pytest.fixture
def pool(lab_root):
    """A small pool that is mounted, and gone afterwards."""
    need_block_devices()
    ebs.ensure_pool()
    yield lab_root
    ebs.remove_pool()


class FakeHost:
    """A process that has a mount namespace and a /dev of its own, as a host of the lab has."""

    def __init__(self, role: str, runtime: Path) -> None:
        self.leader_file = runtime / "hosts" / f"{role}.leader"
        self.start()

    def start(self) -> None:
        script = "mount -t tmpfs none /dev && mkdir -p /dev/mnt && echo up && exec sleep 600"
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "up\n"
        self.leader_file.parent.mkdir(parents=True, exist_ok=True)
        self.leader_file.write_text(str(self.process.pid))

    def run(self, command: str) -> str:
        return subprocess.run(
            ["nsenter", "-t", str(self.process.pid), "-m", "sh", "-ec", command],
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def stop(self) -> None:
        self.leader_file.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def host(pool):  # noqa: ARG001 - the pool is there before the host and gone after it
    """The staging host."""
    machine = FakeHost("staging", config.RUNTIME)
    yield machine
    machine.stop()
    ebs.unpublish("staging")


class Endpoint:
    """A control plane in a process of its own, on a free port and under a temporary directory."""

    STATE_SECONDS = 0.1

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "var/lib/stagesync-lab"
        self.runtime = root / "run/stagesync-lab"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(config.__file__).parents[1]),
            "STAGESYNC_LAB_ROOT": str(self.root),
            "STAGESYNC_LAB_STATE_SECONDS": str(self.STATE_SECONDS),
            "STAGESYNC_LAB_POOL_GIB": "20",
        }
        command = [sys.executable, "-m", "stagesync_lab.control_plane", "--controller-only", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for _attempt in range(300):
            if self.process.poll() is not None:
                raise AssertionError(f"the control plane ended: {self.process.stderr.read()}")
            try:
                assert self.ask("GET", "/lab/ready")["ready"]
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the control plane does not answer")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait(timeout=10)
        self.process.stderr.close()

    def ask(self, method: str, path: str, sent: object = None) -> dict:
        """One of the lab's own requests; an answer that refuses comes back as it is."""
        data = None if sent is None else json.dumps(sent).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return {"status": error.code, **json.load(error)}

    def client(self, service: str, access_key: str = config.ADMINISTRATOR_KEY, **options):
        """A boto3 client that does not retry, so that a test sees every error."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=config.REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}, **options),
        )


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    need_block_devices()
    server = Endpoint(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("STATE", "RUNTIME", "POOL"):
            real = getattr(config, name).relative_to(config.ROOT)
            patch.setattr(config, name, server.root / real)
        ebs.remove_pool()


@pytest.fixture
def machine(endpoint):
    """The staging host of the control plane's lab."""
    made = FakeHost("staging", endpoint.runtime)
    yield made
    made.stop()
