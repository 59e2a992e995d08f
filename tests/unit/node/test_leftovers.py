# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is seen as left by a run, what never is, and what happens when it cannot be removed."""

from __future__ import annotations

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils import leftovers
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import devices

ONE, TWO = "20261120T191300Z-1a2b", "manual-1"


class Host:
    """A host's directories in a temporary place, its mount table as text, and the commands that it was given."""

    def __init__(self, path):
        self.path = path
        self.places = leftovers.Places(str(path / "lib"), str(path / "run"))
        self.containers = ["mongo", "app"]
        self.mounted = []
        self.commands = []
        self.busy = 0
        self.slept = []
        (path / "lib").mkdir()
        (path / "lib" / "swap.json").write_text("{}")
        (path / "run" / "swap-check").mkdir(parents=True)
        (path / "proc" / "self").mkdir(parents=True)

    def left_by(self, run_id, *sides):
        for side in sides:
            self.containers.append(f"stagesync-{run_id}-{side}")
            point = self.path / "lib" / f"{run_id}-{side}"
            point.mkdir()
            self.mounted.append(str(point))
            (self.path / "run" / run_id / side).mkdir(parents=True)

    def run(self, argv):
        self.commands.append(argv)
        if argv[:2] == ["docker", "ps"]:
            return 0, "\n".join(self.containers) + "\n", ""
        if argv[:2] == ["docker", "rm"]:
            self.containers.remove(argv[-1])
        if argv[0] == "umount":
            if self.busy:
                self.busy -= 1
                return 32, "", f"umount: {argv[1]}: target is busy."
            self.mounted.remove(argv[1])
        return 0, "", ""

    def find(self, runs=None, keep=(), sides=leftovers.SIDES):
        table = "".join(f"{n} 1 259:{n} / {point} rw - xfs /dev/x rw\n" for n, point in enumerate(self.mounted, 30))
        (self.path / "proc" / "self" / "mountinfo").write_text(table)
        system = devices.System(proc=str(self.path / "proc"))
        return leftovers.find(runs, list(keep), self.places, self.run, system, sides)

    def remove(self, found):
        return leftovers.remove(found, self.run, self.slept.append)


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_a_host_without_leavings_has_nothing_to_show(host):
    host.mounted.append("/data/mongodb")
    assert host.find() == []


def test_a_host_that_never_held_a_run_is_no_error(host, tmp_path):
    host.places = leftovers.Places(str(tmp_path / "no"), str(tmp_path / "nothing"))
    assert host.find() == []


def test_everything_of_a_run_goes_and_nothing_else(host):
    host.left_by(ONE, "source", "clean")
    host.left_by(TWO, "source")
    host.mounted.append("/data/mongodb")
    removed = host.remove(host.find(runs=[ONE]))
    assert [one.kind for one in removed] == ["container"] * 2 + ["mount"] * 2 + ["directory"] * 2 + ["state"]
    assert {one.run_id for one in removed} == {ONE}
    assert host.containers == ["mongo", "app", f"stagesync-{TWO}-source"]
    assert host.mounted == [str(host.path / "lib" / f"{TWO}-source"), "/data/mongodb"]
    assert sorted(entry.name for entry in (host.path / "lib").iterdir()) == [f"{TWO}-source", "swap.json"]
    assert sorted(entry.name for entry in (host.path / "run").iterdir()) == [TWO, "swap-check"]
    assert host.find(runs=[ONE]) == []


def test_of_one_side_the_other_stays(host):
    host.left_by(ONE, "source", "clean")
    removed = host.remove(host.find(runs=[ONE], sides=["source"]))
    assert [one.kind for one in removed] == ["container", "mount", "directory", "state"]
    assert host.containers == ["mongo", "app", f"stagesync-{ONE}-clean"]
    assert host.mounted == [str(host.path / "lib" / f"{ONE}-clean")]
    assert [entry.name for entry in (host.path / "run" / ONE).iterdir()] == ["clean"]
    assert [one.kind for one in host.remove(host.find(runs=[ONE]))] == ["container", "mount", "directory", "state"]
    assert not (host.path / "run" / ONE).exists()


def test_without_runs_all_go_but_the_one_to_keep(host):
    host.left_by(ONE, "source")
    host.left_by(TWO, "clean")
    assert {one.run_id for one in host.find(keep=[TWO])} == {ONE}
    assert {one.run_id for one in host.find()} == {ONE, TWO}


@pytest.mark.parametrize("name", ["mongo", "stagesync-source", f"stagesync-{ONE}", f"stagesync-{ONE}-live", "x-source"])
def test_a_container_of_another_name_is_not_seen(host, name):
    host.containers.append(name)
    assert host.find() == []


@pytest.mark.parametrize("name", ["backup", f"{ONE}-live", "-source", "a_b-source"])
def test_a_directory_of_another_name_is_not_seen(host, name):
    (host.path / "lib" / name).mkdir()
    assert host.find() == []


def test_a_link_is_not_followed(host, tmp_path):
    (tmp_path / "precious" / "source").mkdir(parents=True)
    (tmp_path / "run" / ONE).symlink_to(tmp_path / "precious")
    (tmp_path / "lib" / f"{ONE}-source").symlink_to(tmp_path / "precious")
    assert host.find() == []


def test_the_innermost_mount_is_unmounted_first(host):
    host.left_by(ONE, "source")
    inner = str(host.path / "lib" / f"{ONE}-source" / "journal")
    host.mounted.append(inner)
    mounts = [one.name for one in host.find() if one.kind == "mount"]
    assert mounts == [inner, str(host.path / "lib" / f"{ONE}-source")]


def test_a_mount_that_is_busy_for_a_moment_is_tried_again(host):
    host.left_by(ONE, "source")
    host.busy = 3
    host.remove(host.find())
    assert host.mounted == []
    assert host.slept == [0.5] * 3


def test_a_mount_that_stays_busy_is_named_with_what_was_removed(host):
    host.left_by(ONE, "source")
    host.busy = 1000
    with pytest.raises(leftovers.LeftoverError, match=rf"mount .*{ONE}-source of run {ONE} .*target is busy") as error:
        host.remove(host.find())
    assert [one.kind for one in error.value.removed] == ["container"]
    assert (host.path / "lib" / f"{ONE}-source").exists()


def test_a_directory_that_is_not_empty_keeps_its_data(host):
    host.left_by(ONE, "source")
    precious = host.path / "lib" / f"{ONE}-source" / "data"
    precious.write_text("data")
    with pytest.raises(leftovers.LeftoverError, match="(?i)not empty"):
        host.remove(host.find())
    assert precious.read_text() == "data"


def test_a_docker_that_does_not_answer_is_said(host):
    host.run = lambda _argv: (1, "", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
    with pytest.raises(leftovers.LeftoverError, match="Docker cannot list its containers .Cannot connect"):
        host.find()


def test_a_command_that_is_not_there_is_said():
    with pytest.raises(leftovers.LeftoverError, match="The command no-such-command was not found on this host"):
        leftovers.command(["no-such-command"])
