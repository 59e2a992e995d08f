# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Parameter Store as moto plays it, and runs that want the lock; the other processes are real ones."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from contextlib import redirect_stdout
from datetime import timedelta

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils import run_lock

NAME = "/stagesync/lock/i-0123456789abcdef0"
REGION = "ap-south-1"


class Store:
    """Parameter Store; `client()` makes a client, `age(seconds)` lets time pass since the last write."""

    def __init__(self, boto3, backend):
        self.session = boto3.session.Session(region_name=REGION)
        self.backend = backend

    def client(self):
        return self.session.client("ssm")

    def value(self, name=NAME):
        versions = self.backend._parameters.get(name)
        return json.loads(versions[-1].value) if versions else None

    def names(self):
        return sorted(name for name, versions in self.backend._parameters.items() if versions)

    def age(self, seconds, name=NAME):
        self.backend._parameters[name][-1].last_modified_date -= timedelta(seconds=seconds)


@pytest.fixture
def store(monkeypatch):
    """An empty Parameter Store. moto looks and then writes; AWS does both at once, which a mutex stands for."""
    boto3 = pytest.importorskip("boto3")
    moto = pytest.importorskip("moto")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "0Zq9-no-secret")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with moto.mock_aws():
        from moto.ssm.models import SimpleSystemManagerBackend, ssm_backends

        mutex, real = threading.Lock(), SimpleSystemManagerBackend.put_parameter

        def put(*arguments, **options):
            with mutex:
                return real(*arguments, **options)

        monkeypatch.setattr(SimpleSystemManagerBackend, "put_parameter", put)
        yield Store(boto3, ssm_backends["123456789012"][REGION])


@pytest.fixture
def sleeper():
    """Starts real processes that do nothing: what an ansible-playbook is to the lock."""
    processes = []

    def start():
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def lock(store):
    """`lock("r1")`: the lock as run r1 sees it, from this process on this controller unless told otherwise."""

    def make(run_id, process=None, host="here", stale=300, client=None, **options):
        process = process or run_lock.Process(os.getpid(), run_lock.started(os.getpid()))
        me = run_lock.Holder(run_id, f"arn:aws:iam::1:user/me on {host}", host, process, "Refresh", stale)
        return run_lock.Lock(client or store.client(), NAME, me, **options)

    return make


@pytest.fixture
def call(monkeypatch):
    """`call(module, check=False, **params)` runs the module's main in this process, whose controller it is."""
    from ansible.module_utils.testing import patch_module_args

    def run(module, check=False, process=None, **params):
        process = process or run_lock.Process(os.getpid(), run_lock.started(os.getpid()))
        monkeypatch.setattr(run_lock, "controller", lambda: process)
        out = io.StringIO()
        args = {"region": REGION, "name": NAME, "_ansible_check_mode": check, "_ansible_diff": True, **params}
        with patch_module_args(args), redirect_stdout(out), pytest.raises(SystemExit):
            module.main()
        return json.loads(out.getvalue().strip().splitlines()[-1])

    return run
