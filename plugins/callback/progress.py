# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
name: progress
type: notification
short_description: Tell how far a long wait has come
version_added: "0.1.0"
description:
  - Ansible says of a task that waits by repeating itself only how many tries are left. This adds a line on how far the
    snapshot set is, and on a restored server that still recovers.
requirements:
  - enabled in C(callbacks_enabled)
author:
  - stagesync contributors (@stagesync)
"""

from ansible.plugins.callback import CallbackBase


def progress_of(result: dict) -> str | None:
    """Return one line on what a repeated task waits for; None where its result says nothing of it."""
    snapshots = result.get("set")
    if isinstance(snapshots, dict) and "progress" in snapshots:
        return (
            f"snapshot set {snapshots['run_id']}: {snapshots['progress']} % after {snapshots['age_seconds']} s "
            f"({snapshots['state']})"
        )
    if result.get("ready") is False:
        return f"the restored server is still starting, {result['waited_seconds']:.0f} s in this try"
    return None


class CallbackModule(CallbackBase):
    """Adds a line to every retry that carries progress."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "stagesync.aws.progress"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_retry(self, result):
        """Show the progress that a repeated task found."""
        line = progress_of(result.result)
        if line:
            self._display.display(f"  {line}")
