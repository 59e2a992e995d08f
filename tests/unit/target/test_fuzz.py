# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Random input to what reads rules, hooks and snapshots: an error of its own kind or a result, nothing else."""

from __future__ import annotations

import random
from datetime import datetime, timezone

from ansible_collections.stagesync.aws.plugins.module_utils.ebs import selection
from ansible_collections.stagesync.aws.plugins.module_utils.masking import hooks
from ansible_collections.stagesync.aws.plugins.modules import ebs_snapshot_info

from .test_settings import PIECES, anything

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
STATES = ["completed", "pending", "error", "recoverable"]
TIMES = ["2026-11-20T19:30:00.000Z", "2026-11-20T19:31:00.000Z", "2026-11-19T00:00:00.000Z"]


def snapshot(source: random.Random) -> dict:
    """A snapshot; one in three has tags that make no sense."""
    names = [selection.TAG_RUN, selection.TAG_SET, selection.TAG_SIZE, selection.TAG_INSTANCE, "Name"]
    tags = {name: source.choice(["1", "2", "a", *PIECES]) for name in source.sample(names, source.randrange(5))}
    if source.random() < 0.7:
        run = source.choice(["run-1", "run-2"])
        tags = {selection.TAG_RUN: run, selection.TAG_SET: "weekly", selection.TAG_SIZE: source.choice(["1", "2"])}
    return {
        "snapshot_id": f"snap-{source.randrange(30):017x}",
        "volume_id": f"vol-{source.randrange(3):017x}",
        "state": source.choice(["completed"] * 6 + STATES),
        "progress": source.randrange(101),
        "start_time": source.choice(TIMES),
        "volume_size": source.choice([1, 100, 16384]),
        "encrypted": source.random() < 0.5,
        "storage_tier": source.choice(["standard"] * 6 + ["archive"]),
        "tags": tags,
    }


def test_choice_of_a_snapshot():
    source = random.Random(23)
    chosen = refused = 0
    for _round in range(3000):
        sets = selection.group([snapshot(source) for _turn in range(source.randrange(6))], NOW)
        odd = source.random() < 0.2
        select = source.choice(PIECES if odd else ["latest", "previous", "1", "3"])
        before = source.choice(
            PIECES[1:] + ["0001-01-01T00:00:00+14:00"] if odd else [None, "2026-11-20", "2026-11-20T19:30:30Z"]
        )
        try:
            position = ebs_snapshot_info.position_of(select)
            entry, reason, _passed_over = selection.choose(sets, position, ["completed"], before)
            selection.check(entry, max_age_hours=source.choice([None, 0, 40]), min_size_gib=source.choice([None, 50]))
        except selection.SelectionError:
            refused += 1
            continue
        chosen += 1
        assert entry in sets
        assert reason
        assert all(item["state"] == "completed" for item in entry["snapshots"])
    assert chosen > 50
    assert refused > 50


def test_hooks():
    source = random.Random(5)
    words = [*hooks.KEYS, *hooks.ACTIONS, "filter", "pipeline", *hooks.OPERATORS, *hooks.WRITING, "into", "db", "coll"]

    def value(depth: int):
        if depth == 0 or source.random() < 0.2:
            return anything(source, 1)
        if source.random() < 0.3:
            return [value(depth - 1) for _turn in range(source.randint(0, 2))]
        return {source.choice(words): value(depth - 1) for _turn in range(source.randint(0, 3))}

    taken = 0
    for _round in range(10000):
        given = {"name": "n", "database": "a", "collection": "b", source.choice(hooks.ACTIONS): value(4)}
        if source.random() < 0.2:
            given = value(4)
        try:
            hook = hooks.hook_from(given, 1)
        except ValueError:
            continue
        taken += 1
        assert hook.action in hooks.ACTIONS
        assert len(hooks.digest([hook])) == 64
    assert taken > 100
