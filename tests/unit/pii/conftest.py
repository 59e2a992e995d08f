"""A source with planted people, a clean server, and the modules as Ansible runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.engine import Masker
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import EXACT

MODULES = Path(__file__).parents[3] / "plugins" / "modules"


@pytest.fixture
def call():
    """call(module, check_mode=False, **arguments) -> the module's answer."""

    def run(name: str, check_mode: bool = False, **arguments):
        request = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check_mode}}
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
        result = json.loads(answer.stdout)
        result.pop("invocation", None)
        return result

    return run


@pytest.fixture(scope="session")
def _servers(mongod):
    return [mongod.start("--setParameter=ttlMonitorEnabled=false") for _server in range(2)]


def _empty(server):
    client = server.client()
    for name in client.list_database_names():
        if name not in ("admin", "config", "local"):
            client.drop_database(name)
    return SimpleNamespace(client=client, uri=server.uri)


@pytest.fixture
def source(_servers):
    """An empty server to fill: `.client`, `.uri`."""
    return _empty(_servers[0])


@pytest.fixture
def clean(_servers):
    """An empty server for a masked copy: `.client`, `.uri`."""
    return _empty(_servers[1])


@pytest.fixture
def copy(source, clean):
    """copy(rules text): mask all that the source holds into the clean server."""

    def masked(text: str) -> None:
        rules = load_rules(text)
        for database in rules.databases.values():
            for name, found in database.collections.items():
                documents = list(source.client.get_database(database.name, codec_options=EXACT)[name].find())
                if found.action == "mask" and documents:
                    raw = b"".join(bson.encode(document, codec_options=EXACT) for document in documents)
                    documents = bson.decode_all(Masker(found, Key(bytes(32))).mask(raw), codec_options=EXACT)
                if documents and found.action in ("mask", "keep"):
                    clean.client.get_database(database.name, codec_options=EXACT)[name].insert_many(documents)

    return masked
