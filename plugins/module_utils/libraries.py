# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What every module says where a Python library is missing on its host."""

from __future__ import annotations

from ansible.module_utils.basic import missing_required_lib


def require(module, errors: dict[str, str | None]) -> None:
    """End the module at the first library that could not be imported; `errors` has each one's traceback, or None."""
    for name, error in errors.items():
        if error:
            module.fail_json(msg=missing_required_lib(name), exception=error)
