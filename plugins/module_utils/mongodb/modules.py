# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the modules share that go by masking rules."""

from __future__ import annotations

# The documentation fragments masking_rules and clean_room describe these.
RULES_OPTIONS = {"rules": {"type": "str", "required": True}, "rules_path": {"type": "str", "default": "rules"}}
CLEAN_ROOM_OPTIONS = {
    "source_uri": {"type": "str", "required": True},
    "target_uri": {"type": "str", "required": True},
    "workers": {"type": "int"},
}
