# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The modules as Ansible runs them: a process with its arguments in JSON, SSM behind an endpoint, a real mongod."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import boto3
import pytest
from moto.server import ThreadedMotoServer

LIVE, NEXT = "vol-0aaaaaaaaaaaaaaa1", "vol-0bbbbbbbbbbbbbbb2"
USER, PASSWORD = "staging-admin", "not-a-real-secret"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The environment of a host that reaches SSM and holds /mongo/admin there."""
    service = ThreadedMotoServer(port=0, verbose=False)
    service.start()
    host, port = service.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "ap-south-1",
        "AWS_CONFIG_FILE": str(tmp_path_factory.mktemp("aws") / "none"),
    }
    ssm = boto3.client(
        "ssm",
        region_name="ap-south-1",
        endpoint_url=settings["AWS_ENDPOINT_URL"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    ssm.put_parameter(Name="/mongo/admin", Value=USER, Type="String", Overwrite=True)
    ssm.put_parameter(Name="/mongo/admin/password", Value=PASSWORD, Type="SecureString", Overwrite=True)
    collections = os.path.join(os.path.dirname(__file__), "../../../.cache/collections")
    yield {**os.environ, **settings, "PYTHONPATH": collections}
    service.stop()


def run(name, environment, path=None, **arguments):
    """Run a module and return what it prints."""
    special = {"_ansible_check_mode": arguments.pop("check_mode", False), "_ansible_remote_tmp": "/tmp"}
    program = (
        "import sys; from ansible.module_utils.testing import patch_module_args\n"
        "import importlib, json\n"
        f"module = importlib.import_module('ansible_collections.stagesync.aws.plugins.modules.{name}')\n"
        "with patch_module_args(json.loads(sys.argv[1])): module.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps({**arguments, **special})],
        env={**environment, "PATH": f"{path}:{environment['PATH']}"} if path else environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert PASSWORD not in done.stdout
    return json.loads(done.stdout)


ADMIN = {"username_parameter": "/mongo/admin", "password_parameter": "/mongo/admin/password"}


class TestUsers:
    def test_check_mode_then_real_then_again(self, mongod, environment):
        server = mongod.start()
        arguments = {"uri": server.uri, "users": [{**ADMIN, "roles": ["root"]}]}
        planned = run("mongodb_users", environment, check_mode=True, **arguments)
        assert planned["changed"] is True
        assert server.client().admin.command("usersInfo", 1)["users"] == []
        made = run("mongodb_users", environment, **arguments)
        assert made["users"] == planned["users"]
        assert made["diff"]["before"] == {"/mongo/admin@admin": "absent"}
        assert run("mongodb_users", environment, **arguments)["changed"] is False
        with server.client(username=USER, password=PASSWORD) as client:
            client.admin.command("ping")

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"uri": "mongodb://me:secret@host"}, "The uri holds a user"),
            ({"users": [{**ADMIN, "roles": [{"name": "root"}]}]}, "neither a name nor a dictionary"),
            ({"users": [{**ADMIN, "username_parameter": "/none", "roles": []}]}, "SSM parameter /none does not exist"),
            ({"uri": "mongodb://%2Fnone.sock"}, "cannot be reached"),
        ],
    )
    def test_what_is_wrong_is_said(self, mongod, environment, change, said):
        arguments = {"uri": mongod.shared.uri, "users": [{**ADMIN, "roles": ["root"]}], **change}
        result = run("mongodb_users", environment, **arguments)
        assert result["failed"] is True
        assert said in result["msg"]


class TestNodeInfo:
    @pytest.fixture
    def devices(self, rig, environment):
        """A host whose by-id links are in the rig's own directory."""
        places = rig.config()["places"]
        hook = rig.home / "python" / "sitecustomize.py"
        hook.parent.mkdir()
        hook.write_text(
            "from ansible_collections.stagesync.aws.plugins.module_utils import volume_swap\n"
            "from ansible_collections.stagesync.aws.plugins.module_utils.ebs import devices\n"
            "def first(kind, *values):\n"
            "    kind.__init__.__defaults__ = values + kind.__init__.__defaults__[len(values) :]\n"
            f"first(devices.System, {str(rig.dev)!r})\n"
            f"first(volume_swap.Places, {places['fstab']!r}, {places['state']!r}, {places['runtime']!r},"
            f" '/proc', {places['systemd']!r})\n"
        )
        return {**environment, "PYTHONPATH": f"{hook.parent}:{environment['PYTHONPATH']}"}

    def test_from_the_container_down_to_the_volume(self, rig, devices):
        result = run("mongodb_node_info", devices, rig.home / "bin", container="mongo", **ADMIN)
        assert result.get("changed") is False, result["msg"]
        assert result["replica_set"] is None
        assert result["server"]["authorization"] is True
        assert result["container"]["port"] == rig.port
        assert result["manifest"]["databases"]["old"]["things"]["documents"] == 100
        storage = result["storage"]
        assert (storage["volume_id"], storage["volume_ids"]) == (LIVE, [LIVE])
        assert (storage["mount_point"], storage["relative_path"]) == (str(rig.mount_point), ".")
        assert storage["filesystem"]["uuid"] == rig.uuid(LIVE)
        assert (storage["owner_uid"], storage["on_root_volume"]) == (4321, False)
        assert result["unsupported"] == []
        assert storage["parts"] == [{"place": ".", "relative_path": ".", "volume_ids": [LIVE], "symlink": False}]

    def test_parts_on_another_volume(self, rig, devices):
        def parts():
            found = run("mongodb_node_info", devices, rig.home / "bin", container="mongo", **ADMIN)
            assert "msg" not in found, found
            return found

        part = rig.mount_point / "shop" / "index"
        part.mkdir(parents=True)
        subprocess.run(["mount", rig.loops[NEXT], part], check=True)
        try:
            found = parts()
            assert found["storage"]["volume_ids"] == [LIVE, NEXT]
            other = {"place": "shop/index", "relative_path": ".", "volume_ids": [NEXT], "symlink": False}
            assert found["storage"]["parts"][1:] == [other]
            assert found["unsupported"] == []
        finally:
            subprocess.run(["umount", part], check=True)

    def test_links_out_of_the_dbpath(self, rig, devices):
        outside = rig.home / "outside"
        outside.mkdir()
        subprocess.run(["mount", rig.loops[NEXT], outside], check=True)
        try:
            (rig.mount_point / "shop").symlink_to(outside)
            found = run("mongodb_node_info", devices, rig.home / "bin", container="mongo", **ADMIN)
            assert found["storage"]["volume_ids"] == [LIVE, NEXT]
            (reason,) = found["unsupported"]
            assert "part shop of the dbPath" in reason
            assert "symbolic link" in reason
        finally:
            subprocess.run(["umount", outside], check=True)

    def test_what_is_wrong_is_said(self, rig, devices):
        path = rig.home / "bin"
        assert "no container named other" in run("mongodb_node_info", devices, path, container="other", **ADMIN)["msg"]
        assert "grant the user" in run("mongodb_node_info", devices, path, container="mongo")["msg"]
        wrong = {**ADMIN, "username_parameter": "/mongo/admin/password"}
        refused = run("mongodb_node_info", devices, path, container="mongo", **wrong)["msg"]
        assert "refused the user name or password" in refused
        rig.docker("stop")
        down = run("mongodb_node_info", devices, path, container="mongo", **ADMIN)
        assert "is exited, not running" in down["msg"]
        assert "unfinished_swap" not in down
        journal = {
            "state": "reverting", "step": "mounting", "container": "mongo", "mount_point": str(rig.mount_point),
            "from_volume": LIVE, "to_volume": NEXT, "fstab_line": None, "was_running": True, "owner": [0, 0, 0],
            "last_answer": None, "started": 0,
        }  # fmt: skip
        rig.journal.write_text(json.dumps(journal))
        down = run("mongodb_node_info", devices, path, container="mongo", **ADMIN)
        assert f"The swap from {LIVE} to {NEXT} is unfinished: playbooks/rollback.yml undoes it." in down["msg"]
        assert down["unfinished_swap"]["previous_volume_id"] == LIVE

    def test_the_fsync_lock_through_its_module(self, rig, devices):
        run_id = f"test-{rig.port}"

        def fsync(state, **more):
            arguments = {"container": "mongo", "run_id": run_id, "limit": 30, **ADMIN, **more}
            return run("mongodb_fsync", devices, rig.home / "bin", state=state, **arguments)

        def locked():
            with rig.client() as client:
                return bool(client.admin.command("currentOp").get("fsyncLock"))

        try:
            assert "give 1 to 600" in fsync("locked", limit=601)["msg"]
            assert "cannot name a directory" in fsync("locked", run_id="../x")["msg"]
            assert (fsync("locked", check_mode=True)["changed"], locked()) == (True, False)
            first = fsync("locked")
            assert (first.get("changed"), first.get("state"), locked()) == (True, "locked", True), first
            assert fsync("locked")["changed"] is False
            assert (fsync("unlocked", check_mode=True)["changed"], locked()) == (True, True)
            ended = fsync("unlocked")
            assert (ended["changed"], ended["reason"], locked()) == (True, "released", False)
            assert ended["diff"] == {"before": {"state": "locked"}, "after": {"state": "unlocked"}}
            assert fsync("unlocked")["changed"] is False
        finally:
            shutil.rmtree(f"/run/stagesync/{run_id}", ignore_errors=True)

    def test_the_swap_through_its_module(self, rig, devices):
        arguments = {"container": "mongo", "mount_point": str(rig.mount_point), "volume_id": NEXT, **ADMIN}

        def swap(**more):
            return run("mongodb_volume_swap", devices, rig.home / "bin", **arguments, **more)

        refused = swap(expected_live_volume_id="vol-0ddddddddddddddd4")
        assert refused["failed"] is True
        assert f"Volume {LIVE} is mounted" in refused["msg"]
        planned = swap(expected_live_volume_id=LIVE, check_mode=True)
        assert (planned["changed"], rig.served()) == (True, "old")
        failed = swap(expected_live_volume_id=LIVE, expected_databases=["absent"])
        assert (failed["failed"], failed["rolled_back"], failed["serving"]) == (True, True, True)
        assert rig.served() == "old"
        done = swap(expected_live_volume_id=LIVE, expected_databases=["new"])
        assert (done["changed"], done["volume_id"], done["previous_volume_id"]) == (True, NEXT, LIVE)
        assert done["diff"]["after"] == {"live_volume": NEXT}
        assert rig.served() == "new"
