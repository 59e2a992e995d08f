# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The role under a real ansible-playbook against moto's server; this machine stands for staging."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("boto3")
from ansible_collections.stagesync.aws.plugins.module_utils import run_lock  # noqa: E402

ROOT = Path(__file__).parents[3]
STAGING, REGION = "i-0123456789abcdef0", "ap-south-1"
NAME = f"/stagesync/lock/{STAGING}"
ACCOUNT = "123456789012"
INVENTORY = {
    "all": {
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False},
        "hosts": {"localhost": {}},
        "children": {
            "mongodb_staging": {"hosts": {STAGING: {"ec2_instance_id": STAGING, "ec2_placement": {"region": REGION}}}}
        },
    }
}
# As the playbook of a stage does it; the stage waits for a file, and fails when the file says so.
PLAYBOOK = """
- name: Wait in a stage
  hosts: mongodb_staging
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: stagesync.aws.run}
    - block:
        - ansible.builtin.include_role: {name: stagesync.aws.lock}
        - ansible.builtin.set_fact: {stage_started: now}
        - ansible.builtin.shell: "touch $HERE/$RUN; while [ ! -e $HERE/go ]; do sleep 0.2; done; grep -q well $HERE/go"
          environment: {HERE: "{{ here }}", RUN: "{{ run_id }}"}
        - ansible.builtin.include_role: {name: stagesync.aws.lock, tasks_from: keep}
      always:
        - ansible.builtin.include_role: {name: stagesync.aws.lock, tasks_from: release}
"""


class Endpoint:
    """moto's server, ansible-playbook against it, and a look into its Parameter Store."""

    def __init__(self, url, home):
        self.home = home
        self.environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOME": str(home / "ansible"),
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "0Zq9-no-secret",
        }
        (home / "inventory.json").write_text(json.dumps(INVENTORY))
        (home / "play.yml").write_text(PLAYBOOK)

    def start(self, run_id, *more):
        """ansible-playbook as run `run_id`; its output goes to a file of that name."""
        command = [Path(sys.executable).parent / "ansible-playbook", "-i", "inventory.json", "play.yml", *more]
        extra = {"sync_run_id": run_id.partition(" ")[0], "here": str(self.home)}
        with (self.home / f"{run_id}.out").open("w") as output:
            return subprocess.Popen(
                [*map(str, command), "-e", json.dumps(extra)],
                cwd=self.home,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, run_id, *more):
        """Run it to its end; its exit code and output."""
        process = self.start(run_id, *more)
        process.wait(timeout=120)
        return process.returncode, self.output(run_id)

    def output(self, run_id):
        return (self.home / f"{run_id}.out").read_text()

    def parameters(self):
        from moto.ssm.models import ssm_backends

        return ssm_backends[ACCOUNT][REGION]._parameters

    def value(self):
        versions = self.parameters().get(NAME)
        return json.loads(versions[-1].value) if versions else None

    def until(self, what, seconds=60):
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, [path.read_text()[-3000:] for path in self.home.glob("*.out")]
            time.sleep(0.2)

    def working(self, run_id):
        """Wait until the run is in its stage; the process of its keeper."""
        self.until((self.home / run_id).exists)
        return run_lock.keeper_of(self.value())


@pytest.fixture
def endpoint(tmp_path):
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Endpoint(f"http://{host}:{port}", tmp_path)
    finally:
        from moto.moto_api._internal.models import moto_api_backend

        moto_api_backend.reset()
        server.stop()


def test_a_second_run_waits_its_turn_and_a_killed_one_is_cleared_up_after(endpoint):
    first = endpoint.start("first-run")
    keeper = endpoint.working("first-run")
    assert keeper.alive()
    assert endpoint.value()["pid"] == first.pid
    assert endpoint.value()["playbook"] == "Wait in a stage"

    code, output = endpoint.finish("second-run")
    assert code != 0
    assert "is held by run first-run (Wait in a stage;" in " ".join(output.split())
    assert endpoint.value()["run_id"] == "first-run"
    code, output = endpoint.finish("first-run again")
    assert code != 0
    assert "Run first-run still runs on this controller" in " ".join(output.split())

    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    endpoint.until(lambda: not keeper.alive(), 10)
    endpoint.until(lambda: not Path(f"/proc/{keeper.pid}").exists(), 10)  # no zombie
    code, output = endpoint.finish("second-run")
    assert code != 0  # not stale yet
    endpoint.parameters()[NAME][-1].last_modified_date -= timedelta(seconds=301)
    (endpoint.home / "go").write_text("well")
    code, output = endpoint.finish("second-run")
    assert code == 0, output[-3000:]
    # It never read the host, so it could clear nothing: the next run is told, and need not wait.
    assert endpoint.value()["leavings"] == ["first-run"]
    assert endpoint.finish("third-run")[0] == 0
    assert endpoint.value()["leavings"] == ["first-run", "second-run"]


@pytest.mark.parametrize(("ends", "code"), [("well", 0), ("badly", 2)])
def test_the_lock_is_released_however_the_run_ends_and_its_keeper_with_it(endpoint, ends, code):
    run = endpoint.start("a-run")
    keeper = endpoint.working("a-run")
    (endpoint.home / "go").write_text(ends)
    assert run.wait(timeout=60) == code, endpoint.output("a-run")[-3000:]
    assert endpoint.value() is None
    assert not keeper.alive()


def test_check_mode_takes_nothing(endpoint):
    (endpoint.home / "go").write_text("well")
    code, output = endpoint.finish("a-run", "--check")
    assert endpoint.value() is None
    assert "have staging alone" in output
    assert code == 0, output[-3000:]
