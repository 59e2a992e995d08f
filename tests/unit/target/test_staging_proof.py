# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whatever was typed, only staging passes: the role preflight as Ansible runs it, with EC2 behind an endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
import yaml
from moto.moto_api._internal.models import moto_api_backend
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).resolve().parents[3]
REGION = "ap-south-1"


class Account:
    """Three instances with a data volume each, as EC2 knows them, and what their hosts say of themselves."""

    def __init__(self, endpoint: str):
        self.endpoint = endpoint
        self.ec2 = boto3.client(
            "ec2", region_name=REGION, endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="test"
        )
        subnet = self.ec2.describe_subnets()["Subnets"][0]
        self.zone, network = subnet["AvailabilityZone"], subnet["CidrBlock"].rpartition(".")[0]
        self.hosts = {
            role: self.instance(role, subnet["SubnetId"], f"{network}.{last}")
            for role, last in (("primary", 21), ("secondary", 22), ("staging", 23))
        }

    def instance(self, role: str, subnet: str, address: str) -> dict:
        """An instance with its tag and its data volume."""
        (made,) = self.ec2.run_instances(
            ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=subnet, PrivateIpAddress=address
        )["Instances"]
        self.ec2.create_tags(Resources=[made["InstanceId"]], Tags=[{"Key": "stagesync:role", "Value": role}])
        volume = self.ec2.create_volume(AvailabilityZone=self.zone, Size=8)["VolumeId"]
        self.ec2.attach_volume(VolumeId=volume, InstanceId=made["InstanceId"], Device="/dev/sdf")
        return {"id": made["InstanceId"], "address": address, "volume": volume}

    def tag(self, resource: str, **tags: str) -> None:
        """Give it tags; `_` stands for the colon."""
        self.ec2.create_tags(
            Resources=[resource], Tags=[{"Key": key.replace("_", ":"), "Value": value} for key, value in tags.items()]
        )

    def node(self, role: str) -> dict:
        """What mongodb_node_info returns on one of the hosts, as far as preflight reads it."""
        host = self.hosts[role]
        members = [
            {"host": f"mongo-{name}.internal:27017", "addresses": [self.hosts[name]["address"]]}
            for name in ("primary", "secondary")
        ]
        member = {"name": "rs0", "id": "a" * 24, "state": "SECONDARY", "lag_seconds": 1.0, "members": members}
        storage = {"volume_ids": [host["volume"]], "volume_id": host["volume"], "on_root_volume": False}
        return {
            "instance_id": host["id"],
            "container": {"name": "mongo", "image": "mongo:6.0"},
            "replica_set": None if role == "staging" else member,
            "replica_set_identity": None,
            "storage": {**storage, "dbpath_host": "/data/db", "mount_point": "/data"},
            "unsupported": [],
            "manifest": {},
        }


@pytest.fixture(scope="module")
def account():
    """One account for all; a test changes only what it says."""
    service = ThreadedMotoServer(port=0, verbose=False)
    service.start()
    host, port = service.get_host_and_port()
    yield Account(f"http://{host}:{port}")
    # The account outlives the server: another file's would find the addresses taken.
    moto_api_backend.reset()
    service.stop()


def run(account: Account, folder: Path, playbook: list, nodes: dict, *arguments: str, groups=None, facts=None):
    """Run plays on the inventory of the account; returns exit code and output in one line."""
    groups = groups or {f"mongodb_{role}": role for role in account.hosts}
    inventory = {
        "all": {
            "vars": {
                "run_id": "test",
                "stagesync_rules_file": "none",
                "ansible_aws_ssm_bucket_name": "none",
                "ansible_async_dir": str(folder / "async"),  # whatever the home directory is
            },
            "hosts": {
                role: {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                    "ansible_aws_ssm_region": REGION,
                    "ec2_instance_id": host["id"],
                    "ec2_tags": {"stagesync:role": "staging"},
                    **(facts or {}),
                    **({"node_info": nodes[role]} if role in nodes else {}),
                }
                for role, host in account.hosts.items()
            },
            "children": {group: {"hosts": {role: None}} for group, role in groups.items()},
        }
    }
    (folder / "hosts.yml").write_text(json.dumps(inventory))
    (folder / "play.yml").write_text(yaml.safe_dump(playbook))
    done = subprocess.run(
        [
            Path(sys.executable).with_name("ansible-playbook"),
            "-i",
            folder / "hosts.yml",
            folder / "play.yml",
            *arguments,
        ],
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_"))},
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "AWS_ENDPOINT_URL": account.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    output = " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in output, output
    return done.returncode, output


def role(name: str, hosts: str, **options: str) -> dict:
    """A play that runs one role of the collection."""
    include = {"name": f"stagesync.aws.{name}", **options}
    return {"hosts": hosts, "gather_facts": False, "tasks": [{"ansible.builtin.include_role": include}]}


WITH_PRODUCTION = "mongodb_secondary:mongodb_staging"
ALONE = "mongodb_staging"
# Who is looked at, what is different, and what must be said: every difference alone is enough.
CASES = {
    "another host answers": (
        ALONE, lambda node, a: node.update(instance_id=a.hosts["primary"]["id"]), "the host is the one meant: the host",
    ),
    "a host without metadata": (ALONE, lambda node, _a: node.update(instance_id=None), "without instance metadata"),
    "a replica-set member": (
        ALONE, lambda node, a: node.update(replica_set=a.node("secondary")["replica_set"]), "staging is a standalone:",
    ),
    "a member that runs without its set": (
        ALONE, lambda node, _a: node.update(replica_set_identity={"name": "rs0", "id": "", "members": []}),
        "those of a member of replica set rs0 that runs without it",
    ),
    "two volumes": (
        ALONE, lambda node, a: node["storage"]["volume_ids"].append(a.hosts["secondary"]["volume"]), "on 2 EBS volumes",
    ),
    "a volume of another host": (
        ALONE, lambda node, a: node["storage"].update(volume_ids=[a.hosts["primary"]["volume"]]),
        "the data volume is staging's: vol-",
    ),
    "a volume that EC2 does not know": (
        ALONE, lambda node, _a: node["storage"].update(volume_ids=["vol-0123456789abcdef0"]),
        "the data volume is staging's: vol-0123456789abcdef0 is not known to EC2",
    ),
    "the root volume": (ALONE, lambda node, _a: node["storage"].update(on_root_volume=True), "lies on the root volume"),
    "a shard": (ALONE, lambda node, _a: node["unsupported"].append("It is a shard."), "replaced: It is a shard."),
    "production's volume": (
        WITH_PRODUCTION, lambda node, a: node["storage"].update(volume_ids=[a.hosts["secondary"]["volume"]]),
        "staging's volumes are not production's: vol-",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_staging_is_refused(account, tmp_path, case):
    hosts, change, said = CASES[case]
    nodes = {name: account.node(name) for name in ("secondary", "staging") if name in hosts}
    change(nodes["staging"], account)
    code, output = run(account, tmp_path, [role("preflight", hosts)], nodes)
    assert code != 0, output
    assert said in output


@pytest.mark.parametrize("hosts", [ALONE, WITH_PRODUCTION])
def test_staging_passes(account, tmp_path, hosts):
    nodes = {name: account.node(name) for name in ("secondary", "staging") if name in hosts}
    code, output = run(
        account, tmp_path, [role("preflight", hosts), role("preflight", ALONE, tasks_from="target")], nodes
    )
    assert code == 0, output
    assert f"All {10 if hosts == ALONE else 12} checks passed" in output


def test_production_under_the_name_of_staging(account, tmp_path):
    """As by groups set by hand, with the tag that staging has: EC2 and the replica set know better."""
    nodes = {"secondary": account.node("secondary"), "primary": {**account.node("primary"), "replica_set": None}}
    groups = {"mongodb_secondary": "secondary", "mongodb_staging": "primary"}
    account.tag(account.hosts["primary"]["id"], stagesync_role="staging")
    try:
        code, output = run(account, tmp_path, [role("preflight", WITH_PRODUCTION)], nodes, groups=groups)
        alone = run(
            account, tmp_path, [role("preflight", ALONE)], nodes, groups=groups | {"mongodb_primary": "primary"}
        )
    finally:
        account.tag(account.hosts["primary"]["id"], stagesync_role="primary")
    assert code != 0, output
    assert "staging is no member of production's replica set" in output
    assert alone[0] != 0
    assert "is in group mongodb_staging and in a production group" in alone[1]


def test_two_staging_hosts_are_refused_by_a_stage_of_its_own_too(account, tmp_path):
    """Both would work under one run id, and so on one another's volumes."""
    play = role("preflight", ALONE)
    play["tasks"].insert(
        0, {"ansible.builtin.add_host": {"name": "another", "groups": ["mongodb_staging"]}, "changed_when": False}
    )
    code, output = run(account, tmp_path, [play], {"staging": account.node("staging")})
    assert code != 0
    assert "one staging host: the inventory holds 2 hosts in group mongodb_staging." in output


def test_a_swap_is_undone_by_who_may_and_only_to_a_volume_of_staging(account, tmp_path):
    node = account.node("staging")
    former = account.hosts["primary"]["volume"]
    node["unfinished_swap"] = {"volume_id": "vol-0123456789abcdef0", "previous_volume_id": former, "mount_point": "/d"}
    code, output = run(account, tmp_path, [role("preflight", ALONE)], {"staging": node})
    assert code == 0, output
    play = role("preflight", ALONE)
    play["tasks"][0]["vars"] = {"preflight_undoes": True}
    code, output = run(account, tmp_path, [play], {"staging": node})
    assert code != 0
    assert f"{former} is not attached to it with the tag stagesync:target=" in output


def test_the_tag_is_ec2s_word(account, tmp_path):
    """The inventory of every test here claims the tag staging for all."""
    groups = {"mongodb_staging": "primary"}
    nodes = {"primary": {**account.node("primary"), "replica_set": None}}
    code, output = run(account, tmp_path, [role("preflight", ALONE)], nodes, groups=groups)
    assert code != 0
    assert "has the tag stagesync:role=primary" in output


@pytest.mark.parametrize("tags", [{"stagesync_role": "primary"}, {"stagesync_target": "i-0000000000000000a"}])
def test_a_volume_that_says_it_is_anothers(account, tmp_path, tags):
    volume = account.hosts["staging"]["volume"]
    account.tag(volume, **tags)
    try:
        code, output = run(account, tmp_path, [role("preflight", ALONE)], {"staging": account.node("staging")})
    finally:
        account.ec2.delete_tags(Resources=[volume], Tags=[{"Key": key.replace("_", ":")} for key in tags])
    assert code != 0
    assert f"the data volume is staging's: {volume} has the tag" in output


def test_the_swap_proves_it_again(account, tmp_path):
    """With results of checks that passed before, and preflight not run: the swap stops before it touches the host."""
    node = account.node("staging")
    node["storage"].update(relative_path="db")
    node["replica_set_identity"] = {"name": "rs0", "id": "", "members": []}
    play = role("promote", ALONE, tasks_from="swap")
    play["tasks"].insert(0, {"ansible.builtin.set_fact": {"preflight_checks": []}})
    play["tasks"][1]["vars"] = {"promote_volume_id": "vol-0123456789abcdef0"}
    code, output = run(account, tmp_path, [play], {"staging": node}, facts={"ec2_placement": {"region": REGION}})
    assert code != 0
    assert "staging's data belong to no replica set" in output
    assert "put the other volume" not in output


@pytest.mark.parametrize(
    "extra",
    [
        {"preflight_checks": []},
        {"preflight_failed": []},
        {"preflight_staging_tag": "Name"},
        {"promote_volume_id": "vol-0123456789abcdef0"},
        {"stage_records": []},
        {"stage_always": True},
        {"node_info": {}},
        {"run_id": "other"},
        {"ec2_instance_id": "i-0123456789abcdef0"},
        {"inventory_hostname": "staging"},
        {"stagesync_staging_tag": "Name"},
        {"validate_passed": True},
        {"cleanup_doomed": []},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_extra_variables_switch_nothing_off(account, tmp_path, extra):
    play = role("run", ALONE)
    code, output = run(account, tmp_path, [play], {}, "-e", json.dumps(extra))
    assert code != 0, output
    assert f"Given with -e: {next(iter(extra))}." in output
    (tmp_path / "extra.yml").write_text(yaml.safe_dump(extra))
    assert run(account, tmp_path, [play], {}, "-e", f"@{tmp_path / 'extra.yml'}")[0] != 0


def test_what_a_run_may_be_told(account, tmp_path):
    extra = {
        "sync_run_id": "mine-1",
        "snapshot_id": "snap-0123456789abcdef0",
        "stagesync_max_lag": 5,
        "preview_documents": 3,
        "mongod_start_timeout": 60,
        "awx_job_id": 7,
        "ansible_aws_ssm_timeout": 50,
    }
    play = role("run", ALONE)
    play["tasks"].append({"ansible.builtin.debug": {"msg": "run {{ run_id }}"}})
    code, output = run(account, tmp_path, [play], {}, "-e", json.dumps(extra))
    assert code == 0, output
    assert "run mine-1" in output


def test_a_wrong_setting_of_one_host_stops_all(account, tmp_path):
    groups = {"mongodb_staging": "staging", "mongodb_secondary": "secondary"}
    plays = [role("run", WITH_PRODUCTION)]
    plays[0]["tasks"].append({"ansible.builtin.debug": {"msg": "went on"}})
    code, output = run(
        account, tmp_path, plays, {}, "-e", "stagesync_snapshot_kept=3", "-e", "stagesync_max_lag=-1", groups=groups
    )
    assert code != 0
    assert "stagesync_max_lag is '-1': it must be a whole number from 0 to 86400." in output
    assert "There is no setting stagesync_snapshot_kept: did you mean stagesync_snapshots_kept?" in output
    assert "went on" not in output


def tasks_of(item):
    """Every mapping in a YAML document, the plays and the tasks among them."""
    if isinstance(item, dict):
        yield item
    for child in item.values() if isinstance(item, dict) else item if isinstance(item, list) else ():
        yield from tasks_of(child)


def test_the_primary_is_never_a_target():
    """No play runs there and no task is sent there: its status is known through the secondary only."""
    files = [*ROOT.glob("playbooks/*.yml"), *ROOT.glob("roles/*/tasks/*.yml")]
    assert len(files) > 20
    allowed = {"localhost", "mongodb_secondary", "mongodb_staging"}
    for path in files:
        for task in tasks_of(yaml.safe_load(path.read_text())):
            assert set(str(task.get("hosts", "localhost")).split(":")) <= allowed, path
            assert task.get("delegate_to", "localhost") == "localhost", path
            assert not {"add_host", "ansible.builtin.add_host"} & set(task), path
