"""EC2 for the tests: a client whose answers are laid down, moto, and time that passes only by sleeping."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from contextlib import redirect_stdout

import pytest

os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # else moto fills the region with snapshots of images


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A clock of the test's own."""
    return Clock()


@pytest.fixture
def ec2(clock):
    """botocore's Stubber with a clock; what a test lays down as answers must all be asked for, in that order."""
    boto3 = pytest.importorskip("boto3")
    stub = pytest.importorskip("botocore.stub")
    client = boto3.client(
        "ec2", region_name="ap-south-1", aws_access_key_id="test", aws_secret_access_key="test", endpoint_url=None
    )
    with stub.Stubber(client) as stubber:
        stubber.clock = clock
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def slept(monkeypatch):
    """The seconds that retries would have slept."""
    seconds, sleep, here = [], time.sleep, threading.get_ident()
    # Other threads sleep for real: a MongoDB client of an earlier test has some that would spin and fill the memory.
    monkeypatch.setattr("time.sleep", lambda s: seconds.append(s) if threading.get_ident() == here else sleep(s))
    return seconds


@pytest.fixture(scope="module")
def cloud():
    """EC2 as moto plays it; one for all tests of a file, since to start it takes a second."""
    boto3 = pytest.importorskip("boto3")
    moto = pytest.importorskip("moto")
    with pytest.MonkeyPatch.context() as patch, moto.mock_aws():
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        # Ansible blots the secret key out of every result, so it must be no part of a word.
        patch.setenv("AWS_SECRET_ACCESS_KEY", "0Zq9-no-secret")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        yield boto3.client("ec2", region_name="ap-south-1")


@pytest.fixture(scope="session")
def call():
    """`call(module, check=False, diff=True, **params)` runs a module's main in this process; returns its result."""
    from ansible.module_utils.testing import patch_module_args

    def run(module, check=False, diff=True, **params):
        out = io.StringIO()
        args = {"region": "ap-south-1", "_ansible_check_mode": check, "_ansible_diff": diff, **params}
        with patch_module_args(args), redirect_stdout(out), pytest.raises(SystemExit):
            module.main()
        return json.loads(out.getvalue().strip().splitlines()[-1])

    return run
