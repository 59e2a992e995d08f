# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which snapshots are one set, which set is chosen, which is refused, which may go."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import mongodb_tags, selection

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
COMPLETED = ["completed"]


def snapshot(number, day, run=None, volume="vol-1", set_name="weekly", size="1", instance="i-1", **more):
    tags = {"Name": "weekly-x"}
    if run:
        tags |= {"stagesync:set": set_name, "stagesync:run": run, "stagesync:source-instance": instance}
        tags |= {"stagesync:set-size": size} if size else {}
    return {
        "snapshot_id": f"snap-{number}",
        "volume_id": volume,
        "state": "completed",
        "progress": 100,
        "start_time": f"2026-11-{day:02d}T00:00:00.000Z",
        "volume_size": 10,
        "encrypted": True,
        "kms_key_id": None,
        "owner_id": "123456789012",
        "storage_tier": "standard",
        "description": "",
        "tags": tags,
        **more,
    }


def sets(*snapshots):
    return selection.group(list(snapshots), NOW)


THREE = (snapshot(1, 1, "r1"), snapshot(3, 15, "r3"), snapshot(2, 8, "r2"))


def test_snapshots_of_one_run_are_one_set():
    (entry,) = sets(
        snapshot(2, 9, "r1", volume="vol-2", size="2", progress=40, state="pending"),
        snapshot(1, 8, "r1", volume="vol-1", size="2"),
    )
    assert (entry["snapshot_ids"], entry["volume_ids"]) == (["snap-1", "snap-2"], ["vol-1", "vol-2"])
    assert (entry["complete"], entry["state"], entry["pending"], entry["progress"]) == (True, "pending", True, 40)
    assert entry["start_time"] == "2026-11-08T00:00:00.000Z"
    assert entry["age_seconds"] == 12.5 * 86400


@pytest.mark.parametrize(
    ("snapshots", "why"),
    [
        ([snapshot(1, 8, "r", size="2")], "a volume is missing"),
        ([snapshot(1, 8, "r", size="2"), snapshot(2, 8, "r", size="2")], "one volume twice"),
        ([snapshot(1, 8, "r", size=None)], "the size is not said"),
        ([snapshot(1, 8, "r", size="x")], "the size is no number"),
        ([snapshot(1, 8, "r"), snapshot(2, 8, "r", volume="vol-2")], "one too many"),
    ],
)
def test_a_set_that_is_not_whole_is_never_chosen(snapshots, why):
    found = sets(*snapshots)
    assert not found[0]["complete"], why
    with pytest.raises(selection.SelectionError, match="incomplete set"):
        selection.choose(found, 1, COMPLETED)
    with pytest.raises(selection.SelectionError, match="incomplete set"):
        selection.choose_id(found, "snap-1", COMPLETED)


@pytest.mark.parametrize(
    ("position", "before", "run", "reason"),
    [
        (1, None, "r3", "newest of 3 snapshot sets that can be chosen"),
        (2, None, "r2", "second newest of 3 snapshot sets that can be chosen"),
        (3, None, "r1", "number 3 from the newest of 3 snapshot sets that can be chosen"),
        (1, "2026-11-15", "r2", "newest of 2 snapshot sets that can be chosen and started before 2026-11-15"),
        (1, "2026-11-15T00:00:01Z", "r3", "newest of 3"),
        (1, "2026-11-15T05:00:00+05:30", "r2", "newest of 2"),
    ],
)
def test_the_nth_newest_is_chosen(position, before, run, reason):
    chosen, said, _passed_over = selection.choose(sets(*THREE), position, COMPLETED, before)
    assert chosen["run_id"] == run
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("newest", "reason"),
    [
        (snapshot(9, 19, "r9", state="pending"), "state pending"),
        (snapshot(9, 19, "r9", state="error"), "state error"),
        (snapshot(9, 19, "r9", storage_tier="archive"), "archived"),
        (snapshot(9, 19, "r9", size="2"), "incomplete set (1 of 2 snapshots)"),
        (snapshot(9, 19, volume="vol-root"), "not part of a set"),
    ],
)
def test_what_cannot_be_chosen_is_passed_over_and_said(newest, reason):
    chosen, said, passed_over = selection.choose(sets(*THREE, newest), 1, COMPLETED)
    assert chosen["run_id"] == "r3"
    assert "of 3 " in said
    assert [(entry["snapshot_ids"], entry["reason"]) for entry in passed_over] == [(["snap-9"], reason)]


def test_a_pending_set_can_be_asked_for():
    found = sets(*THREE, snapshot(9, 19, "r9", state="pending"))
    assert selection.choose(found, 1, ["completed", "pending"])[0]["run_id"] == "r9"


def test_untagged_snapshots_of_one_volume_can_be_chosen():
    chosen, reason, _passed_over = selection.choose(sets(snapshot(1, 1), snapshot(2, 2)), 1, COMPLETED)
    assert (chosen["snapshot_ids"], chosen["set"], chosen["run_id"]) == (["snap-2"], None, None)
    assert reason == "newest of 2 snapshots that can be chosen"


@pytest.mark.parametrize(
    ("snapshots", "position", "says"),
    [
        ([], 1, "No snapshot matches the filters"),
        ([snapshot(1, 1), snapshot(2, 2, volume="vol-2")], 1, r"several volumes \(vol-1, vol-2\)"),
        ([*THREE, snapshot(4, 3, "r4", set_name="daily")], 1, r"several snapshot sets \(daily, weekly\)"),
        (THREE, 4, "only 3 can be chosen"),
        (
            [snapshot(1, 1, "r1", state="pending"), snapshot(2, 2, "r2", state="pending"), snapshot(3, 3)],
            1,
            r"No snapshot can be chosen \(3 passed over: 1 not part of a set, 2 state pending\)",
        ),
    ],
)
def test_no_choice_and_an_ambiguous_one_are_errors(snapshots, position, says):
    with pytest.raises(selection.SelectionError, match=says):
        selection.choose(sets(*snapshots), position, COMPLETED)


def test_an_id_chooses_its_whole_set():
    pair = [snapshot(7, 2, "r7", size="2"), snapshot(8, 2, "r7", size="2", volume="vol-2")]
    chosen, reason = selection.choose_id(sets(*THREE, *pair), "snap-8", COMPLETED)
    assert chosen["snapshot_ids"] == ["snap-7", "snap-8"]
    assert reason == "snapshot snap-8 was asked for by id"


def test_an_id_that_is_unknown_or_pending_is_an_error():
    with pytest.raises(selection.SelectionError, match="snap-9 does not exist"):
        selection.choose_id(sets(*THREE), "snap-9", COMPLETED)
    with pytest.raises(selection.SelectionError, match="snap-9 cannot be chosen: state pending"):
        selection.choose_id(sets(snapshot(9, 1, "r", state="pending")), "snap-9", COMPLETED)


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"max_age_hours": 131}, "132.0 hours ago .*max_age_hours is 131"),
        ({"require_encrypted": True}, "snap-3 of volume vol-1 is not encrypted"),
        ({"min_size_gib": 11}, "10 GiB, less than"),
        ({"max_size_gib": 9}, "10 GiB, more than"),
    ],
)
def test_a_choice_that_breaks_a_limit_is_an_error(limit, says):
    (entry,) = sets(snapshot(3, 15, "r3", encrypted=False))
    with pytest.raises(selection.SelectionError, match=says):
        selection.check(entry, **limit)


def test_a_choice_within_all_limits_passes():
    (entry,) = sets(snapshot(3, 15, "r3"))
    limits = {"max_age_hours": 132, "require_encrypted": True, "min_size_gib": 10, "max_size_gib": 10}
    assert selection.check(entry, **limits) == []


def test_one_that_was_named_may_be_old():
    (entry,) = sets(snapshot(3, 15, "r3"))
    (warning,) = selection.check(entry, max_age_hours=131, named=True)
    assert "132.0 hours ago" in warning


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"start_time": "2026-11-08T00:01:01.000Z"}, "snapshots of several moments, 61 s apart"),
        ({"instance": "i-2"}, "snapshots of several instances"),
    ],
)
def test_a_set_of_several_moments_or_instances_is_never_chosen(change, says):
    found = sets(snapshot(1, 8, "r", size="2"), snapshot(2, 8, "r", size="2", volume="vol-2", **change))
    with pytest.raises(selection.SelectionError, match=says):
        selection.choose(found, 1, COMPLETED)
    with pytest.raises(selection.SelectionError, match=says):
        selection.choose_id(found, "snap-1", COMPLETED)


class TestMongodbTags:
    """What a set must say to be opened."""

    GOOD = {
        "stagesync:mongodb-version": "6.0.5",
        "stagesync:fcv": "6.0",
        "stagesync:dbpath": "mongodb/db",
        "stagesync:directory-per-db": "true",
        "stagesync:directory-for-indexes": "false",
    }

    def entry(self, *changes):
        found = [snapshot(n, 8, "r", volume=f"vol-{n}", size=str(len(changes))) for n, _change in enumerate(changes, 1)]
        for one, change in zip(found, changes):
            one["tags"] = {**one["tags"], **self.GOOD, **change}
            one["tags"] = {key: value for key, value in one["tags"].items() if value is not None}
        return sets(*found)[0]

    def test_a_set_of_one_volume(self):
        assert mongodb_tags.read(self.entry({})) == {
            "version": "6.0.5",
            "series": "6.0",
            "fcv": "6.0",
            "directory_per_db": True,
            "directory_for_indexes": False,
            "volumes": [{"snapshot_id": "snap-1", "size_gib": 10, "place": ".", "relative_path": "mongodb/db"}],
        }

    def test_the_dbpath_comes_first(self):
        found = mongodb_tags.read(self.entry({"stagesync:place": "journal", "stagesync:dbpath": "."}, {}))
        assert [(v["place"], v["relative_path"]) for v in found["volumes"]] == [(".", "mongodb/db"), ("journal", ".")]

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ([{"stagesync:mongodb-version": None}], "tag stagesync:mongodb-version of snapshot snap-1 is missing"),
            ([{"stagesync:mongodb-version": "6"}], "tag stagesync:mongodb-version of snapshot snap-1 is '6'"),
            ([{"stagesync:fcv": "None"}], "tag stagesync:fcv of snapshot snap-1 is 'None'"),
            ([{"stagesync:directory-per-db": "yes"}], "directory-per-db of snapshot snap-1 is 'yes'"),
            ([{"stagesync:dbpath": None}], "tag stagesync:dbpath of snapshot snap-1 is missing"),
            ([{"stagesync:dbpath": "/etc"}], "'/etc', no relative path"),
            ([{"stagesync:dbpath": "a/../../etc"}], "'a/../../etc', no relative path"),
            ([{"stagesync:place": "a:b"}], "'a:b', no relative path"),
            ([{}, {}], "places in the dbPath are ., ., where each has one of its own"),
            ([{"stagesync:place": "journal"}], "places in the dbPath are journal"),
            ([{}, {"stagesync:place": "j", "stagesync:fcv": "5.0"}], "stagesync:fcv differs within the set"),
        ],
    )
    def test_what_is_missing_or_wrong_is_said(self, changes, says):
        with pytest.raises(selection.SelectionError, match=re.escape(says)):
            mongodb_tags.read(self.entry(*changes))


def test_what_is_no_time_is_an_error():
    with pytest.raises(selection.SelectionError, match="'yesterday' is not a time"):
        selection.parse_time("yesterday")


def pruned(keep, protect, *snapshots):
    delete, kept = selection.prune_candidates(sets(*snapshots), keep, "weekly", "i-1", protect)
    return [entry["run_id"] for entry in delete], [entry["run_id"] for entry in kept]


OLD_HALF = snapshot(5, 2, "half", size="2")
NEW_HALF = snapshot(6, 18, "newhalf", size="2")
OLD_PENDING = snapshot(7, 3, "slow", state="pending")


@pytest.mark.parametrize(
    ("keep", "protect", "more", "gone", "stay"),
    [
        (3, [], [], [], ["r3", "r2", "r1"]),
        (2, [], [], ["r1"], ["r3", "r2"]),
        (1, [], [], ["r2", "r1"], ["r3"]),
        (1, ["r1"], [], ["r2"], ["r3", "r1"]),
        (1, ["snap-2"], [], ["r1"], ["r3", "r2"]),
        (9, [], [OLD_HALF], [], ["r3", "r2", "half", "r1"]),
        (2, [], [OLD_HALF], ["half", "r1"], ["r3", "r2"]),
        (3, [], [OLD_HALF], [], ["r3", "r2", "half", "r1"]),
        (1, [], [NEW_HALF], ["r2", "r1"], ["newhalf", "r3"]),
        (2, [], [OLD_PENDING], ["r1"], ["r3", "r2", "slow"]),
        (1, [], [snapshot(8, 1)], ["r2", "r1"], ["r3"]),
        (1, [], [snapshot(8, 1, "d", set_name="daily")], ["r2", "r1"], ["r3"]),
        (1, [], [snapshot(8, 1, "o", instance="i-2")], ["r2", "r1"], ["r3"]),
        (2, [], [snapshot(8, 19, "bad", state="error")], ["r1"], ["bad", "r3", "r2"]),
    ],
)
def test_only_old_sets_of_the_same_name_and_instance_are_pruned(keep, protect, more, gone, stay):
    assert pruned(keep, protect, *THREE, *more) == (gone, stay)
