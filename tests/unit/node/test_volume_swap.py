# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The swap, on real loop devices, XFS and a real mongod: what a user of staging sees, also when it is cut off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils import volume_swap

LIVE, NEXT = "vol-0aaaaaaaaaaaaaaa1", "vol-0bbbbbbbbbbbbbbb2"
USER = "staging-admin"
KILL = 'kill -9 "$CALLER"'


def assert_live(rig, volume_id, generation):
    assert rig.mounted() == volume_id
    assert rig.served() == generation
    assert rig.leftovers() == []


def assert_untouched(rig):
    assert_live(rig, LIVE, "old")
    assert rig.calls() == ["start"]
    assert rig.fstab_entry() == rig.former_line.split()
    assert not rig.journal.exists()


class TestSuccess:
    def test_the_new_volume_serves_and_fstab_names_it(self, rig):
        result = rig.swap(databases=["new"])
        assert result["changed"] is True
        assert_live(rig, NEXT, "new")
        options = "noatime,nofail,x-systemd.before=docker.service"
        assert rig.fstab_entry() == [f"UUID={rig.uuid(NEXT)}", str(rig.mount_point), "xfs", options, "0", "0"]
        assert rig.fstab.read_text().startswith("# the host's file systems\nUUID=1-2 / ext4 errors=remount-ro 0 1\n")
        assert (rig.home / "systemctl.calls").read_text() == "daemon-reload\n"
        assert 0 < result["outage_seconds"] < 15
        assert result["last_swap"]["state"] == "done"
        assert result["diff"] == {"before": {"live_volume": LIVE}, "after": {"live_volume": NEXT}}

    def test_the_new_data_gets_the_owner_of_the_old(self, rig):
        rig.swap()
        owners = {(os.stat(p).st_uid, os.stat(p).st_gid) for p in [rig.mount_point, *rig.mount_point.glob("*.bson")]}
        assert owners == {(4321, 4322)}

    def test_a_repeated_call_changes_nothing_and_still_tells_the_outage(self, rig):
        first = rig.swap()
        again = rig.swap()
        assert (again["changed"], again["outage_seconds"]) == (False, 0.0)
        assert again["last_swap"]["outage_seconds"] == first["outage_seconds"]
        assert rig.calls() == ["start", "stop", "start"]

    def test_the_way_back_is_the_same_swap(self, rig):
        rig.swap()
        result = rig.swap(to=LIVE, live=NEXT, databases=["old"])
        assert result["changed"] is True
        assert_live(rig, LIVE, "old")
        assert rig.fstab_entry()[0] == f"UUID={rig.uuid(LIVE)}"

    def test_a_server_that_is_down_can_be_swapped_away(self, rig):
        rig.docker("stop")
        result = rig.swap()
        assert result["outage_seconds"] is None
        assert_live(rig, NEXT, "new")

    def test_without_an_entry_one_is_added(self, rig):
        rig.fstab.write_text("")
        rig.swap()
        options = "defaults,nofail,x-systemd.before=docker.service"
        assert rig.fstab_entry() == [f"UUID={rig.uuid(NEXT)}", str(rig.mount_point), "xfs", options, "0", "0"]

    def test_a_uuid_that_is_there_twice_is_not_used_in_fstab(self, rig):
        twin = "vol-0ccccccccccccccc3"
        rig.attach(twin, rig.home / f"{NEXT}.img")
        subprocess.run(["xfs_admin", "-U", rig.uuid(NEXT), rig.loops[twin]], check=True, stdout=subprocess.DEVNULL)
        rig.swap()
        assert rig.fstab_entry()[0] == str(rig.link(NEXT))
        assert rig.swap()["changed"] is False

    def test_an_already_mounted_volume_whose_container_is_down_is_started(self, rig):
        rig.swap()
        rig.docker("stop")
        assert rig.swap()["changed"] is True
        assert_live(rig, NEXT, "new")


class TestCheckMode:
    def test_tells_the_change_and_makes_none(self, rig):
        result = rig.swap(check_mode=True)
        assert (result["changed"], result["outage_seconds"]) == (True, None)
        assert_untouched(rig)

    def test_finds_what_would_fail(self, rig):
        subprocess.run(["wipefs", "-qa", rig.loops[NEXT]], check=True)
        assert "carries no file system" in rig.swap(check_mode=True)["error"]

    def test_says_no_change_where_there_is_none(self, rig):
        rig.swap()
        assert rig.swap(check_mode=True)["changed"] is False


class TestRefused:
    """Nothing is changed, and one sentence says why."""

    def test_another_volume_is_live_than_expected(self, rig):
        error = rig.swap(live="vol-0ddddddddddddddd4")["error"]
        assert f"Volume {LIVE} is mounted" in error
        assert "vol-0ddddddddddddddd4 was expected" in error
        assert_untouched(rig)

    def test_the_volume_is_not_attached(self, rig):
        rig.link(NEXT).unlink()
        assert f"{NEXT} is not attached" in rig.swap()["error"]
        assert_untouched(rig)

    def test_the_volume_holds_no_mongodb_data(self, rig):
        subprocess.run(["mkfs.xfs", "-qf", rig.loops[NEXT]], check=True)
        error = rig.swap()["error"]
        assert "holds no MongoDB data" in error
        assert "WiredTiger.wt" in error
        assert_untouched(rig)

    def test_the_volume_is_mounted_elsewhere(self, rig, tmp_path):
        other = tmp_path / "other"
        other.mkdir()
        subprocess.run(["mount", rig.loops[NEXT], other], check=True)
        assert f"still mounted at {other}" in rig.swap()["error"]
        subprocess.run(["umount", other], check=True)
        assert_untouched(rig)

    def test_the_relative_dbpath_is_not_the_containers(self, rig):
        assert "has its dbPath at" in rig.swap(relative_dbpath="db")["error"]
        assert_untouched(rig)

    def test_someone_else_uses_the_mount_point(self, rig):
        shell = subprocess.Popen(["sleep", "60"], cwd=rig.mount_point)
        try:
            assert f"in use by process {shell.pid} (sleep)" in rig.swap()["error"]
        finally:
            shell.kill()
            shell.wait()
        assert_untouched(rig)

    def test_fstab_names_the_mount_point_twice(self, rig):
        text = rig.fstab.read_text()
        rig.fstab.write_text(text + rig.former_line + "\n")
        assert "has 2 entries" in rig.swap()["error"]
        assert_live(rig, LIVE, "old")


class TestSwapsBack:
    """After the stop, every failure ends with the former data serving again."""

    def assert_swapped_back(self, rig, result, reason):
        assert result["rolled_back"] is True
        assert result["serving"] is True
        assert reason in result["reason"]
        assert reason in result["error"]
        assert result["volume_id"] == LIVE
        assert result["failed_volume_id"] == NEXT
        assert result["outage_seconds"] > 0
        assert_live(rig, LIVE, "old")
        assert rig.fstab_entry() == rig.former_line.split()
        assert json.loads(rig.journal.read_text())["state"] == "reverted"

    def test_the_expected_database_is_missing(self, rig):
        result = rig.swap(databases=["new", "shop"])
        self.assert_swapped_back(rig, result, "does not hold the database shop")

    def test_the_server_does_not_start_on_the_new_data(self, rig):
        where = rig.home / "other"
        where.mkdir()
        subprocess.run(["mount", rig.loops[NEXT], where], check=True)
        (where / "storage.bson").write_bytes(b"broken" * 1000)
        subprocess.run(["umount", where], check=True)
        result = rig.swap()
        self.assert_swapped_back(rig, result, "stopped by itself")

    def test_the_new_server_does_not_know_the_user(self, rig):
        with rig.client() as client:
            client.admin.command("updateUser", USER, pwd="changed since")
        rig.password = "changed since"
        result = rig.swap()
        self.assert_swapped_back(rig, result, "refused the user name or password")

    def test_no_answer_in_time(self, rig):
        rig.hook("start-after", f"kill -STOP $(cat {rig.home}/mongod.pid)")
        process = rig.spawn(health_timeout=3)
        wait_for_step(rig, "reverting")
        os.kill(int((rig.home / "mongod.pid").read_text()), signal.SIGCONT)
        output, _errors = process.communicate(timeout=60)
        self.assert_swapped_back(rig, json.loads(output), "no healthy answer within 3 seconds")

    def test_the_mount_point_stays_busy(self, rig):
        rig.hook(
            "stop-after", f"cd {rig.mount_point} && setsid sleep 40 >/dev/null 2>&1 & echo $! > {rig.home}/busy.pid"
        )
        result = rig.swap()
        os.kill(int((rig.home / "busy.pid").read_text()), signal.SIGKILL)
        self.assert_swapped_back(rig, result, "cannot be unmounted, it is in use by process")

    def test_a_mount_point_that_is_busy_for_a_moment_is_waited_for(self, rig):
        rig.hook("stop-after", f"cd {rig.mount_point} && setsid sleep 1 >/dev/null 2>&1 &")
        assert rig.swap()["changed"] is True
        assert_live(rig, NEXT, "new")

    def test_the_mount_fails(self, rig):
        rig.script(
            "mount",
            f'case "$*" in *{rig.mount_point}) [ -e {rig.home}/once ] || {{ touch {rig.home}/once;'
            f' echo "mount: bad superblock" >&2; exit 32; }};; esac; exec /bin/mount "$@"',
        )
        self.assert_swapped_back(rig, rig.swap(), "bad superblock")

    def test_it_is_asked_to_end(self, rig):
        rig.hook("stop-after", 'kill -TERM "$CALLER"')
        self.assert_swapped_back(rig, rig.swap(), "interrupted by a signal")

    def test_a_lost_terminal_does_not_stop_it(self, rig):
        rig.hook("stop-after", 'kill -HUP "$CALLER"')
        assert rig.swap()["changed"] is True
        assert_live(rig, NEXT, "new")

    def test_the_way_back_fails_too_and_the_next_call_goes_on(self, rig):
        rig.script(
            "mount", f'case "$*" in *{rig.mount_point}) echo "mount: no luck" >&2; exit 32;; esac; exec /bin/mount "$@"'
        )
        result = rig.swap()
        assert result["rolled_back"] is False
        assert (
            "container mongo does not serve. Remove the cause on the host, then run playbooks/rollback.yml"
            in (result["error"])
        )
        (rig.home / "bin" / "mount").unlink()
        self.assert_swapped_back(rig, rig.swap(), "no luck")
        assert rig.swap()["changed"] is True
        assert_live(rig, NEXT, "new")

    def test_the_way_back_failed_too_and_is_then_asked_for(self, rig):
        match = f"*{rig.mount_point}"
        rig.script("mount", f'case "$*" in {match}) echo "mount: no luck" >&2; exit 32;; esac; exec /bin/mount "$@"')
        rig.swap()
        places = volume_swap.Places(**rig.config()["places"])
        swap = volume_swap.unfinished("mongo", places)
        assert (swap["previous_volume_id"], swap["volume_id"]) == (LIVE, NEXT)
        assert "no luck" in swap["reason"]
        assert volume_swap.unfinished("another", places) is None
        again = rig.swap(to=LIVE, live=NEXT)
        assert again["error"].startswith(f"Swapping back to {LIVE} failed (`mount ")
        assert "container mongo does not serve. Remove the cause on the host, then run it again." in again["error"]
        (rig.home / "bin" / "mount").unlink()
        assert rig.swap(to=LIVE, live=NEXT)["volume_id"] == LIVE
        assert_live(rig, LIVE, "old")
        assert volume_swap.unfinished("mongo", places) is None


class TestCutOff:
    """Killed at any point, as by a power cut; the same call again ends with one volume live and serving."""

    @pytest.mark.parametrize("where", ["stop-before", "stop-after", "start-before", "start-after"])
    def test_killed_around_a_docker_command_then_repeated(self, rig, where):
        rig.hook(where, KILL)
        assert rig.swap()["killed"] == -signal.SIGKILL
        result = rig.swap()
        assert result["changed"] is True
        assert result["outage_seconds"] > 0
        assert_live(rig, NEXT, "new")
        assert json.loads(rig.journal.read_text())["state"] == "done"

    @pytest.mark.parametrize("command", ["umount", "mount", "systemctl"])
    def test_killed_around_a_mount_command_then_repeated(self, rig, command):
        match = "*daemon-reload*" if command == "systemctl" else f"*{rig.mount_point}"
        real = "true" if command == "systemctl" else f'/bin/{command} "$@"'
        once = rig.home / "once"
        rig.script(
            command,
            f'case "$*" in {match}) [ -e {once} ] || {{ touch {once}; {real}; kill -9 $PPID; }};; esac; exec {real}',
        )
        assert rig.swap()["killed"] == -signal.SIGKILL
        assert rig.swap()["changed"] is True
        assert_live(rig, NEXT, "new")

    def test_killed_then_taken_back_by_a_rollback(self, rig):
        rig.hook("start-before", KILL)
        rig.swap()
        assert rig.swap(to=LIVE, live=NEXT)["changed"] is True
        assert_live(rig, LIVE, "old")
        assert rig.fstab_entry() == rig.former_line.split()

    def test_killed_then_the_new_volume_is_gone(self, rig):
        rig.hook("stop-after", KILL)
        rig.swap()
        rig.link(NEXT).unlink()
        result = rig.swap()
        assert result["rolled_back"] is True
        assert f"{NEXT} is not attached" in result["error"]
        assert_live(rig, LIVE, "old")

    def test_killed_while_swapping_back(self, rig):
        process = rig.spawn(databases=["absent"])
        wait_for_step(rig, "reverting")
        process.kill()
        process.wait()
        result = rig.swap(databases=["absent"])
        assert result["rolled_back"] is True
        assert "does not hold the database absent" in result["reason"]
        assert_live(rig, LIVE, "old")

    def test_an_unfinished_swap_refuses_any_other(self, rig):
        rig.hook("stop-after", KILL)
        rig.swap()
        error = rig.swap(to="vol-0ddddddddddddddd4")["error"]
        assert f"from {LIVE} to {NEXT}" in error
        rig.swap()
        assert_live(rig, NEXT, "new")

    def test_a_journal_that_cannot_be_read_stops_everything(self, rig):
        rig.journal.write_text("{")
        assert str(rig.journal) in rig.swap()["error"]
        assert_live(rig, LIVE, "old")


class TestTwoAtOnce:
    def test_both_report_the_one_swap(self, rig):
        rig.hook("stop-before", "sleep 1")
        first = rig.spawn()
        wait_for_step(rig, "stopping")
        second = rig.spawn()
        results = [json.loads(process.communicate(timeout=60)[0]) for process in (first, second)]
        assert [r["changed"] for r in results] == [True, True]
        assert results[0]["outage_seconds"] == results[1]["outage_seconds"]
        assert rig.calls() == ["start", "stop", "start"]
        assert_live(rig, NEXT, "new")

    def test_a_repeated_call_does_not_try_a_failed_swap_a_second_time(self, rig):
        rig.hook("stop-before", "sleep 1")
        first = rig.spawn(databases=["absent"])
        wait_for_step(rig, "stopping")
        second = rig.spawn(databases=["absent"])
        results = [json.loads(process.communicate(timeout=60)[0]) for process in (first, second)]
        assert [r["rolled_back"] for r in results] == [True, True]
        assert "does not hold the database absent" in results[1]["error"]
        assert rig.calls() == ["start", "stop", "start", "stop", "start"]
        assert_live(rig, LIVE, "old")


def wait_for_step(rig, step):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if rig.journal.exists():
            journal = json.loads(rig.journal.read_text())
            if step in (journal["step"], journal["state"]):
                return
        time.sleep(0.01)
    raise AssertionError(f"the swap never came to {step}")
