# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The one switch of how a mongod runs on a host: what it is, where its data lies, how to stop and start it.

A further way to run it is another class with `unit`, `inspect()`, `stop(timeout)` and `start()`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath

DEFAULT_PORT = 27017
DEFAULT_DBPATH = "/data/db"

# mongod's switches that take no value; every other `--name` may be followed by one.
_FLAGS = {
    "all", "auth", "bind_ip_all", "configsvr", "directoryperdb", "fork", "ipv6", "journal", "noauth", "nojournal",
    "noscripting", "notablescan", "nounixsocket", "quiet", "repair", "shardsvr", "upgrade",
    "wiredTigerDirectoryForIndexes",
}  # fmt: skip


class ServiceError(Exception):
    """One sentence: which service, what is wrong, what to do."""


@dataclass(frozen=True)
class ServiceFacts:
    """What is known of a mongod without asking the server itself."""

    container: str
    container_id: str
    status: str
    running: bool
    pid: int
    image: str
    image_id: str
    command: list[str]
    options: dict[str, str | bool]
    dbpath: str
    dbpath_host: str | None
    owner_uid: int | None
    owner_gid: int | None
    network_mode: str
    host: str
    port: int | None
    restart_policy: str
    mounts: list[dict] = field(default_factory=list)

    def as_dict(self) -> dict:
        """The facts as plain data."""
        return asdict(self)

    def host_path(self, inside: str) -> str | None:
        """Return where a path inside lies on the host; None if it is in the container's own layer."""
        return host_path(self.mounts, inside)


class DockerService:
    """A mongod in a Docker container."""

    unit = "docker.service"  # what starts it when the host boots

    def __init__(self, container: str, run=subprocess.run):
        self.container = container
        self._run = run

    @property
    def name(self) -> str:
        """How messages name the service."""
        return f"container {self.container}"

    def inspect(self) -> ServiceFacts:
        """Return the facts of the container, running or not."""
        output = self._docker("container", "inspect", self.container)
        try:
            return facts_from_inspect(json.loads(output)[0])
        except (ValueError, LookupError, TypeError) as error:
            raise ServiceError(
                f"docker container inspect {self.container} gave an answer that cannot be understood ({error!r}): "
                "check that `docker` on this host is Docker's own command."
            ) from error

    def require_running(self) -> ServiceFacts:
        """Return the facts of a container that runs; raises ServiceError where it does not."""
        facts = self.inspect()
        if not facts.running:
            raise ServiceError(
                f"Container {self.container} exists but is {facts.status}, not running: "
                f"start it (docker start {self.container}) or see why it stopped (docker logs {self.container})."
            )
        return facts

    def stop(self, timeout: int) -> None:
        """Stop the container; mongod has `timeout` seconds for its clean shutdown before it is killed."""
        self._docker("stop", "-t", str(timeout), self.container, timeout=timeout + 60)
        if self.inspect().running:
            raise ServiceError(
                f"Container {self.container} still runs after docker stop: see journalctl -u docker on this host."
            )

    def start(self) -> None:
        """Start the container."""
        self._docker("start", self.container, timeout=120)

    def _docker(self, *arguments: str, timeout: int = 60) -> str:
        command = "docker " + " ".join(arguments)
        try:
            done = self._run(
                ["docker", *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                # A session of its own, so that a connection that goes away does not take the command with it.
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise ServiceError(
                f"The command docker was not found on this host, but {self.name} was asked for: "
                "install Docker or correct the host."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise ServiceError(
                f"`{command}` gave no answer within {timeout} seconds: see whether the Docker daemon hangs "
                "(systemctl status docker)."
            ) from error
        if done.returncode == 0:
            return done.stdout
        raise ServiceError(self._explain(command, done.stderr.strip()))

    def _explain(self, command: str, stderr: str) -> str:
        if re.search(r"no such (container|object)", stderr, re.IGNORECASE):
            return (
                f"There is no container named {self.container} on this host: correct its name "
                "(docker ps --all lists them) or create it."
            )
        if "permission denied" in stderr.lower() and "docker" in stderr.lower():
            return "The Docker daemon's socket may not be used by this user: run the task with become: true."
        if "Cannot connect to the Docker daemon" in stderr or "Is the docker daemon running" in stderr:
            return "The Docker daemon does not answer on this host: start it (systemctl start docker)."
        reason = stderr.splitlines()[-1] if stderr else "no message"
        return f"`{command}` failed: {reason}; see journalctl -u docker on this host."


def facts_from_inspect(data: dict) -> ServiceFacts:
    """Return the facts in one element of `docker container inspect`."""
    name = data["Name"].lstrip("/")
    state, config, host_config = data["State"], data["Config"], data["HostConfig"]
    mounts = [
        {"type": m.get("Type", ""), "source": m.get("Source", ""), "destination": m["Destination"], "rw": m.get("RW")}
        for m in data.get("Mounts") or []
    ]
    command = [data["Path"], *(data.get("Args") or [])]
    options = parse_options(command)
    options = {**_config_file_options(options, mounts), **options}
    dbpath = str(options.get("dbpath") or DEFAULT_DBPATH)
    on_host = host_path(mounts, dbpath)
    owner = _owner(on_host)
    host, port = _address(options, host_config, data.get("NetworkSettings") or {})
    return ServiceFacts(
        container=name,
        container_id=data["Id"],
        status=state["Status"],
        running=bool(state["Running"]) and not state.get("Restarting"),
        pid=int(state.get("Pid") or 0),
        image=config["Image"],
        image_id=data["Image"],
        command=command,
        options=options,
        dbpath=dbpath,
        dbpath_host=on_host,
        owner_uid=owner[0],
        owner_gid=owner[1],
        network_mode=host_config.get("NetworkMode", ""),
        host=host,
        port=port,
        restart_policy=(host_config.get("RestartPolicy") or {}).get("Name", ""),
        mounts=mounts,
    )


def parse_options(command: list[str]) -> dict[str, str | bool]:
    """Return mongod's options of a command line, with `True` for switches; what stands before mongod is skipped."""
    words = list(command)
    for position, word in enumerate(words):
        if PurePosixPath(word).name == "mongod":
            words = words[position + 1 :]
            break
    options: dict[str, str | bool] = {}
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word in ("-f", "-c"):
            word = "--config"
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        if equals:
            options[name] = value
        elif name not in _FLAGS and index < len(words) and not words[index].startswith("-"):
            options[name] = words[index]
            index += 1
        else:
            options[name] = True
    return options


def host_path(mounts: list[dict], inside: str) -> str | None:
    """Return where a path inside a container lies on the host, by the innermost mount that holds it."""
    path = PurePosixPath(inside)
    holding = [m for m in mounts if m["source"] and PurePosixPath(m["destination"]) in (path, *path.parents)]
    if not holding:
        return None
    mount = max(holding, key=lambda m: len(PurePosixPath(m["destination"]).parts))
    return str(PurePosixPath(mount["source"]) / path.relative_to(mount["destination"]))


def _config_file_options(options: dict, mounts: list[dict]) -> dict[str, str | bool]:
    """Return dbPath, port and bindIp of mongod's configuration file, where the container mounts it from the host."""
    inside = options.get("config")
    path = host_path(mounts, inside) if isinstance(inside, str) else None
    if path is None:
        return {}
    try:
        with open(path, encoding="utf-8") as handle:
            text = handle.read()
    except OSError:
        return {}
    found = {}
    # These three keys occur once in the format, so no YAML reader is needed on the host.
    for key, name in (("dbPath", "dbpath"), ("port", "port"), ("bindIp", "bind_ip")):
        match = re.search(rf"^\s*(?:\w+\.)?{key}\s*:\s*[\"']?([^\"'#\n]+?)[\"']?\s*(?:#.*)?$", text, re.MULTILINE)
        if match:
            found[name] = match.group(1)
    return found


def _address(options: dict, host_config: dict, network: dict) -> tuple[str, int | None]:
    """Return the address and port by which the host itself reaches mongod; the port is None if there is none."""
    inside = int(options.get("port") or DEFAULT_PORT)
    if host_config.get("NetworkMode") == "host":
        addresses = [a.strip() for a in str(options.get("bind_ip") or "127.0.0.1").split(",")]
        reachable = [a for a in addresses if not a.startswith("/")]
        local = any(a in ("localhost", "127.0.0.1", "0.0.0.0", "*") for a in reachable)
        if not reachable:
            return "127.0.0.1", None
        return ("127.0.0.1" if local or "bind_ip_all" in options else reachable[0]), inside
    # What is bound right now lists the ports that Docker chose by itself; a stopped container has only its wishes.
    for published in (network.get("Ports") or {}, host_config.get("PortBindings") or {}):
        for binding in published.get(f"{inside}/tcp") or []:
            if binding.get("HostPort"):
                address = binding.get("HostIp") or "0.0.0.0"
                return ("127.0.0.1" if address in ("0.0.0.0", "::") else address), int(binding["HostPort"])
    return "127.0.0.1", None


def _owner(path: str | None) -> tuple[int | None, int | None]:
    try:
        status = os.stat(path) if path else None
    except OSError:
        status = None
    return (status.st_uid, status.st_gid) if status else (None, None)
