# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What stages leave behind them, the role report run on it by a real ansible-playbook, and a browser for the page."""

from __future__ import annotations

import copy
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
RUN = "20261121T204534Z-fbff"
SECONDARY, STAGING = "i-0b00000000000000b", "i-0c00000000000000c"
# What a database may call its collections and fields, and what an error may say.
HOSTILE = "<script>document.title=1</script><b onclick='x'>\"&{{ 7 * 6 }}{% endif %}\x1b[31m\u202e]]>\\"
LIVE, PARKED, SOURCE, OLD = (f"vol-{number:017x}" for number in (1, 2, 3, 4))
SNAPSHOT, PRUNED = f"snap-{1:017x}", f"snap-{2:017x}"


def stage(name, host, start, end, **more):
    """A record as the role stage makes it; seconds of 20:45."""
    moments = {"start": f"2026-11-21T20:45:{start:02}.000000Z", "end": f"2026-11-21T20:45:{end:02}.500000Z"}
    return {"stage": name, "host": host, **moments, "status": "passed", **more}


def failed(record, error=HOSTILE):
    """The same where it failed."""
    return {**record, "status": "failed", "task": "Promote | swap", "error": error}


def volume(name, kind, run_id, size=10):
    """As stagesync_status lists it."""
    return {"volume_id": name, "kind": kind, "run_id": run_id, "size_gib": size}


def check(name, ok=True):
    """A check of preflight."""
    return {"check": name, "ok": ok, "found": f"{HOSTILE} is wrong", "remedy": "Mend it"}


def sync():
    """The facts of each host after a sync that passed."""
    collection = {"database": "shop", "type": "collection", "seconds": 1.5, "indexes": 2, "evicted": 0}
    users = {
        **collection,
        "collection": "users",
        "documents": 30000,
        "bytes": 48841258,
        "masked": [{"path": "email", "mask": "email", "values": 29999, "unexpected_type": 1}],
    }
    hostile = {
        **collection,
        "collection": HOSTILE,
        "type": "capped",
        "documents": 7,
        "bytes": 900,
        "evicted": 3,
        "masked": [{"path": HOSTILE, "mask": "text", "values": 9, "unexpected_type": 0}],
    }
    view = {**collection, "collection": "active", "type": "view", "documents": 0, "bytes": 0, "masked": []}
    compared = {"documents_source": 30000, "documents_clean": 30000, "compared": 30000, "differences": 0, "evicted": 0}
    changed = {"changed": 6, "unchanged_allowed": 3, "unchanged": 0}
    snapshot = {
        "snapshot_id": SNAPSHOT,
        "volume_id": "vol-0fffffffffffffff0",
        "volume_size": 10,
        "start_time": "2026-11-21T20:45:16.000Z",
        "state": "completed",
    }
    node = {"server": {"version": "6.0.5"}, "storage": {}, "manifest": {"collections": []}}
    sets = [{"size_gib": 10}, {"size_gib": 12}]
    return {
        "localhost": {
            "stage_records": [stage("preflight", "localhost", 0, 10)],
            "preflight_checks": [check("credentials")],
        },
        SECONDARY: {
            "node_info": {**node, "replica_set": {"name": "rs0"}},
            "preflight_checks": [check("secondary's state")],
            "stage_records": [stage("preflight", SECONDARY, 0, 11), stage("snapshot", SECONDARY, 14, 20)],
            "snapshot_set": {"set": {"snapshots": [snapshot]}},
            "snapshot_pruned": {"deleted": [PRUNED]},
        },
        STAGING: {
            "node_info": {**node, "replica_set": None},
            "preflight_checks": [check("the target is staging")],
            "stage_records": [
                stage("preflight", STAGING, 0, 12),
                stage("lock", STAGING, 13, 13),
                stage("restore", STAGING, 20, 25),
                stage("anonymize", STAGING, 26, 38),
                stage("validate", STAGING, 39, 44),
                stage("promote", STAGING, 45, 49),
                stage("cleanup", STAGING, 50, 55),
                stage("lock", STAGING, 56, 56),
            ],
            "lock_taken": {
                "name": f"/stagesync/lock/{STAGING}",
                "holder": {"run_id": RUN, "owner": HOSTILE, "started": "2026-11-21T20:45:13Z"},
            },
            "lock_released": {"holder": None},
            "volume_made": [
                {"id": SOURCE, "kind": "source", "size_gib": 10, "run_id": RUN},
                {"id": LIVE, "kind": "clean", "size_gib": 20, "run_id": RUN},
            ],
            "anonymize_result": {
                "collections": [users, hostile, view],
                "dropped": [f"shop.{HOSTILE}"],
                "unlisted": [{"namespace": "shop.users", "path": HOSTILE, "documents": 5, "action": "drop"}],
            },
            "validate_result": {
                "mode": "full",
                "collections": [
                    {**compared, "database": "shop", "collection": "users", "masked": [{"path": "email", **changed}]},
                    {**compared, "database": "shop", "collection": HOSTILE, "masked": [{"path": HOSTILE, **changed}]},
                ],
                "differences": [],
            },
            "validate_scan": {"documents": 30007, "findings": []},
            "promote_hooks": {
                "hooks": [
                    {"name": HOSTILE, "namespace": "shop.jobs", "action": "delete", "matched": 4, "changed": 4},
                    {"name": "off", "namespace": "shop.x", "action": "aggregate", "matched": None, "changed": None},
                ]
            },
            "promote_swap": {
                "changed": True,
                "volume_id": LIVE,
                "previous_volume_id": PARKED,
                "last_swap": {"volume_id": LIVE, "previous_volume_id": PARKED},
                "outage_seconds": 1.228,
            },
            "cleanup_status": {
                "live": [volume(LIVE, "live", RUN, 20)],
                "parked": [volume(PARKED, "parked", "an-older-run"), volume(OLD, "parked", "the-oldest-run")],
                "snapshot_sets": sets,
                "masked_sets": [],
                "quarantine": {"volumes": [volume(SOURCE, "source", RUN)], "snapshots": []},
            },
            "cleanup_removed": [
                {"id": SOURCE, "kind": "source", "size_gib": 10, "run_id": RUN},
                {"id": OLD, "kind": "parked", "size_gib": 10, "run_id": "the-oldest-run"},
            ],
        },
    }


def only(facts, *stages):
    """The same of a run that came no further than these stages."""
    kept = copy.deepcopy(facts)
    for host in kept.values():
        host["stage_records"] = [record for record in host["stage_records"] if record["stage"] in stages]
    return kept


def without(facts, *names):
    """The same without what a stage that did not run would have left."""
    return {host: {name: value for name, value in left.items() if name not in names} for host, left in facts.items()}


OF_THE_COPY = ("volume_made", "anonymize_result", "validate_result", "validate_scan", "promote_hooks", "promote_swap")


class Written:
    """What the role left of one run."""

    def __init__(self, code, output, directory):
        self.code, self.output, self.directory = code, output, directory
        self.latest = directory / "latest"

    @property
    def document(self):
        return json.loads((self.latest / "report.json").read_text())

    @property
    def page(self):
        return (self.latest / "report.html").read_text()

    @property
    def artifact(self):
        """What AWX would show; ansible.cfg does not print it by itself."""
        line = next(line for line in self.output.splitlines() if "stagesync_report" in line)
        return json.loads(line.partition("RUN: ")[2])["stagesync_report"]


def ansible(folder, plays, *arguments):
    """Run these plays on the three hosts, all of them this machine; exit code and output."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {
        "all": {
            "vars": {"stagesync_rules_file": "none", "ansible_become": False},
            "hosts": {host: {**local, "ec2_instance_id": host} for host in (SECONDARY, STAGING)} | {"localhost": local},
            "children": {
                "mongodb_secondary": {"hosts": {SECONDARY: None}},
                "mongodb_staging": {"hosts": {STAGING: None}},
            },
        }
    }
    (folder / "hosts.yml").write_text(json.dumps(inventory))
    (folder / "play.yml").write_text(yaml.safe_dump(plays))
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
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SHOW_CUSTOM_STATS": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    return done.returncode, output


def report(folder, facts, kind, *arguments, lost=None, **settings):
    """Give each host its facts as stages do, from results and not from the inventory; then run the role."""
    (folder / "facts.json").write_text(json.dumps(facts))
    tasks = [
        {
            "ansible.builtin.set_fact": {"{{ item.key }}": "{{ item.value }}"},
            "loop": "{{ (lookup('ansible.builtin.file', facts_file) | from_json)[inventory_hostname] | dict2items }}",
            "loop_control": {"label": "{{ item.key }}"},
        },
        {"ansible.builtin.set_fact": {"run_id": RUN}},
    ]
    if lost:
        tasks.append(
            {
                "ansible.builtin.ping": None,
                "vars": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
                "when": f"inventory_hostname == '{lost}'",
            }
        )
    tasks.append(
        {
            "ansible.builtin.include_role": {"name": "stagesync.aws.report"},
            "vars": {"report_kind": kind},
            "when": "inventory_hostname == 'localhost'",
        }
    )
    play = {
        "hosts": "localhost:mongodb_secondary:mongodb_staging",
        "gather_facts": False,
        "vars": {
            "facts_file": str(folder / "facts.json"),
            "stagesync_report_directory": str(folder / "reports"),
            **settings,
        },
        "tasks": tasks,
    }
    return Written(*ansible(folder, [play], *arguments), folder / "reports")


def after_the_swap(facts):
    """Promote failed when staging served the new copy already."""
    records = facts[STAGING]["stage_records"]
    records[5] = failed(records[5])
    return facts


def reverted(facts):
    """Its swap failed and was undone."""
    facts = after_the_swap(facts)
    facts[STAGING]["promote_swap"] = {
        "failed": True,
        "msg": "no",
        "rolled_back": True,
        "serving": True,
        "volume_id": PARKED,
        "failed_volume_id": LIVE,
        "outage_seconds": 9.5,
    }
    facts[STAGING]["cleanup_removed"].append({"id": LIVE, "kind": "clean", "size_gib": 20, "run_id": RUN})
    facts[STAGING]["cleanup_status"]["live"] = [volume(PARKED, "live", "an-older-run")]
    facts[STAGING]["cleanup_status"]["parked"] = [volume(OLD, "parked", "the-oldest-run")]
    return facts


def refused(facts):
    """Preflight found something wrong."""
    facts = without(only(facts, "preflight"), *OF_THE_COPY, "cleanup_status", "cleanup_removed", "lock_taken")
    facts = without(facts, "lock_released", "snapshot_set", "snapshot_pruned")
    facts["localhost"]["preflight_checks"] = [check("credentials"), check("bucket", ok=False)]
    facts["localhost"]["stage_records"] = [failed(facts["localhost"]["stage_records"][0], "bucket: it is not there.")]
    return facts


def different(facts):
    """Validate found differences and personal data."""
    facts = without(only(facts, "preflight", "lock", "snapshot", "restore", "anonymize", "validate", "cleanup"),
                    "promote_swap", "promote_hooks")  # fmt: skip
    left = facts[STAGING]
    left["stage_records"][4] = failed(left["stage_records"][4], "They differ.")
    left["validate_result"]["collections"][1]["differences"] = 4
    left["validate_result"]["differences"] = [
        {"namespace": f"shop.{HOSTILE}", "path": HOSTILE, "what": "value not masked", "count": 4, "ids": []}
    ]
    left["validate_scan"]["findings"] = [
        {"namespace": "shop.users", "path": HOSTILE, "detector": "email", "count": 2, "example": "xxx@xxx.xx"}
    ]
    return facts


def checked(facts):
    """Check mode: preflight and the start of it."""
    facts = without(only(facts, "preflight", "lock", "snapshot"), *OF_THE_COPY)
    return without(facts, "cleanup_status", "cleanup_removed", "snapshot_set")


def lost(facts):
    """Staging's host was lost after validation: in the swap, that is."""
    facts = only(facts, "preflight", "lock", "snapshot", "restore", "anonymize", "validate")
    return without(facts, "promote_swap", "cleanup_status", "cleanup_removed")


def drill(facts):
    """A restore test that found less than there should be."""
    facts = without(only(facts, "preflight", "lock", "restore", "cleanup"), *OF_THE_COPY, "snapshot_set")
    chosen = {"snapshots": [sync()[SECONDARY]["snapshot_set"]["set"]["snapshots"][0]], "age_seconds": 122}
    facts[STAGING]["restore_choice"] = {"chosen": chosen}
    facts[STAGING]["drill_result"] = {
        "version": "6.0.5",
        "databases": 3,
        "collections": 22,
        "documents": 9007,
        "manifest_compared": True,
        "tolerance_percent": 5.0,
        "differences": [{"namespace": HOSTILE, "expected": 10, "found": None}],
        "validated": ["shop.users"],
        "invalid": [HOSTILE],
        "seconds": 0.1,
    }
    facts[STAGING]["stage_records"].insert(3, failed(stage("drill", STAGING, 26, 30), "It differs."))
    return facts


def rolled_back(facts):
    """Staging went back to its parked volume."""
    facts = without(only(facts, "preflight", "lock", "cleanup"), "anonymize_result", "validate_result", "validate_scan",
                    "promote_hooks", "snapshot_set", "snapshot_pruned", "volume_made", "cleanup_removed")  # fmt: skip
    facts[STAGING]["stage_records"].insert(2, stage("rollback", STAGING, 20, 24))
    return facts


PRICES = {"stagesync_volume_price": 0.08, "stagesync_snapshot_price": 0.05}
CASES = {
    "passed": (sync, "sync", (), PRICES),
    "failed after the swap": (lambda: after_the_swap(sync()), "sync", (), {}),
    "swapped back": (lambda: reverted(sync()), "sync", (), {}),
    "refused": (lambda: refused(sync()), "sync", (), {}),
    "different": (lambda: different(sync()), "sync", (), {}),
    "check mode": (lambda: checked(sync()), "sync", ("--check",), {}),
    "staging lost": (lambda: lost(sync()), "sync", (), {"lost": STAGING}),
    "rolled back": (lambda: rolled_back(sync()), "rollback", (), {}),
    "drill": (lambda: drill(sync()), "drill", (), {}),
    "no host": (lambda: {host: {} for host in sync()}, "cleanup", (), {}),
}


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """`rendered(case)`: what the role writes after such a run; each is run once."""
    made = {}

    def of(case):
        if case not in made:
            facts, kind, arguments, more = CASES[case]
            made[case] = report(tmp_path_factory.mktemp("report"), facts(), kind, *arguments, **more)
        return made[case]

    return of


class Browser:
    """Chromium without a window."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.count = binary, folder, 0

    def run(self, address, *arguments):
        """Load a page; what goes to its output, and what it logs."""
        self.count += 1
        done = subprocess.run(
            [
                self.binary,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--enable-logging=stderr",
                f"--user-data-dir={self.folder / str(self.count)}",
                *arguments,
                address,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A browser, where this machine has one: `make test` sees to it."""
    binary = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if binary is None:
        pytest.skip("no Chromium: apt-get install chromium-headless-shell")
    return Browser(binary, tmp_path_factory.mktemp("chromium"))


@pytest.fixture
def site(tmp_path):
    """A folder, and the address at which this machine serves it to itself."""
    handler = partial(Silent, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Silent(http.server.SimpleHTTPRequestHandler):
    """Tells nothing of its requests."""

    def log_message(self, *_arguments):
        """Nothing."""
