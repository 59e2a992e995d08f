# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What runs have left on a staging host: containers of the clean room, mounts and directories, state.

Only what carries a run's id in its name in just the form that the roles give it is seen at all. Staging's own
container, its data and the record of the last swap have other names.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from ansible_collections.stagesync.aws.plugins.module_utils.ebs import devices

SIDES = ("source", "clean")
_RUN = r"[A-Za-z0-9][A-Za-z0-9-]{2,62}"
_SIDE = "|".join(SIDES)
_CONTAINER = re.compile(rf"^stagesync-({_RUN})-({_SIDE})$")
# A set of several snapshots has a source mount for each, numbered from the second.
_MOUNT = re.compile(rf"^({_RUN})-({_SIDE})(?:-[0-9]{{1,2}})?$")
_STATE = re.compile(rf"^{_RUN}$")
# A mongod that was just killed may hold its files for a moment.
_BUSY_SECONDS = 20


class LeftoverError(Exception):
    """One sentence: what could not be removed, why, what to do; `removed` is what was until then."""

    def __init__(self, message: str, removed: list | None = None):
        super().__init__(message)
        self.removed = removed or []


@dataclass(frozen=True)
class Leftover:
    """One thing of one run."""

    run_id: str
    kind: str  # container, mount, directory or state
    name: str

    def as_dict(self) -> dict:
        """As plain data."""
        return {"run_id": self.run_id, "kind": self.kind, "name": self.name}


@dataclass(frozen=True)
class Places:
    """Where things are on the host."""

    mounts: str = "/var/lib/stagesync"
    state: str = "/run/stagesync"


def find(runs: list | None, keep: list, places: Places, run: Callable, system=None, sides=SIDES) -> list:
    """The leftovers of these runs, or of all but those to keep, in the order in which they can be removed."""

    def _wanted(match: re.Match | None) -> bool:
        return bool(match) and match[1] not in keep and (runs is None or match[1] in runs) and match[2] in sides

    found = [Leftover(match[1], "container", name) for name, match in _containers(run) if _wanted(match)]
    below = [(Path(places.mounts), mount.mount_point) for mount in devices.mounts(system)]
    # The innermost is unmounted first.
    for root, point in sorted(below, key=lambda entry: -len(Path(entry[1]).parts)):
        if root in Path(point).parents:
            match = _MOUNT.match(Path(point).relative_to(root).parts[0])
            if _wanted(match):
                found.append(Leftover(match[1], "mount", point))
    for path, match in _directories(places.mounts, _MOUNT):
        if _wanted(match):
            found.append(Leftover(match[1], "directory", path))
    for path, match in _directories(places.state, _STATE):
        # Other things live here too; a run's directory holds those of its servers.
        there = [side for side in SIDES if match and os.path.isdir(os.path.join(path, side))]
        if not there or match[0] in keep or (runs is not None and match[0] not in runs):
            continue
        gone = [side for side in there if side in sides]
        paths = [path] if gone == there else [os.path.join(path, side) for side in gone]
        found += [Leftover(match[0], "state", one) for one in paths]
    return found


def remove(leftovers: list, run: Callable, sleep: Callable = time.sleep) -> list:
    """Remove them in order; returns what was removed."""
    removed = []
    for leftover in leftovers:
        try:
            _REMOVE[leftover.kind](leftover.name, run, sleep)
        except (OSError, LeftoverError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise LeftoverError(
                f"The {leftover.kind} {leftover.name} of run {leftover.run_id} cannot be removed ({reason}): see what"
                " uses it on the host, then run it again.",
                removed,
            ) from error
        removed.append(leftover)
    return removed


def command(argv: list) -> tuple:
    """(exit code, output, error) of a command; raises LeftoverError where it cannot be run."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError as error:
        raise LeftoverError(f"The command {argv[0]} was not found on this host: install it.") from error
    except subprocess.TimeoutExpired as error:
        raise LeftoverError(f"`{' '.join(argv)}` did not end within two minutes: see what it waits for.") from error
    return done.returncode, done.stdout, done.stderr.strip()


def _containers(run: Callable) -> list:
    code, output, error = run(["docker", "ps", "--all", "--format", "{{.Names}}"])
    if code:
        raise LeftoverError(
            f"Docker cannot list its containers ({error.splitlines()[-1] if error else 'no message'}): start it"
            " (systemctl start docker)."
        )
    matches = ((_CONTAINER.match(name), name) for name in sorted(output.split()))
    return [(name, match) for match, name in matches if match]


def _directories(root: str, form: re.Pattern) -> list:
    try:
        names = sorted(entry.name for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    return [(os.path.join(root, name), form.match(name)) for name in names]


def _remove_container(name: str, run: Callable, _sleep: Callable) -> None:
    # Its files are about to be destroyed, so it need not end in order.
    code, _output, error = run(["docker", "rm", "--force", name])
    if code and "no such container" not in error.lower():
        raise LeftoverError(error.splitlines()[-1] if error else "docker rm failed")


def _unmount(point: str, run: Callable, sleep: Callable) -> None:
    waited = 0.0
    while True:
        code, _output, error = run(["umount", point])
        if not code or "not mounted" in error:
            return
        if "busy" not in error or waited >= _BUSY_SECONDS:
            raise LeftoverError(error.splitlines()[-1] if error else "umount failed")
        sleep(0.5)
        waited += 0.5


def _remove_directory(path: str, _run: Callable, _sleep: Callable) -> None:
    # rmdir cannot delete data.
    os.rmdir(path)


def _remove_state(path: str, _run: Callable, _sleep: Callable) -> None:
    shutil.rmtree(path)


_REMOVE = {
    "container": _remove_container,
    "mount": _unmount,
    "directory": _remove_directory,
    "state": _remove_state,
}
