"""The module masking_rules_info, run as Ansible runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from ansible_collections.stagesync.aws.plugins.modules import masking_rules_info

RULES = "version: 1\ndatabases:\n  shop:\n    collections:\n      users: {fields: {_id: keep, email: email}}\n"


def run(**arguments):
    """The module's result."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    # Newer versions of Ansible want to know how the arguments are written.
    code = (
        "import sys; from ansible.module_utils import basic; from ansible_collections.stagesync.aws.plugins.modules "
        "import masking_rules_info as module; basic._ANSIBLE_ARGS = sys.argv[1].encode(); "
        "basic._ANSIBLE_PROFILE = 'legacy'; module.main()"
    )
    given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
    done = subprocess.run(
        [sys.executable, "-c", code, given], env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("check", [False, True])
def test_good_rules(tmp_path, check):
    path = tmp_path / "rules.yml"
    path.write_text(RULES)
    for arguments in ({"rules": RULES}, {"path": str(path)}):
        result = run(**arguments, _ansible_check_mode=check)
        assert (result["changed"], result["masked"], result["kept"], result["masks"]) == (False, 1, 1, {"email": 1})


def test_bad_rules_name_the_file():
    result = run(rules=RULES.replace("email: email", "email: emial"), path="/srv/rules.yml")
    assert result["failed"]
    assert "/srv/rules.yml:5: shop.users.email: unknown mask 'emial'" in result["msg"]
    assert [(problem["line"], problem["path"]) for problem in result["problems"]] == [(5, "shop.users.email")]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read from"), (b"\xff\xfe\x00", "are not UTF-8 text")],
    ids=["none", "binary"],
)
def test_unreadable_file(tmp_path, content, message):
    path = tmp_path / "rules.yml"
    if content is not None:
        path.write_bytes(content)
    result = run(path=str(path))
    assert result["failed"]
    assert message in result["msg"]


def test_documentation_names_every_result():
    import yaml

    result = run(rules=RULES)
    documented = yaml.safe_load(masking_rules_info.RETURN)
    assert set(result) - {"changed", "invocation"} <= set(documented)
