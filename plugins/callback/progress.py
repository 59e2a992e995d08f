# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
name: progress
type: notification
short_description: Tell when a stage begins and how long it took
version_added: "0.1.0"
description:
  - Adds a line where a stage of C(stagesync.aws.stage) begins, and one where it has ended, with its time.
  - Says how long a volume loads from its snapshot where a rate was asked for, and how long a restored server has been
    starting.
  - The modules that take long say how far they are without it.
requirements:
  - enabled in C(callbacks_enabled)
author:
  - stagesync contributors (@stagesync)
"""

import time
from dataclasses import dataclass, field

from ansible.plugins.callback import CallbackBase

from ..plugin_utils.progress import duration


def loading(result: dict) -> str | None:
    """Return the line on a volume that was just made and loads at a rate; None for any other result."""
    volume, options = result.get("volume"), (result.get("invocation") or {}).get("module_args") or {}
    rate = options.get("initialization_rate")
    if not isinstance(volume, dict) or not rate or not result.get("changed"):
        return None
    size = volume["size_gib"]
    return (
        f"  volume {volume['volume_id']} ({size:,} GiB) loads from its snapshot at {rate} MiB/s: at most "
        f"{duration(size * 1024 / rate)}"
    )


@dataclass
class Stage:
    """One that runs, on one host or more."""

    begun: float
    hosts: set[str] = field(default_factory=set)
    failed: bool = False


class CallbackModule(CallbackBase):
    """Adds lines to Ansible's own output."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "stagesync.aws.progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, clock=time.monotonic):
        super().__init__()
        self._clock = clock
        self._begun = clock()
        self._stages: dict[str, Stage] = {}
        self._running: dict[str, str] = {}  # host -> its stage
        self._waits: dict[tuple[str, str], float] = {}

    def v2_runner_on_ok(self, result):
        """Follow the facts by which the role keeps its record."""
        facts, host = result.result.get("ansible_facts"), result.host.get_name()
        if isinstance(facts, dict) and "stage_running" in facts:
            self._begins(facts["stage_running"], host)
        elif isinstance(facts, dict) and facts.get("stage_records"):
            self._ended(host, facts["stage_records"][-1]["status"] != "passed")
        line = loading(result.result)
        if line:
            self._display.display(line)

    def v2_runner_on_unreachable(self, result):
        """A host that is lost ends no stage any more."""
        self._ended(result.host.get_name(), failed=True)

    def v2_runner_retry(self, result):
        """Say how long a restored server has been starting."""
        if result.result.get("ready") is False:
            key = (result.host.get_name(), result.task._uuid)
            since = self._waits.setdefault(key, self._clock() - result.result["waited_seconds"])
            self._display.display(f"  the restored server is starting: {duration(self._clock() - since)}")

    def _begins(self, name: str, host: str) -> None:
        if name not in self._stages:
            self._stages[name] = Stage(self._clock())
            self._display.display(f"stage {name} begins, {duration(self._clock() - self._begun)} into the run")
        self._stages[name].hosts.add(host)
        self._running[host] = name

    def _ended(self, host: str, failed: bool) -> None:
        name = self._running.pop(host, None)
        if name is None:
            return
        stage = self._stages[name]
        stage.hosts.discard(host)
        stage.failed = stage.failed or failed
        if not stage.hosts:
            del self._stages[name]
            verdict = "failed" if stage.failed else "passed"
            self._display.display(f"stage {name} {verdict} after {duration(self._clock() - stage.begun)}")
