#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: quarantine_host
version_added: "0.1.0"
short_description: Remove what runs have left on a staging host
description:
  - Ends the mongods of the clean room, unmounts its volumes, and removes its directories and the runs' state. One
    call does it all, since every call crosses the connection.
  - It sees only what carries a run's id in its name, in the form that the roles of this collection give it. Staging's
    own container and data have other names. A directory is removed only when it is empty.
  - The volumes are not deleted; M(stagesync.aws.ebs_volume) does that afterwards.
author:
  - stagesync contributors (@stagesync)
options:
  runs:
    description:
      - Only what is of these runs. What is of any run without it.
    type: list
    elements: str
  keep:
    description:
      - Runs whose things stay.
    type: list
    elements: str
    default: []
  sides:
    description:
      - Only what is of these sides of the clean room.
    type: list
    elements: str
    choices: [source, clean]
    default: [source, clean]
requirements:
  - python >= 3.9
attributes:
  check_mode:
    description: Can run in check mode and return what would be removed without removing it.
    support: full
  diff_mode:
    description: Returns what was there before and is after.
    support: full
"""

EXAMPLES = r"""
- name: Clear what one run left
  stagesync.aws.quarantine_host:
    runs:
      - 20261120T191300Z-1a2b
  become: true

- name: Clear production's side of a run whose clean copy waits for its promotion
  stagesync.aws.quarantine_host:
    runs:
      - 20261120T191300Z-1a2b
    sides:
      - source
  become: true

- name: Clear what all runs left but for the one that is at work
  stagesync.aws.quarantine_host:
    keep:
      - 20261121T191300Z-3c4d
  become: true
"""

RETURN = r"""
removed:
  description: What was removed, or would be in check mode. It is returned with the error too, when not all could be.
  returned: always
  type: list
  elements: dict
  contains:
    run_id:
      description: The run that it was of.
      type: str
    kind:
      description: V(container), V(mount), V(directory) or V(state).
      type: str
    name:
      description: Its name or path.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils import leftovers
from ansible_collections.stagesync.aws.plugins.module_utils.ebs.devices import DeviceError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "runs": {"type": "list", "elements": "str"},
            "keep": {"type": "list", "elements": "str", "default": []},
            "sides": {
                "type": "list",
                "elements": "str",
                "choices": list(leftovers.SIDES),
                "default": list(leftovers.SIDES),
            },
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        found = leftovers.find(
            params["runs"], params["keep"], leftovers.Places(), leftovers.command, sides=params["sides"]
        )
        removed = found if module.check_mode else leftovers.remove(found, leftovers.command)
    except leftovers.LeftoverError as error:
        module.fail_json(msg=str(error), removed=[one.as_dict() for one in error.removed], changed=bool(error.removed))
    except (DeviceError, OSError) as error:
        module.fail_json(msg=f"The host's mounts and directories cannot be read ({error}).", removed=[])
    shown = [one.as_dict() for one in removed]
    module.exit_json(
        changed=bool(removed), removed=shown, diff={"before": {"leftovers": shown}, "after": {"leftovers": []}}
    )


if __name__ == "__main__":
    main()
