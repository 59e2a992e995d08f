# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action of modules that take long and say how far they are: waits for them, and shows it.

A task with `async` and `poll` runs in the background, as with Ansible's own wait. In place of a module for every look,
one short shell command over the open connection reads how far it is. On the controller the file is read beside the
module.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ansible import constants
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase

from ..module_utils.progress import VARIABLE
from .progress import Teller, duration

# A host may be restarted, or its SSM agent updated, meanwhile.
_SILENCE_SECONDS = 900
# Ansible's own watcher ends the task at its limit; that long it may take to say so.
_GRACE_SECONDS = 60
_LOOKS_WITHOUT_PROCESS = 3
_FIRST_LOOK_SECONDS = 0.5

# An unfinished job's file is one short line, a finished one's is the module's result.
_LOOK = """\
j={job}; p={progress}
if [ -e "$j" ]; then if head -c 200 "$j" | grep -q '"finished": false'; then s=running; else s=done; fi; else s=gone; fi
n=$(sed -n 's/^{{"pid": \\([0-9]*\\),.*/\\1/p' "$p" 2>/dev/null); a=true
if [ -n "$n" ] && [ ! -d "/proc/$n" ]; then a=false; fi
b=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
printf '{{"state": "%s", "alive": %s, "boot": "%s", "progress": ' "$s" "$a" "$b"
cat "$p" 2>/dev/null || printf null
printf '}}\\n'
"""


class NoResult(Exception):
    """What was waited for will not come; one sentence."""


class ActionModule(ActionBase):
    """Runs the module of the task's name."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        """Return what the module returns."""
        result = super().run(tmp, task_vars)
        if self._task.async_val and self._task.poll:
            return {**result, **self._background(task_vars)}
        if self._connection.transport == "local" and not self._task.async_val:
            return {**result, **self._beside(task_vars)}
        return {**result, **self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val)}

    def _teller(self) -> Teller:
        return Teller(self._task.get_name().rsplit(" : ", 1)[-1], self._display.display)

    # ---- on the controller ----

    def _beside(self, task_vars: dict) -> dict:
        path = os.path.join(constants.DEFAULT_LOCAL_TMP, f"progress-{secrets.token_hex(8)}")
        ended = threading.Event()
        watch = threading.Thread(target=self._watch, args=(path, ended, self._teller()), daemon=True)
        watch.start()
        try:
            with self._named(path):
                return self._execute_module(task_vars=task_vars)
        finally:
            ended.set()
            watch.join()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    @staticmethod
    def _watch(path: str, ended: threading.Event, teller: Teller) -> None:
        while not ended.wait(1):
            said = None
            with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
                said = json.load(file)
            teller.hear(said)

    @contextlib.contextmanager
    def _named(self, place: str):
        """Have the module find the name of its file in its environment."""
        self._task.environment.append({VARIABLE: place})
        try:
            yield
        finally:
            self._task.environment.pop()

    # ---- in the background of a host ----

    def _background(self, task_vars: dict) -> dict:
        name = f"stagesync-{secrets.token_hex(8)}"
        teller = self._teller()
        with self._named(name):
            started = self._execute_module(task_vars=task_vars, wrap_async=True)
        if started.get("failed") or started.get("skipped") or "ansible_job_id" not in started:
            return started
        limit, every = self._task.async_val, self._task.poll
        # Waited for here, so that Ansible does not do it once more.
        self._task.async_val = 0
        files = [started["results_file"], os.path.join(os.path.dirname(started["results_file"]), name)]
        try:
            self._wait(files, limit, every, teller)
            found = self._patiently(partial(self._result, started["ansible_job_id"], task_vars), every)
        except NoResult as gone:
            return {"failed": True, "changed": True, "msg": str(gone), "async_result": started}
        if found.get("failed") and "child_pid" in found and found.get("msg") == "Timeout exceeded":
            found.update(msg=self._too_long(limit), async_result=started)
        with contextlib.suppress(Exception):  # as below; what stays behind are two small files
            self._low_level_execute_command(f"rm -f {' '.join(map(shlex.quote, files))}")
        return found

    def _wait(self, files: list[str], limit: int, every: int, teller: Teller) -> None:
        """Return when the job has ended; raises NoResult."""
        command = _LOOK.format(job=shlex.quote(files[0]), progress=shlex.quote(files[1]))
        boot, lost = None, 0
        while True:
            # Soon at first, for many end soon.
            time.sleep(min(every, max(_FIRST_LOOK_SECONDS, teller.elapsed / 4)))
            seen = self._patiently(lambda: _parsed(self._low_level_execute_command(command)["stdout"]), every)
            boot = boot or seen["boot"]
            lost = 0 if seen["alive"] else lost + 1
            if seen["state"] == "gone":
                raise NoResult(self._lost(f"its file {files[0]} was removed"))
            if seen["state"] == "done":
                return
            if seen["boot"] != boot:
                raise NoResult(self._lost("the host was restarted"))
            if lost >= _LOOKS_WITHOUT_PROCESS:
                raise NoResult(self._lost("its process was killed"))
            if teller.elapsed > limit + _GRACE_SECONDS:
                raise NoResult(self._too_long(limit))
            teller.hear(seen["progress"])

    def _patiently(self, ask: Callable[[], dict], every: int) -> dict:
        """Ask until there is an answer; raises NoResult after a long silence."""
        begun = time.monotonic()
        while True:
            try:
                return ask()
            # A connection raises what it likes, and may be there again the next time.
            except Exception as error:
                silent = time.monotonic() - begun
                if silent > _SILENCE_SECONDS:
                    raise NoResult(self._silent(silent, error)) from error
                with contextlib.suppress(Exception):
                    self._connection.reset()
            time.sleep(every)

    def _result(self, job: str, task_vars: dict) -> dict:
        """Read the result as Ansible's own wait does; raises where the connection brought something else."""
        task = Task.load(
            {
                "action": "ansible.legacy.async_status",
                "args": {"jid": job},
                "check_mode": self._task.check_mode,
                "environment": self._task.environment,
            }
        )
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.async_status",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        try:
            found = action.run(task_vars=task_vars)
        finally:
            action.cleanup(force=True)
        if found.get("failed") and not found.get("_ansible_parsed"):
            raise ValueError(found.get("msg", "no result"))
        return found

    def _host(self) -> str:
        return self._play_context.remote_addr

    def _too_long(self, limit: int) -> str:
        return (
            f"It was not done within its limit of {duration(limit)} on {self._host()} and was ended: run it again to go"
            " on, or raise the limit (runbook, 'Limits')."
        )

    def _silent(self, seconds: float, error: Exception) -> str:
        said = " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__
        return (
            f"{self._host()} did not answer for {duration(seconds)} while the task ran there ({said}): see that it and"
            " its SSM agent are up, then run it again."
        )

    def _lost(self, why: str) -> str:
        return f"The result of the task on {self._host()} is lost, since {why}: run it again to go on."


def _parsed(output: str) -> dict[str, Any]:
    """Return what the look printed; raises ValueError where the connection brought something else."""
    seen = json.loads(output[output.index("{") : output.rindex("}") + 1])
    return {name: seen[name] for name in ("state", "alive", "boot", "progress")}
