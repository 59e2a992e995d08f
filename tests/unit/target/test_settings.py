# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Settings and extra variables: what passes, what is said of the rest, and that list, roles and inventories agree."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.stagesync.aws.plugins.module_utils import settings

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
GOOD = [
    ("stagesync_snapshots_kept", 4),
    ("stagesync_snapshots_kept", "4"),
    ("stagesync_parked_kept", 0),
    ("stagesync_initialization_rate", 0),
    ("stagesync_initialization_rate", 300),
    ("stagesync_cache_gb", "0.5"),
    ("stagesync_compare", "sampled"),
    ("stagesync_regions", ["IN", "US"]),
    ("stagesync_regions", "IN,US"),
    ("stagesync_key_parameter", "/stagesync/masking-key:3"),
    ("stagesync_kms_key_id", "arn:aws:kms:ap-south-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
    ("stagesync_kms_key_id", ""),
    ("stagesync_source_image", "registry.example:5000/mongo@sha256:aa"),
    ("stagesync_region", "us-gov-west-1"),
    ("stagesync_staging_tag", "stagesync:role"),
    ("stagesync_workers", None),
    ("sync_run_id", "20261121T201038Z-2417"),
    ("snapshot_id", "snap-0123456789abcdef0"),
    ("sync_part", "prepare"),
    ("preview_show_originals", "yes"),
    ("promote_stop_timeout", "600"),
]
BAD = [
    ("stagesync_snapshots_kept", 0, "from 1 to 1000"),
    ("stagesync_snapshots_kept", "many", "is 'many': it must be a whole number"),
    ("stagesync_snapshots_kept", 2.5, "a whole number"),
    ("stagesync_snapshots_kept", True, "a whole number"),
    ("stagesync_parked_kept", -1, "is -1: it must be a whole number from 0 to 100"),
    ("stagesync_initialization_rate", 50, "from 100 to 300, or 0"),
    ("stagesync_cache_gb", "nan", "a number from 0.25"),
    ("stagesync_cache_gb", "1e999", "a number from 0.25"),
    ("stagesync_compare", "fast", "one of full, sampled"),
    ("stagesync_regions", ["India"], "a list, each two capital letters"),
    ("stagesync_regions", 7, "a list"),
    ("stagesync_port", 70000, "from 1 to 65535"),
    ("stagesync_key_parameter", "my key", "the name of an SSM parameter"),
    ("stagesync_container", "mongo; rm", "the name of a container"),
    ("stagesync_rules_file", ["a"], "text that is not empty"),
    ("stagesync_region", "Mumbai", "an AWS region such as"),
    ("sync_run_id", "../my run", "3 to 63 letters, digits and dashes"),
    ("sync_run_id", "good\n", "3 to 63 letters, digits and dashes"),
    ("sync_run_id", 5, "3 to 63 letters"),
    ("snapshot_id", "vol-0123456789abcdef0", "the id of a snapshot"),
    ("sync_part", "validate", "one of prepare, promote"),
    ("anonymize_poll_seconds", 0, "from 1 to 2592000"),
    ("stagesync_copy_timeout", 0, "from 10 to 2592000"),
    ("stagesync_workers", "9" * 400, "..."),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_good(name, value):
    assert settings.checked(name)
    assert settings.problems({name: value}) == []


@pytest.mark.parametrize(("name", "value", "said"), BAD)
def test_bad_is_named_with_what_is_allowed(name, value, said):
    (problem,) = settings.problems({name: value})
    assert problem.startswith(f"{name} is ")
    assert said in problem
    assert len(problem) < 300


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stagesync_snapshot_kept", "did you mean stagesync_snapshots_kept?"),
        ("stagesync_xyzzy", "known are stagesync_"),
    ],
)
def test_unknown(name, said):
    (problem,) = settings.problems({name: 1})
    assert problem.startswith(f"There is no setting {name}: ")
    assert said in problem


def test_all_problems_at_once():
    assert len(settings.problems({"stagesync_port": 0, "stagesync_max_lag": "x", "stagesync_kept": 1})) == 3


def made_by_roles():
    """Every variable that a role or a playbook fixes: its vars, and what it registers or sets."""
    for path in [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/*.yml")]:
        text = path.read_text()
        yield from re.findall(r"^\s*register: (\w+)", text, re.MULTILINE)
        for block in re.findall(r"set_fact:\n((?:\s+\w+:.*\n|\s{8,}.*\n)+)", text):
            yield from re.findall(r"^\s{4,8}(\w+):", block, re.MULTILINE)
    for path in ROOT.glob("roles/*/vars/main.yml"):
        yield from yaml.safe_load(path.read_text())


def test_what_roles_find_out_cannot_be_given():
    names = {name for name in made_by_roles() if not name.startswith("ansible_")}
    assert {"preflight_checks", "stage_records", "node_info", "run_id", "promote_swap", "host_python_ready"} <= names
    assert set(settings.forbidden(names, ROLES)) == names


def test_no_option_of_a_role_can_be_given_but_for_patience():
    options = {
        name
        for path in ROOT.glob("roles/*/meta/argument_specs.yml")
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values()
        for name in entry.get("options", {})
    }
    taken = options - set(settings.forbidden(options, ROLES)) - set(settings.FOR_ONE_RUN)
    assert {"promote_health_timeout", "anonymize_poll_seconds"} <= taken
    assert all(name.endswith(("_timeout", "_poll_seconds")) for name in taken)


def test_what_others_give_is_taken():
    names = ["awx_job_id", "tower_user_name", "ansible_aws_ssm_timeout", "stagesync_max_lag", *settings.FOR_ONE_RUN]
    assert settings.forbidden(names, ROLES) == []


def test_what_a_former_job_of_a_workflow_left_is_no_setting():
    assert settings.forbidden([settings.ARTIFACT], ROLES) == []
    assert not settings.checked(settings.ARTIFACT)


def used(*patterns: str) -> set:
    """The settings that these files name; after a dot stands a module."""
    texts = [path.read_text() for pattern in patterns for path in ROOT.glob(pattern)]
    return {name for text in texts for name in re.findall(r"(?<!\.)\bstagesync_\w+", text)}


def test_list_roles_and_inventory_agree():
    by_roles = used("roles/*/*/*.yml", "playbooks/*.yml") - {settings.ARTIFACT}
    assert by_roles == set(settings.SETTINGS)
    assert by_roles <= used("inventories/aws/group_vars/**/*.yml")
    assert used("inventories/**/*.yml") <= by_roles


def test_every_default_of_a_role_has_a_specification():
    for role in ROLES:
        folder = ROOT / "roles" / role
        entries = yaml.safe_load((folder / "meta/argument_specs.yml").read_text())["argument_specs"]
        options = {name: option for entry in entries.values() for name, option in entry.get("options", {}).items()}
        assert all(option.get("type") and option.get("description") for option in options.values()), role
        defaults = folder / "defaults/main.yml"
        assert set(yaml.safe_load(defaults.read_text()) if defaults.exists() else {}) <= set(options), role


PIECES = [
    "",
    " ",
    "\n",
    "\0",
    "²",
    "٣",
    "-",
    "1",
    "1e400",
    "nan",
    "inf",
    "🙂",
    "a" * 300,
    "snap-",
    "../",
    "{{ x }}",
    "0x1",
]


def anything(source: random.Random, depth: int = 2):
    """Any value that YAML or JSON can give."""
    kind = source.randrange(8 if depth else 6)
    if kind == 0:
        return source.choice([None, True, False])
    if kind == 1:
        return source.choice([0, -1, 1, 2**63, 10**400, -(10**30)])
    if kind == 2:
        return source.choice([0.0, -0.5, 1e308, float("nan"), float("inf")])
    if kind in (3, 4, 5):
        return "".join(source.choice(PIECES) for _turn in range(source.randint(0, 4)))
    if kind == 6:
        return [anything(source, depth - 1) for _turn in range(source.randint(0, 3))]
    return {str(anything(source, 0)): anything(source, depth - 1) for _turn in range(source.randint(0, 3))}


def test_fuzz_gives_sentences_only():
    source = random.Random(11)
    names = [*settings.SETTINGS, *settings.FOR_ONE_RUN, "promote_stop_timeout"]
    for _round in range(20000):
        name, value = source.choice(names), anything(source)
        for problem in settings.problems({name: value}):
            assert problem.startswith(f"{name} is ")
            assert len(problem) < 300
