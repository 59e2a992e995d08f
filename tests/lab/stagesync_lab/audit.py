"""Looks for secrets and personal values wherever a run shows or leaves something; tells the place and the kind only.

While a run goes on, `Sampler` reads processes and `BucketWatch` what passes through the bucket. What stays is searched
afterwards: the hosts and their journals, the controller, and what AWS keeps of the run.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stagesync_lab import cli, config, hosts, leaks, mongodb, seed

KEY_PARAMETER = "/stagesync/masking-key"  # as the policy of staging's role names it
MARK = "STAGESYNC_AUDIT"  # every process of a run has it in its environment
PAUSE = 0.02
# Where a run may leave something on the controller, and what other programs on it own there.
CONTROLLER_PLACES = ("/tmp", "/var/tmp", "/dev/shm", "~/.ansible", "~/.ansible_async", "~/.cache/stagesync/wheels")
# Pytest's directories are the tests' own: what a run writes there, its reports, is searched by itself.
CONTROLLER_OTHERS = ("pytest-of-",)


# --- what is looked for ---------------------------------------------------------------------------------------------


def new_key() -> str:
    """A masking key, as an operator would store one."""
    return secrets.token_urlsafe(48)


def forms(secret: str) -> list[str]:
    """A secret as it is, and as it shows where it was encoded together with what stood before it."""
    return [secret, *(_within_base64(secret.encode(), shift) for shift in range(3))]


def _within_base64(raw: bytes, shift: int) -> str:
    """What base64 makes of these bytes when `shift` others stand before them, without what the neighbours decide."""
    encoded = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
    return encoded[(0, 2, 3)[shift] : len(encoded) - 1]


def needles(key: str) -> leaks.Needles:
    """The search for the masking key, for every password of the lab, its keyfile, and the planted personal values."""
    derived = hashlib.sha256(key.encode()).hexdigest()  # what the engine masks with
    known = {"masking key": [key, derived], **{name: [value] for name, value in mongodb.credentials().items()}}
    written = {kind: [form for value in values for form in forms(value)] for kind, values in known.items()}
    return leaks.needles({**seed.planted_values(), **written})


# --- processes ------------------------------------------------------------------------------------------------------


class Sampler:
    """Reads the command line and the environment of every process of the hosts and of a run, many times a second.

    A run is known by `environment`, which its processes hand on. Processes of neither are not looked at.
    """

    def __init__(self, search: leaks.Needles) -> None:
        self._search = search
        self._token = secrets.token_hex(8)
        self.environment = {MARK: self._token}
        self.rounds = 0
        self.processes: Counter[str] = Counter()  # by where they run
        self._found: Counter[tuple[str, str]] = Counter()
        self._known: dict[int, bytes] = {}
        self._members: set[int] = set()
        self._namespaces = {
            os.readlink(f"/proc/{pid}/ns/pid"): role for role in config.HOSTS if (pid := hosts.leader(role)) is not None
        }

    @contextlib.contextmanager
    def sampling(self) -> Iterator[Sampler]:
        """Read for as long as the block runs."""
        ended = threading.Event()

        def work() -> None:
            while not ended.is_set():
                self.sample()
                ended.wait(PAUSE)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield self
        finally:
            ended.set()
            thread.join()

    @property
    def hits(self) -> list[leaks.Hit]:
        return [leaks.Hit(place, kind, count) for (place, kind), count in sorted(self._found.items())]

    def sample(self) -> None:
        """One round over all processes."""
        alive = {int(name) for name in os.listdir("/proc") if name.isdecimal()}
        for gone in self._known.keys() - alive:
            del self._known[gone]
        self._members &= alive
        for pid in sorted(alive):
            with contextlib.suppress(OSError):  # it ended meanwhile
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                # The environment changes with the program only, and so does the command line.
                if self._known.get(pid) != command:
                    self._look(pid, command)
                    self._known[pid] = command
        self.rounds += 1

    def _look(self, pid: int, command: bytes) -> None:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        where = self._where(pid, environment)
        if where is None:
            return
        self.processes[where] += 1
        for what, data in (("command line", command), ("environment", environment)):
            for kind, count in self._search.count(data).items():
                name = Path(f"/proc/{pid}/comm").read_text().strip()
                self._found[f"{what} of {name!r} on {where}", kind] += count

    def _where(self, pid: int, environment: bytes) -> str | None:
        role = self._namespaces.get(os.readlink(f"/proc/{pid}/ns/pid"))
        if role is None:  # a container of a host has a namespace of its own
            group = Path(f"/proc/{pid}/cgroup").read_text()
            role = next((role for role in config.HOSTS if f"/{hosts.machine(role)}/" in group), None)
        if role is not None:
            return role
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if f"{MARK}={self._token}".encode() in environment or parent in self._members:
            self._members.add(pid)
            return "the controller"
        return None


# --- the bucket -----------------------------------------------------------------------------------------------------


def keep_versions(s3: Any, status: str) -> None:
    """Whether the lab's bucket keeps versions: Enabled or Suspended, which is how the connection wants it."""
    s3.put_bucket_versioning(Bucket=config.BUCKET, VersioningConfiguration={"Status": status})


class BucketWatch:
    """Searches all that passes through the lab's bucket: it keeps every version until this has read it."""

    def __init__(self, s3: Any, search: leaks.Needles) -> None:
        self._s3 = s3
        self._search = search
        self.names: set[str] = set()  # of the files that passed through
        self.hits: list[leaks.Hit] = []

    @contextlib.contextmanager
    def watching(self) -> Iterator[BucketWatch]:
        """Keep and search versions for as long as the block runs."""
        # Preflight refuses a bucket that keeps versions, so it is not told.
        silence = {"operation": "s3:GetBucketVersioning", "error": "MethodNotAllowed", "status": 405}
        rule = cli.control_plane("POST", "/lab/faults", silence)
        keep_versions(self._s3, "Enabled")
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(1):
                self.read()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield self
        finally:
            ended.set()
            thread.join()
            self.read()
            keep_versions(self._s3, "Suspended")
            cli.control_plane("DELETE", f"/lab/faults/{rule['id']}")

    def read(self) -> None:
        """Search every version; those that the run is done with are then forgotten, for the lab writes them all out."""
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=config.BUCKET):
            done = [{"Key": it["Key"], "VersionId": it["VersionId"]} for it in page.get("DeleteMarkers", [])]
            for version in page.get("Versions", []):
                named = {"Key": version["Key"], "VersionId": version["VersionId"]}
                body = self._s3.get_object(Bucket=config.BUCKET, **named)["Body"].read()
                name = Path(named["Key"]).name
                self.names.add(name)
                for kind, count in self._search.count(named["Key"].encode() + b"\0" + body).items():
                    self.hits.append(leaks.Hit(f"a version of {name} in the bucket", kind, count))
                if not version["IsLatest"]:
                    done.append(named)
            if done:
                self._s3.delete_objects(Bucket=config.BUCKET, Delete={"Objects": done, "Quiet": True})


# --- what stays -----------------------------------------------------------------------------------------------------


def search_host(role: str, search: leaks.Needles, since: float) -> list[leaks.Hit]:
    """A host's files that changed since then, Docker's logs among them, what it has in memory, and its journal."""
    inside = Path(f"/proc/{hosts.leader(role)}/root")
    in_memory = hosts.run(role, "find", "/run", "/tmp", "/dev/shm", "-fstype", "tmpfs", "-type", "f").stdout
    places = [inside / name.lstrip("/") for name in in_memory.splitlines()]
    hits = search_changed([hosts.directory(role), *places], search, since)
    journal = hosts.run(role, "journalctl", "--output=export", "--all", "--no-pager", "--quiet").stdout.encode()
    return hits + [leaks.Hit(f"the journal of {role}", kind, count) for kind, count in search.count(journal).items()]


def search_controller(search: leaks.Needles, since: float) -> list[leaks.Hit]:
    """What changed on the controller since then where programs leave things, and the control plane's own logs."""
    places = [config.LOGS]
    for place in CONTROLLER_PLACES:
        with contextlib.suppress(FileNotFoundError):
            entries = Path(place).expanduser().iterdir()
            places += [entry for entry in entries if not entry.name.startswith(CONTROLLER_OTHERS)]
    return search_changed(places, search, since)


def search_changed(places: Iterable[Path], search: leaks.Needles, since: float) -> list[leaks.Hit]:
    """Files at and below these places whose content or name changed since then."""
    hits = []
    for place in places:
        with contextlib.suppress(FileNotFoundError):  # gone since it was listed
            below = (Path(folder, name) for folder, _folders, names in os.walk(place) for name in names)
            for path in [place] if place.is_file() else below:
                if not path.is_symlink() and path.is_file() and path.stat().st_ctime >= since:
                    hits += leaks.search_path(path, search)
    return hits


def search_aws(search: leaks.Needles) -> list[leaks.Hit]:
    """What AWS shows of a run to those who may read no secret: tags, texts, plain parameters, documents, logs."""
    ec2, ssm, logs = cli.aws("ec2"), cli.aws("ssm"), cli.aws("logs")
    plain = [{"Key": "Type", "Values": ["String", "StringList"]}]
    kept = {
        "a volume": _all(ec2, "describe_volumes", "Volumes"),
        "a snapshot": _all(ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"]),
        "an instance": _all(ec2, "describe_instances", "Reservations"),
        "the description of a parameter": _all(ssm, "describe_parameters", "Parameters"),
        "a plain parameter": [
            ssm.get_parameter(Name=it["Name"])["Parameter"]
            for it in _all(ssm, "describe_parameters", "Parameters", ParameterFilters=plain)
        ],
        "a document of SSM": [
            ssm.get_document(Name=it["Name"])
            for it in _all(ssm, "list_documents", "DocumentIdentifiers", Filters=[{"Key": "Owner", "Values": ["Self"]}])
        ],
        "a command of SSM": ssm.list_commands()["Commands"],
        "a log of CloudWatch": [
            logs.get_log_events(logGroupName=group["logGroupName"], logStreamName=stream["logStreamName"])
            for group in _all(logs, "describe_log_groups", "logGroups")
            for stream in _all(logs, "describe_log_streams", "logStreams", logGroupName=group["logGroupName"])
        ],
    }  # fmt: skip
    return [
        leaks.Hit(place, kind, count)
        for place, items in kept.items()
        for item in items
        for kind, count in search.count(_text(item).encode()).items()
    ]


def _all(client: Any, operation: str, name: str, **arguments: Any) -> list[Any]:
    pages = client.get_paginator(operation).paginate(**arguments)
    return [item for page in pages for item in page[name]]


def _text(item: Any) -> str:
    """All strings within, keys included."""
    if isinstance(item, Mapping):
        return "\n".join(f"{key}\n{_text(value)}" for key, value in item.items())
    return "\n".join(map(_text, item)) if isinstance(item, (list, tuple)) else str(item)
