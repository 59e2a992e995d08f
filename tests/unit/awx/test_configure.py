# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""playbooks/awx_configure.yml with the real awx.awx modules, against a stand-in for AWX's API that keeps all."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_spec = importlib.util.spec_from_file_location("fake_awx", Path(__file__).with_name("fake_awx.py"))
fake_awx = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fake_awx)

pytestmark = pytest.mark.real
ON_CALL = {
    "name": "on call",
    "notification_type": "webhook",
    "notification_configuration": {"url": "https://alerts.example/stagesync", "http_method": "POST", "headers": {}},
}
VALUES = {
    "awx_scm_url": "https://git.example/ours.git",
    "awx_image": "stagesync:0.1.0",
    "awx_inventory_path": "inventories/ours",
    "awx_notifications": [ON_CALL],
}


def configure(awx, values, *arguments, token=fake_awx.TOKEN):
    """Run the playbook; its exit code, how many tasks changed something, and its output."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("ansible-playbook"),
            "-i",
            "localhost,",
            "playbooks/awx_configure.yml",
            "-e",
            json.dumps(values),
            *arguments,
        ],
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "CONTROLLER_"))},
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "CONTROLLER_HOST": awx.url,
            "CONTROLLER_OAUTH_TOKEN": token,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    changed = re.search(r"changed=(\d+)", output)
    return done.returncode, int(changed[1]) if changed else None, output


@pytest.fixture(scope="module")
def configured():
    """An AWX that was configured, and what the playbook said."""
    awx = fake_awx.FakeAWX()
    yield awx, configure(awx, VALUES)
    awx.close()


@pytest.fixture(scope="module")
def awx(configured):
    """That AWX, where it went well."""
    awx, (code, _changed, output) = configured
    assert code == 0, output
    return awx


def test_what_only_the_operator_knows_is_asked_for():
    awx = fake_awx.FakeAWX()
    code, _changed, output = configure(awx, {})
    awx.close()
    assert code != 0
    assert "awx_scm_url and awx_image are needed" in output
    assert awx.requests == []


def test_a_wrong_token_is_told():
    awx = fake_awx.FakeAWX()
    code, _changed, output = configure(awx, VALUES, token="another")
    awx.close()
    assert code != 0
    assert "Invalid authentication credentials" in output


def test_every_job_template_has_what_a_job_needs(awx):
    (project,), (inventory,) = awx.kinds["projects"], awx.kinds["inventories"]
    (image,), (credential,) = awx.kinds["execution_environments"], awx.kinds["credentials"]
    (told,) = awx.kinds["notification_templates"]
    templates = awx.named("job_templates")
    assert len(templates) == 9
    for name, template in templates.items():
        assert (template["project"], template["inventory"], template["execution_environment"]) == (
            project,
            inventory,
            image,
        )
        assert template["_associations"] == {"credentials": [credential], "notification_templates_error": [told]}
        assert bool(template.get("survey_enabled")) == ("_survey" in template), name


def test_what_awx_is_to_fill_in_is_not_filled_in_before(awx):
    extra = json.loads(awx.named("job_templates")["stagesync promote"]["extra_vars"])
    assert extra == {
        "sync_part": "promote",
        "ansible_user": "",
        "stagesync_rules_file": "{{ playbook_dir | dirname }}/inventories/ours/rules.yml",
    }
    injectors = awx.named("credential_types")["stagesync AWS role"]["injectors"]
    assert injectors["env"] == {"AWS_CONFIG_FILE": "{{ tower.filename.config }}"}
    assert "role_arn = {{ role_arn }}" in injectors["file"]["template.config"]


def test_the_workflow_waits_for_a_person_before_it_promotes(awx):
    nodes = awx.named("workflow_job_template_nodes")
    runs = {name: awx.all("unified_job_templates")[node["unified_job_template"]] for name, node in nodes.items()}
    assert runs["approve"]["type"] == "workflow_approval_template"
    assert runs["approve"]["timeout"] == 28800
    assert {name: it["name"] for name, it in runs.items() if name != "approve"} == {
        "prepare": "stagesync prepare",
        "promote": "stagesync promote",
        "discard": "stagesync discard",
    }
    numbers = {node["id"]: name for name, node in nodes.items()}
    links = {
        (name, kind): [numbers[number] for number in to]
        for name, node in nodes.items()
        for kind, to in node.get("_associations", {}).items()
    }
    assert links == {
        ("prepare", "success_nodes"): ["approve"],
        ("approve", "success_nodes"): ["promote"],
        ("approve", "failure_nodes"): ["discard"],
    }


def test_once_more_changes_nothing(awx):
    code, changed, output = configure(awx, VALUES)
    assert code == 0, output
    assert changed == 0, output


def test_the_approval_is_an_option_of_the_weekly_schedule(awx):
    def enabled():
        return {name for name, schedule in awx.named("schedules").items() if schedule["enabled"]}

    assert enabled() == {"stagesync weekly refresh", "stagesync monthly restore test"}
    code, changed, output = configure(awx, {**VALUES, "awx_approval": True}, "--start-at-task=AWX | schedules")
    assert code == 0, output
    assert changed == 1, output  # the task of the schedules
    assert enabled() == {"stagesync weekly refresh with approval", "stagesync monthly restore test"}
