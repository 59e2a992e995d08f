"""Real mongod servers for the unit tests: each on a unix socket of its own in a temporary directory, no TCP port."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest

# Fixtures that start a mongod, a control plane, moto, playbooks or a browser, or make a block device: seconds each, and
# root for some.
REAL_PARTS = {"account", "chromium", "cloud", "endpoint", "loop", "mongod", "pool", "rendered"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs real parts, so that the rest runs alone in seconds (`make test-unit`)."""
    for item in items:
        if REAL_PARTS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.real)


def mongod_binary() -> Path | None:
    """The server to test with: $STAGESYNC_MONGOD, or the one that the pinned packages bring."""
    named = os.environ.get("STAGESYNC_MONGOD")
    package = importlib.util.find_spec("fiftyone")
    if not named and package is None:
        return None
    path = Path(named) if named else Path(package.submodule_search_locations[0], "db", "bin", "mongod")
    return path if os.access(path, os.X_OK) else None


def _die_with_parent() -> None:
    # Linux: a test run that is killed leaves no server behind (1 is PR_SET_PDEATHSIG).
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Server:
    """One mongod process."""

    def __init__(self, binary: Path, directory: Path, dbpath: Path, arguments: tuple[str, ...]):
        self.dbpath = dbpath
        self.log = directory / "mongod.log"
        self.pid_file = directory / "pid"
        self.socket = directory / "s.sock"
        self.uri = f"mongodb://{quote(str(self.socket), safe='')}/?directConnection=true"
        self._clients: list = []
        dbpath.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [
                str(binary),
                f"--dbpath={dbpath}",
                f"--bind_ip={self.socket}",
                # Each makes one for its port besides; two at the same moment would meet in /tmp.
                f"--unixSocketPrefix={directory}",
                f"--logpath={self.log}",
                "--wiredTigerCacheSizeGB=0.25",
                "--setParameter=diagnosticDataCollectionEnabled=false",
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )

    def client(self, **options):
        """A new MongoClient of this server; closed when the server stops."""
        import pymongo

        client = pymongo.MongoClient(self.uri, **{"serverSelectionTimeoutMS": 20000, **options})
        self._clients.append(client)
        return client

    def wait(self) -> Server:
        """Return once the server answers."""
        import pymongo

        for _attempt in range(200):
            if self.process.poll() is not None:
                raise RuntimeError(f"mongod ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
            try:
                with pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=150) as client:
                    client.admin.command("ping")
                return self
            except pymongo.errors.PyMongoError:
                continue
        raise RuntimeError(f"mongod does not answer:\n{self.log.read_text()[-4000:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server and wait for it; its dbpath stays. SIGKILL makes a crash."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.socket.unlink(missing_ok=True)


class Servers:
    """Starts mongods; every one still running at the end of the session is stopped and its files removed."""

    def __init__(self, binary: Path):
        self.binary = binary
        # A socket's path may have 107 bytes at most, which pytest's own temporary directories can exceed.
        self.root = Path(tempfile.mkdtemp(prefix="stagesync-"))
        self._servers: list[Server] = []
        self._shared: Server | None = None

    def start(self, *arguments: str, dbpath: Path | None = None, wait: bool = True) -> Server:
        """Start one more server. `dbpath` opens the files that another, stopped, server left."""
        directory = self.root / str(len(self._servers))
        directory.mkdir()
        server = Server(self.binary, directory, dbpath or directory / "db", arguments)
        self._servers.append(server)
        return server.wait() if wait else server

    @property
    def shared(self) -> Server:
        """A plain standalone that every test of the session may use; take a database name of your own."""
        if self._shared is None:
            self._shared = self.start("--setParameter=ttlMonitorEnabled=false")
        return self._shared

    def close(self) -> None:
        """Stop all and remove all."""
        for server in self._servers:
            server.stop(signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)


@pytest.fixture(scope="session")
def mongod():
    """`mongod.start(*arguments, dbpath=None)`: a Server (uri, client(), dbpath, stop()); `shared`: one for all."""
    binary = mongod_binary()
    if binary is None:
        pytest.skip("no mongod: set STAGESYNC_MONGOD to a mongod binary")
    servers = Servers(binary)
    yield servers
    servers.close()
