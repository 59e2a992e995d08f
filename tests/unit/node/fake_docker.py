# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Stands in for `docker` with one container, whose process is a real mongod on the host.

`home`/container.json says how to run it; `home`/hooks/VERB-before and VERB-after are shell snippets, run once, with the
caller's pid in $CALLER.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main(home: Path, arguments: list[str]) -> int:
    """Run one docker command."""
    container = json.loads((home / "container.json").read_text())
    verb = arguments[1] if arguments[0] == "container" else arguments[0]
    with (home / "docker.calls").open("a") as calls:
        calls.write(verb + "\n")
    if arguments[-1] != container["name"]:
        print(f"Error response from daemon: No such container: {arguments[-1]}", file=sys.stderr)
        return 1
    hook(home, f"{verb}-before")
    code = {"inspect": inspect, "start": start, "stop": stop}[verb](home, container)
    hook(home, f"{verb}-after")
    return code


def hook(home: Path, name: str) -> None:
    """Run a snippet once."""
    path = home / "hooks" / name
    if path.exists():
        snippet = path.read_text()
        path.unlink()
        subprocess.run(["sh", "-c", snippet], env={**os.environ, "CALLER": str(os.getppid())}, check=False)


def running_pid(home: Path) -> int:
    """The pid of the container's mongod; 0 if it does not run."""
    try:
        pid = int((home / "mongod.pid").read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return 0
    return 0 if state == "Z" else pid


def inspect(home: Path, container: dict) -> int:
    """Answer as docker does."""
    pid = running_pid(home)
    document = {
        "Id": "f" * 64,
        "Name": f"/{container['name']}",
        "Path": "/usr/bin/mongod",
        "Args": ["--port", str(container["port"]), "--bind_ip_all", "--auth", "--dbpath", container["dbpath"]],
        "Image": "sha256:" + "a" * 64,
        "State": {"Status": "running" if pid else "exited", "Running": bool(pid), "Restarting": False, "Pid": pid},
        "Config": {"Image": "mongo:6.0.5"},
        "HostConfig": {"NetworkMode": "host", "RestartPolicy": {"Name": "unless-stopped"}, "PortBindings": {}},
        "NetworkSettings": {"Ports": {}},
        # The process is not in a namespace of its own, so the path inside is the host's.
        "Mounts": [
            {"Type": "bind", "Source": container["dbpath"], "Destination": container["dbpath"], "RW": True},
        ],
    }
    print(json.dumps([document]))
    return 0


def start(home: Path, container: dict) -> int:
    """Start mongod; like docker's, the command succeeds also where the process ends at once."""
    if running_pid(home):
        return 0
    with (home / "mongod.out").open("a") as output:
        process = subprocess.Popen(
            [
                container["mongod"],
                "--dbpath",
                container["dbpath"],
                "--port",
                str(container["port"]),
                *container["args"],
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
        )
    (home / "mongod.pid").write_text(str(process.pid))
    time.sleep(0.3)
    return 0


def stop(home: Path, _container: dict) -> int:
    """Stop mongod and wait for its end."""
    pid = running_pid(home)
    if pid:
        os.kill(pid, signal.SIGTERM)
    while running_pid(home):
        time.sleep(0.02)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
