# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the role stage records of a stage that failed, under a real ansible-playbook."""

from __future__ import annotations

import pytest

from .test_staging_proof import ALONE, REGION, account, run  # noqa: F401

SNAPSHOTS = [{"snapshot_id": "", "tags": {}}]
STAGES = {
    "a task": ({"stage_name": "promote"}, "Run test has 0 validated clean volumes"),
    # The loop itself says only that an item failed.
    "a loop": ({"stage_name": "restore", "stage_tasks_from": "copy"}, "snapshot_id is empty: give a value"),
}


@pytest.mark.parametrize("case", STAGES)
def test_the_record_of_a_failure_says_what_failed(account, tmp_path, case):  # noqa: F811
    stage, said = STAGES[case]
    show = {"ansible.builtin.debug": {"msg": "It says: {{ stage_records[0].status }}, {{ stage_records[0].error }}"}}
    tasks = [{"ansible.builtin.include_role": {"name": "stagesync.aws.stage"}, "vars": stage}, show]
    play = {"hosts": ALONE, "gather_facts": False, "tasks": tasks}
    facts = {"ec2_placement": {"region": REGION}, "restore_choice": {"chosen": {"snapshots": SNAPSHOTS}}}
    code, output = run(account, tmp_path, [play], {"staging": account.node("staging")}, facts=facts)
    assert code == 0, output
    assert f"It says: failed, {said}" in output, output
