# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Waiting for a module: in real runs of ansible-playbook, and with a connection that fails in every way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.stagesync.aws.plugins.plugin_utils import waiting

ROOT = Path(__file__).resolve().parents[3]
FEW, MANY = {"async": 60, "poll": 1}, {"async": 3, "poll": 1}
# name: (options, keywords of the task)
CASES = {
    "works": ({"seconds": 12, "said": "ü" * 5000}, FEW),
    "works at once": ({"said": "done"}, FEW),
    "fails": ({"seconds": 1, "end": "fail"}, FEW),
    "crashes": ({"seconds": 1, "end": "crash"}, FEW),
    "killed": ({"seconds": 60, "end": "kill"}, FEW),
    "lost": ({"seconds": 4, "end": "lose"}, FEW),
    "too long": ({"seconds": 60}, MANY),
    "beside": ({"seconds": 7, "said": "done"}, {}),
    "beside fails": ({"end": "fail"}, {}),
    "unknown option": ({"sceonds": 1}, FEW),
    "check mode": ({"said": "done"}, {**FEW, "check_mode": True}),
    "not waited for": ({"said": "done"}, {"async": 60, "poll": 0}),
}


def slug(name):
    return name.replace(" ", "_")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One run with a task for every case: what each returned, the output, and what was left behind."""
    home = tmp_path_factory.mktemp("home")
    plugins = home / "collections/ansible_collections/stagesync/aws/plugins"
    for name in ("action", "modules"):
        (plugins / name).mkdir(parents=True)
    for name in ("callback", "module_utils", "plugin_utils"):
        (plugins / name).symlink_to(ROOT / "plugins" / name)
    (plugins / "action/slow.py").write_text((ROOT / "plugins/action/mongodb_anonymize.py").read_text())
    (plugins / "modules/slow.py").symlink_to(Path(__file__).with_name("slow.py"))
    tasks = [
        {
            "name": f"Slow | {name}",
            "stagesync.aws.slow": options,
            "register": slug(name),
            "ignore_errors": True,
            **keywords,
        }
        for name, (options, keywords) in CASES.items()
    ]
    results = "{{ {" + ", ".join(f"'{name}': {slug(name)}" for name in CASES) + "} | to_json }}"
    tasks.append({"ansible.builtin.copy": {"content": results, "dest": str(home / "results.json"), "mode": "0600"}})
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable},
        "tasks": tasks,
    }
    (home / "play.yml").write_text(yaml.safe_dump([play]))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", home / "play.yml"],
        cwd=ROOT,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(home),
            "ANSIBLE_ASYNC_DIR": str(home / "jobs"),
            "ANSIBLE_COLLECTIONS_PATH": str(home / "collections"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert (home / "results.json").exists(), done.stdout + done.stderr
    left = sorted(path.name.split("-")[0] for path in (home / "jobs").iterdir())
    return SimpleNamespace(results=json.loads((home / "results.json").read_text()), output=done.stdout, left=left)


def test_the_result_is_the_module_s_own(ran):
    works = ran.results["works"]
    assert (works["said"], works["changed"], works["failed"]) == ("ü" * 5000, True, False)
    assert ran.results["works at once"]["said"] == ran.results["beside"]["said"] == "done"
    for name in ("fails", "beside fails"):
        failed = ran.results[name]
        assert (failed["msg"], failed["details"], failed["failed"]) == ("It said why.", [1, 2], True), name


def test_lines_say_how_far_it_is_and_nothing_else_does(ran):
    shown = [line for line in ran.output.splitlines() if line.startswith("  working: ")]
    assert any(" of 1,200 things)" in line and "things/s" in line and "; estimate: " in line for line in shown), shown
    assert any(" of 700 things)" in line for line in shown), shown  # on the controller
    assert len(shown) < 8
    assert "ASYNC" not in ran.output


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("killed", "The result of the task on localhost is lost, since its process was killed: run it again to go on."),
        ("lost", "was removed: run it again to go on."),
        (
            "too long",
            "It was not done within its limit of 3 s on localhost and was ended: run it again to go on, or raise",
        ),
        ("unknown option", "Unsupported parameters for (stagesync.aws.slow) module: sceonds."),
    ],
)
def test_what_does_not_end_well_is_told_in_a_sentence(ran, case, said):
    assert ran.results[case]["failed"] is True
    assert said in ran.results[case]["msg"]


def test_a_module_that_crashes_fails_the_task(ran):
    assert ran.results["crashes"]["failed"] is True
    assert "no words" in json.dumps(ran.results["crashes"])


def test_check_mode_reaches_the_module(ran):
    assert (ran.results["check mode"]["check"], ran.results["works"]["check"]) == (True, False)


def test_who_does_not_wait_gets_the_job(ran):
    job = ran.results["not waited for"]
    assert (job["started"], job["finished"]) == (True, False)
    assert "said" not in job


def test_nothing_is_left_but_of_lost_jobs(ran):
    # The progress of the killed one and of the lost one, whose job Ansible wrote once more at its end, and the job that
    # nobody waited for.
    assert [name for name in ran.left if name == "stagesync"] == ["stagesync"] * 2
    assert len([name for name in ran.left if name.startswith("j")]) == 2


# ---- a connection that fails ----


class Action(waiting.ActionModule):
    """One whose connection gives these answers, a second each; an exception is raised, the last one again and again."""

    def __init__(self, clock, *answers):
        self.clock, self.answers, self.resets = clock, list(answers), 0
        self._play_context = SimpleNamespace(remote_addr="i-1")
        self._connection = SimpleNamespace(reset=self._reset)

    def _reset(self):
        self.resets += 1
        raise OSError("not there")

    def _low_level_execute_command(self, _command):
        self.clock.now += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"stdout": answer}


def seen(state="running", alive=True, boot="b1", progress=None):
    return json.dumps({"state": state, "alive": alive, "boot": boot, "progress": progress})


@pytest.fixture
def wait(monkeypatch):
    """Wait with such a connection; return it and what was heard."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(
        waiting,
        "time",
        SimpleNamespace(monotonic=lambda: clock.now, sleep=lambda seconds: setattr(clock, "now", clock.now + seconds)),
    )

    def run(*answers, limit=86400):
        action, heard = Action(clock, *answers), []
        teller = waiting.Teller("t", heard.append, lambda: clock.now)
        action._wait(["/root/jobs/j1.2", "/root/jobs/p"], limit, 5, teller)
        return action, clock.now

    return run


AWAY = AnsibleConnectionFailure("TargetNotConnected:\n i-1 is not connected.")


def test_a_connection_that_comes_back_is_waited_for(wait):
    action, _now = wait(seen(), AWAY, "garbage", '{"state": "running"}', seen(), seen("done"))
    assert action.resets == 3


def test_a_host_that_stays_away_is_told_in_time(wait):
    said = r"^i-1 did not answer for 15 min .*\(TargetNotConnected: i-1 is not connected\): see that it and"
    with pytest.raises(waiting.NoResult, match=said):
        wait(seen(), AWAY)


def test_the_host_s_silence_counts_from_its_last_answer(wait):
    _action, now = wait(*([AWAY] * 100 + [seen()]) * 3, seen("done"))
    assert now > 1500


def test_a_restarted_host_is_told(wait):
    with pytest.raises(waiting.NoResult, match="is lost, since the host was restarted: run it again"):
        wait(seen(), AWAY, seen(boot="b2"))


def test_a_task_that_ended_before_the_restart_counts(wait):
    wait(seen(), AWAY, seen("done", boot="b2", alive=False))


def test_a_process_may_be_seen_dead_before_its_result(wait):
    wait(seen(), seen(alive=False), seen(alive=False), seen("done", alive=False))
    with pytest.raises(waiting.NoResult, match="its process was killed"):
        wait(seen(), seen(alive=False))


@pytest.mark.parametrize("first", [AWAY, {"failed": True, "msg": "MODULE FAILURE", "_ansible_parsed": False}])
def test_a_result_that_the_connection_loses_is_read_again(monkeypatch, first):
    answers, cleaned = [first, {"failed": False, "said": "done"}], []

    def answer(task_vars):
        assert task_vars == {"a": 1}
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    action = Action(SimpleNamespace(now=0.0))
    status = SimpleNamespace(run=answer, cleanup=lambda force: cleaned.append(("force", force)))
    action._task = SimpleNamespace(check_mode=False, environment=[])
    action._loader = action._templar = None
    action._shared_loader_obj = SimpleNamespace(action_loader=SimpleNamespace(get=lambda *_names, **_more: status))
    monkeypatch.setattr(waiting.time, "sleep", lambda _seconds: None)
    assert action._patiently(lambda: action._result("j1.2", {"a": 1}), 5)["said"] == "done"
    assert (action.resets, cleaned) == (1, [("force", True)] * 2)


def test_a_watcher_that_does_not_end_the_task_is_not_waited_for(wait):
    with pytest.raises(waiting.NoResult, match="^It was not done within its limit of 10 min on i-1"):
        wait(seen(), limit=600)
