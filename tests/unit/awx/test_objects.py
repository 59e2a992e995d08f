# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What awx/ says fits what the playbooks take, and a workflow that did not promote has failed."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from ansible_collections.stagesync.aws.plugins.module_utils import settings
from dateutil.rrule import rrulestr

ROOT = Path(__file__).resolve().parents[3]
ROLES = [path.name for path in (ROOT / "roles").iterdir()]
# What a survey asks for AWX's own record: no playbook reads it.
FOR_THE_RECORD = {"reason", "confirm"}


class Loader(yaml.SafeLoader):
    """Knows Ansible's mark for what is not to be templated."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def load(name):
    return yaml.load((ROOT / "awx" / name).read_text(), Loader)


OBJECTS, SETTINGS = load("objects.yml"), load("settings.yml")
TEMPLATES = {template["name"]: template for template in OBJECTS["awx_job_templates"]}
QUESTIONS = [
    (name, question) for name, it in TEMPLATES.items() for question in it.get("survey_spec", {"spec": []})["spec"]
]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_job_template_runs_a_playbook_that_is_there_with_variables_that_it_takes(name):
    template = TEMPLATES[name]
    assert (ROOT / template["playbook"]).is_file()
    given = {**OBJECTS["awx_job_template"]["extra_vars"], **template.get("extra_vars", {})}
    assert given.pop("ansible_user") == ""
    assert all(settings.checked(variable) for variable in given)
    assert settings.forbidden(given, ROLES) == []
    assert settings.problems(given) == []


@pytest.mark.parametrize(
    "question", [it for _name, it in QUESTIONS], ids=[f"{n}: {q['variable']}" for n, q in QUESTIONS]
)
def test_a_survey_asks_what_the_playbooks_take(question):
    variable = question["variable"]
    assert settings.forbidden([variable], ROLES) == []
    if variable in FOR_THE_RECORD:
        assert question["required"]
        assert not settings.checked(variable)
        return
    setting = settings.FOR_ONE_RUN[variable]
    # Left empty it is as good as not given, so a schedule need not answer.
    assert not question["required"]
    assert question["default"] == ""
    assert settings.problems({variable: ""}) == []
    longest = {"snapshot_id": "snap-0123456789abcdef0", "sync_run_id": "r" * 63}[variable]
    assert setting.fits(longest)
    assert len(longest) == question["max"]
    assert not setting.fits(f"{longest}0")


def test_a_rollback_asks_for_snapshot_reason_and_confirmation():
    asked = {question["variable"]: question for name, question in QUESTIONS if name == "stagesync rollback"}
    assert set(asked) == {"snapshot_id", "reason", "confirm"}
    # Without a default AWX refuses a launch that does not say it.
    assert asked["confirm"]["default"] == ""


def test_nothing_but_surveys_can_be_given_at_launch():
    for template in (OBJECTS["awx_job_template"], *TEMPLATES.values(), OBJECTS["awx_workflow"]):
        asks = {key for key in template if key.startswith("ask_")}
        assert (
            asks <= ({"ask_job_type_on_launch"} if template["name"] == "stagesync cleanup" else set()) if asks else True
        )


def test_no_secret_is_in_the_data():
    fields = {field["id"] for kind in OBJECTS["awx_credential_types"] for field in kind["inputs"]["fields"]}
    assert all("inputs" not in credential for credential in OBJECTS["awx_credentials"])
    secret = {f["id"] for kind in OBJECTS["awx_credential_types"] for f in kind["inputs"]["fields"] if f.get("secret")}
    assert secret == {"secret_key"} < fields


# ---- the workflow

NODES = {node["identifier"]: node for node in OBJECTS["awx_workflow_nodes"]}
LINKS = {link["identifier"]: link for link in OBJECTS["awx_workflow_links"]}


def played(failing):
    """The nodes that ran, and whether the workflow counts as failed: where a failed node is not followed by another."""
    linked = {
        follower
        for link in LINKS.values()
        for key in ("success_nodes", "failure_nodes")
        for follower in link.get(key, [])
    }
    waiting, ran, failed = [node for node in NODES if node not in linked], [], False
    while waiting:
        node = waiting.pop()
        ran.append(node)
        followers = LINKS.get(node, {}).get("failure_nodes" if node in failing else "success_nodes", [])
        failed = failed or (node in failing and not followers)
        waiting += followers
    return ran, failed


def test_approved_it_is_promoted_and_passes():
    # The playbook of discard never passes.
    assert played({"discard"}) == (["prepare", "approve", "promote"], False)


def test_whatever_fails_the_workflow_fails_and_a_prepared_copy_is_promoted_or_removed():
    for number in range(1, 4):
        for failing in itertools.combinations(("prepare", "approve", "promote"), number):
            ran, failed = played({"discard", *failing})
            assert failed
            # prepare and promote remove what they leave when they fail.
            assert "prepare" in failing or ran[-1] in ("promote", "discard")
    assert "ansible.builtin.fail:" in (ROOT / TEMPLATES["stagesync discard"]["playbook"]).read_text()


# ---- the schedules


@pytest.mark.parametrize(("name", "least", "most"), [("awx_sync_schedule", 7, 7), ("awx_drill_schedule", 28, 31)])
def test_a_schedule_is_one_that_awx_takes(name, least, most):
    rule = SETTINGS[name]
    assert rule.startswith("DTSTART;TZID=")
    assert "INTERVAL=" in rule
    days = list(itertools.islice(rrulestr(rule), 14))
    apart = [after - before for before, after in itertools.pairwise(days)]
    assert timedelta(least) <= min(apart) <= max(apart) <= timedelta(most)
