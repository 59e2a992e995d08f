# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Shows how far the module of the same name is while it is waited for."""

from __future__ import annotations

from ..plugin_utils import waiting

ActionModule = waiting.ActionModule
