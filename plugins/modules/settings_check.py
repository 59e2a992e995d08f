#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: settings_check
version_added: "0.1.0"
short_description: Refuse settings that are not what they may be, and extra variables that would switch a guard off
description:
  - Checks every variable C(stagesync_*) of the host against the collection's list, with type, range, choices and form,
    before anything is asked of AWS. One that is not on the list is most likely misspelt, and is refused too.
  - Refuses variables given with C(-e) that are a role's own, such as the results of checks, since nothing has
    precedence over them. What a person says of one run may be given, as C(sync_run_id) and C(snapshot_id).
  - An action plugin. It runs on the controller only and needs nothing of the host.
options: {}
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - stagesync.aws.read_only
"""

EXAMPLES = r"""
- name: Refuse what the collection could not work with
  stagesync.aws.settings_check:
"""

RETURN = r"""
msg:
  description: What is wrong, one sentence for each variable.
  returned: failure
  type: str
  sample: "There is no setting stagesync_snapshot_kept: did you mean stagesync_snapshots_kept?"
"""
