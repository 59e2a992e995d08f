# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""For the modules that change nothing."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of a module that only reads."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Does the same in check mode, for nothing is ever changed.
    support: full
  diff_mode:
    description: Returns no diff, for nothing is ever changed.
    support: none
"""
