# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a copy remembers."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import state as module
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import State, file_system, secret_from


def test_the_key_stays_the_same_and_is_for_its_owner_only(tmp_path):
    path = tmp_path / "new" / "state"
    first = State(str(path))
    secret = first.open(memory_only=False).secret
    first.close()
    second = State(str(path))
    assert second.open(memory_only=False).secret == secret
    second.close()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(path / "key").st_mode) == 0o600


def test_a_given_key_is_not_written(tmp_path):
    state = State(str(tmp_path))
    assert state.open(b"k" * 32, memory_only=False).secret == b"k" * 32
    state.close()
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize(("secret", "rules"), [(b"o" * 32, "rules"), (b"k" * 32, "other rules")])
def test_what_another_key_or_other_rules_made_is_not_finished(tmp_path, secret, rules):
    state = State(str(tmp_path))
    state.open(b"k" * 32, "rules", memory_only=False)
    state.create({"a.b"}, [])
    state.finish(("a.b", {"documents": 1}))
    state.close()
    same, other = State(str(tmp_path)), State(str(tmp_path))
    same.look(b"k" * 32, "rules")
    other.look(secret, rules)
    assert same.finished == {"a.b": {"documents": 1}}
    assert other.finished == {}
    assert other.created == {"a.b"}


def test_a_path_on_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "file_system", lambda _path: "ext4")
    with pytest.raises(MongodbError, match="is on ext4: give a path on tmpfs"):
        State(str(tmp_path / "x")).open()
    assert not (tmp_path / "x").exists()


def test_the_file_system_is_that_of_the_nearest_mount():
    assert file_system(module.Path("/proc/self/no/such/thing")) == "proc"


def test_a_copy_that_is_repeated_waits_for_the_first_and_finds_its_work(tmp_path):
    first = State(str(tmp_path))
    first.open(b"k" * 32, memory_only=False)
    hold = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[first._lock])
    with ThreadPoolExecutor(1) as pool:
        second = State(str(tmp_path))
        opened = pool.submit(second.open, b"k" * 32, memory_only=False)
        first.finish(("a.b", {"documents": 1}))
        first.close()
        assert wait([opened], timeout=0.5).not_done  # a worker of the first still lives
        hold.communicate(b"\n")
        opened.result(timeout=10)
    assert second.finished == {"a.b": {"documents": 1}}
    second.close()


def test_a_damaged_state_is_one_sentence(tmp_path):
    (tmp_path / "state.jsonl").write_text("{\n")
    with pytest.raises(MongodbError, match="cannot be read"):
        State(str(tmp_path))


def test_a_short_key_is_refused_without_showing_it():
    with pytest.raises(MongodbError) as caught:
        secret_from("hunter2", "/masking/key")
    assert "hunter2" not in str(caught.value)
    assert len(secret_from("x" * 32, "/masking/key")) == 32
