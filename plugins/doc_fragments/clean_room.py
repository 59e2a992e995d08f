# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""For the modules that work on both servers of the clean room."""

from __future__ import annotations


class ModuleDocFragment:
    """Options for the two servers."""

    # CLEAN_ROOM_OPTIONS in module_utils/mongodb/modules.py is the argument specification of these.
    DOCUMENTATION = r"""
options:
  source_uri:
    description: Address of the source server, without a user, such as V(mongodb://%2Frun%2Fsource.sock).
    type: str
    required: true
  target_uri:
    description: Address of the clean server, without a user.
    type: str
    required: true
  workers:
    description: Number of worker processes. Without it, one a core.
    type: int
"""
