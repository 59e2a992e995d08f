# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""For the modules that go by masking rules."""

from __future__ import annotations


class ModuleDocFragment:
    """Options for the rules themselves."""

    # RULES_OPTIONS in module_utils/mongodb/modules.py is the argument specification of these.
    DOCUMENTATION = r"""
options:
  rules:
    description: Text of the rule file.
    type: str
    required: true
  rules_path:
    description: Name of the rule file, for messages.
    type: str
    default: rules
"""
