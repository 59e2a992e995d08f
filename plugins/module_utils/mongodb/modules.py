# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the modules share that go by masking rules."""

from __future__ import annotations

# The documentation fragment masking_rules describes these.
RULES_OPTIONS = {"rules": {"type": "str", "required": True}, "rules_path": {"type": "str", "default": "rules"}}
