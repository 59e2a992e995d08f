# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Every module on a host names the Python library that it lacks there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COLLECTIONS = Path(__file__).resolve().parents[2] / ".cache" / "collections"
PROGRAM = """
import importlib, json, sys
from ansible.module_utils.testing import patch_module_args
library, name, arguments = sys.argv[1:]
sys.modules[library] = None  # importing it fails as if it were not there
module = importlib.import_module("ansible_collections.stagesync.aws.plugins.modules." + name)
with patch_module_args(json.loads(arguments)):
    module.main()
"""
PAIR = {"source_uri": "mongodb://127.0.0.1:1", "target_uri": "mongodb://127.0.0.1:1", "rules": "version: 1"}
ONE = {"uri": "mongodb://127.0.0.1:1"}
LOGIN = {"container": "mongo", "username_parameter": "/u", "password_parameter": "/p"}
SWAP = {**LOGIN, "mount_point": "/data", "volume_id": "vol-1", "expected_live_volume_id": "vol-2"}
CASES = {
    "masking_rules_info": ("yaml", {"rules": "version: 1"}),
    "mongodb_anonymize": ("pymongo", {**PAIR, "state_path": "/run/none"}),
    "mongodb_compare": ("yaml", PAIR),
    "mongodb_fsync": ("pymongo", {"state": "locked", "run_id": "r", "container": "mongo"}),
    "mongodb_hooks": ("pymongo", {**ONE, "rules": "version: 1"}),
    "mongodb_node_info": ("pymongo", {"container": "mongo"}),
    "mongodb_pii_scan": ("phonenumbers", {**ONE, "mode": "draft"}),
    "mongodb_preview": ("yaml", {**ONE, "rules": "version: 1"}),
    "mongodb_ready": ("pymongo", {**ONE, "container": "mongo"}),
    "mongodb_restore_check": ("pymongo", ONE),
    "mongodb_users": ("pymongo", {**ONE, "users": []}),
    "mongodb_volume_swap": ("pymongo", SWAP),
}


@pytest.mark.parametrize("name", CASES)
def test_a_missing_library_is_named(name):
    library, arguments = CASES[name]
    arguments = {**arguments, "_ansible_remote_tmp": "/tmp"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, library, name, json.dumps(arguments)],
        env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert result["failed"] is True
    shown = {"yaml": "PyYAML"}.get(library, library)
    assert f"required Python library ({shown})" in result["msg"]
