# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs in the controller's own process, where the command line is known; see the module of the same name."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.stagesync.aws.plugins.module_utils import settings

ROLES = Path(__file__).resolve().parents[2] / "roles"


class ActionModule(ActionBase):
    """Refuses extra variables that are the collection's own, and settings that are not what they may be."""

    _VALID_ARGS = frozenset()
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return the verdict for this host; needs nothing of it."""
        result = super().run(tmp, task_vars)
        roles = [path.name for path in ROLES.iterdir() if path.is_dir()]
        given = load_extra_vars(self._loader)
        refused = settings.refusals(settings.forbidden(given, roles))
        values, unreadable = self._settings(task_vars or {})
        found = refused or unreadable + settings.problems(values)
        if found:
            return {**result, "failed": True, "msg": " ".join(found)}
        return {**result, "changed": False}

    def _settings(self, task_vars):
        values, unreadable = {}, []
        for name in sorted(name for name in task_vars if settings.checked(name)):
            try:
                values[name] = self._templar.template(task_vars[name])
            except AnsibleError as error:
                unreadable.append(f"{name} cannot be read: {str(error).splitlines()[0].rstrip('.')}.")
        return values, unreadable
