# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The two modules as Ansible runs them: arguments on standard input, JSON on standard output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import catalog

MODULES = Path(__file__).parents[3] / "plugins" / "modules"
RULES = "version: 1\ndatabases: {shop: {collections: {users: {fields: {_id: keep, email: email}}}}}\n"


def call(name: str, check_mode: bool = False, **arguments):
    request = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check_mode, "_ansible_diff": True}}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    answer = subprocess.run(
        [sys.executable, str(MODULES / f"{name}.py")],
        input=json.dumps(request),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in answer.stderr + answer.stdout
    return json.loads(answer.stdout)


@pytest.fixture
def servers(source, clean):
    source.client.shop.users.insert_many({"_id": n, "email": f"u{n}@b.in"} for n in range(3))
    return {"source_uri": source.server.uri, "target_uri": clean.server.uri, "rules_path": "rules.yml"}


@pytest.fixture
def memory():
    import tempfile

    with tempfile.TemporaryDirectory(dir="/dev/shm") as path:
        yield f"{path}/state"


def test_check_copy_rerun_compare(servers, memory, clean):
    arguments = {**servers, "rules": RULES, "state_path": memory}
    foretold = call("mongodb_anonymize", check_mode=True, **arguments)
    assert foretold["changed"] is True
    assert foretold["diff"] == {"before": {}, "after": {"shop.users": 3}}
    assert catalog.read(clean.client) == []
    done = call("mongodb_anonymize", **arguments)
    assert done["changed"] is True
    assert done["diff"] == foretold["diff"]
    (users,) = done["collections"]
    assert users["documents"] == 3
    assert users["masked"] == [{"path": "email", "mask": "email", "values": 3, "unexpected_type": 0}]
    for check_mode in (True, False):
        again = call("mongodb_anonymize", check_mode=check_mode, **arguments)
        assert again["changed"] is False
        assert again["diff"]["before"] == again["diff"]["after"] == {"shop.users": 3}
    compared = call("mongodb_compare", **servers, rules=RULES, mode="full")
    assert compared["differences"] == []
    assert compared["changed"] is False
    clean.client.shop.users.update_one({"_id": 1}, {"$set": {"email": "u1@b.in"}})
    failed = call("mongodb_compare", **servers, rules=RULES)
    assert failed["failed"] is True
    assert "shop.users.email: the masked value equals its original (1)" in failed["msg"]
    assert "u1@b.in" not in json.dumps({key: value for key, value in failed.items() if key != "invocation"})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rules": RULES.replace("email: email", "email: emial")}, "did you mean 'email'"),
        ({"rules": RULES.replace("email: email", "mail: email")}, "no document has this field"),
        ({"workers": 0}, "workers is 0"),
        ({"state_path": "/proc/stagesync"}, "give a path on tmpfs"),
        ({"target_uri": "mongodb://user:hunter2@host/"}, "holds a user"),
        ({"source_uri": "http://host"}, "is not valid"),
    ],
)
def test_what_is_wrong_is_one_clear_error(servers, memory, changes, words):
    failed = call("mongodb_anonymize", **{**servers, "rules": RULES, "state_path": memory, **changes})
    assert failed["failed"] is True
    assert words in failed["msg"]
    assert "hunter2" not in failed["msg"]
