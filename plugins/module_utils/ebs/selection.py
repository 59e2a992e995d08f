# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The choice among EBS snapshots: pure functions over plain data, with the clock passed in.

Snapshots that carry the same `stagesync:set` and `stagesync:run` are one *set*: the volumes of one database at one
moment. A set is chosen whole or not at all. A snapshot without these tags is a set of its own, and counts only where no
tagged one does.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone

TAG_RUN = "stagesync:run"
TAG_SET = "stagesync:set"
TAG_SIZE = "stagesync:set-size"
TAG_KIND = "stagesync:kind"
TAG_INSTANCE = "stagesync:source-instance"
TAG_VOLUME = "stagesync:source-volume"

# CreateSnapshots starts all at once; what started further apart was not made by one call.
_ONE_MOMENT_SECONDS = 60


class SelectionError(Exception):
    """One sentence: what cannot be chosen, why, what to do."""


def parse_time(text: str) -> datetime:
    """An ISO 8601 time or date; UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise SelectionError(f"{text!r} is not a time: write it as 2026-11-20T19:30:00Z or 2026-11-20.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def format_time(moment: datetime) -> str:
    """UTC with milliseconds, as in 2026-11-20T19:30:00.123Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def group(snapshots: list, now: datetime) -> list:
    """Put snapshots (as `snapshots.simplify` gives them) into sets, newest first."""
    members: dict = {}
    for snapshot in snapshots:
        tags = snapshot["tags"]
        tagged = tags.get(TAG_RUN) and tags.get(TAG_SET)
        key = (tags[TAG_SET], tags[TAG_RUN]) if tagged else (None, snapshot["snapshot_id"])
        members.setdefault(key, []).append(snapshot)
    sets = [_describe(name, run, found, now) for (name, run), found in members.items()]
    return sorted(sets, key=lambda entry: (parse_time(entry["start_time"]), entry["run_id"] or ""), reverse=True)


def choose(sets: list, position: int, states: list, before: str | None = None) -> tuple:
    """Pick the position-th newest (1 is the newest) of the sets that can be chosen.

    Returns (set, reason, passed over), where passed over is a list of {set, run_id, snapshot_ids, reason}.
    """
    usable, passed_over = _usable(sets, states, before)
    if not usable:
        raise SelectionError(_none(sets, passed_over))
    _refuse_ambiguous(usable)
    if position > len(usable):
        raise SelectionError(
            f"Number {position} counted from the newest was asked for, but only {len(usable)} can be chosen"
            f"{_why(passed_over)}: ask for a smaller number or widen the filters."
        )
    kind = "snapshot sets" if usable[0]["set"] else "snapshots"
    rank = {1: "newest", 2: "second newest"}.get(position, f"number {position} from the newest")
    reason = f"{rank} of {len(usable)} {kind} that can be chosen"
    if before:
        reason += f" and started before {before}"
    return usable[position - 1], reason, passed_over


def choose_id(sets: list, snapshot_id: str, states: list) -> tuple:
    """Pick the set that holds the snapshot; returns (set, reason)."""
    entry = next((entry for entry in sets if snapshot_id in entry["snapshot_ids"]), None)
    if entry is None:
        raise SelectionError(
            f"Snapshot {snapshot_id} does not exist in this region for this owner: correct the id, region or owner."
        )
    obstacle = _obstacle(entry, states, None)
    if obstacle:
        raise SelectionError(f"Snapshot {snapshot_id} cannot be chosen: {obstacle}; wait, or name another.")
    return entry, f"snapshot {snapshot_id} was asked for by id"


def check(
    chosen: dict,
    max_age_hours: float | None = None,
    require_encrypted: bool = False,
    min_size_gib: int | None = None,
    max_size_gib: int | None = None,
    named: bool = False,
) -> list:
    """Raise SelectionError when the chosen set breaks a limit; a limit never makes another set be chosen.

    Returns warnings: who has `named` a snapshot may have an old one.
    """
    warnings = []
    label = in_words(chosen)
    age = chosen["age_seconds"] / 3600
    if max_age_hours is not None and age > max_age_hours:
        old = f"{label} started {age:.1f} hours ago at {chosen['start_time']}, and max_age_hours is {max_age_hours:g}"
        if not named:
            raise SelectionError(f"{old}: take a new snapshot or raise the limit.")
        warnings.append(f"{old}; it was named, so it is taken.")
    for snapshot in chosen["snapshots"]:
        where = f"Snapshot {snapshot['snapshot_id']} of volume {snapshot['volume_id']}"
        size = snapshot["volume_size"]
        if require_encrypted and not snapshot["encrypted"]:
            raise SelectionError(f"{where} is not encrypted: encrypt the volume, or do not set require_encrypted.")
        if min_size_gib is not None and size < min_size_gib:
            raise SelectionError(f"{where} has {size} GiB, less than min_size_gib={min_size_gib}: check the choice.")
        if max_size_gib is not None and size > max_size_gib:
            raise SelectionError(f"{where} has {size} GiB, more than max_size_gib={max_size_gib}: check the choice.")
    return warnings


def prune_candidates(sets: list, keep: int, set_name: str, source_instance: str, protect: list) -> tuple:
    """The sets of one name and instance beyond the newest `keep` completed ones; returns (delete, kept).

    A protected set (by run id or snapshot id) and one with a pending snapshot are never deleted. Of sets that cannot be
    restored (incomplete, error) only those go that are older than every completed set that stays.
    """
    own = [entry for entry in sets if entry["set"] == set_name and entry["source_instance"] == source_instance]
    good = [entry for entry in own if entry["complete"] and entry["state"] == "completed"]
    if len(good) < keep:
        return [], own
    oldest = good[keep - 1]["start_time"]
    delete = [
        entry
        for entry in own
        if entry["start_time"] < oldest
        and not entry["pending"]
        and entry not in good[:keep]
        and not {entry["run_id"], *entry["snapshot_ids"]} & set(protect)
    ]
    return delete, [entry for entry in own if entry not in delete]


def _describe(name: str | None, run: str, found: list, now: datetime) -> dict:
    found = sorted(found, key=lambda snapshot: (snapshot["volume_id"], snapshot["snapshot_id"]))
    start = min(snapshot["start_time"] for snapshot in found)
    common = set.intersection(*(set(snapshot["tags"].items()) for snapshot in found))
    size = dict(common).get(TAG_SIZE, "") if name else "1"
    volumes = {snapshot["volume_id"] for snapshot in found}
    states = [snapshot["state"] for snapshot in found]
    return {
        "set": name,
        "run_id": run if name else None,
        "source_instance": dict(common).get(TAG_INSTANCE),
        "start_time": start,
        "age_seconds": max(0, int((now - parse_time(start)).total_seconds())),
        "expected_size": int(size) if size.isdecimal() else None,
        "complete": size.isdecimal() and len(found) == len(volumes) == int(size),
        "state": "error"
        if "error" in states
        else next((state for state in states if state != "completed"), "completed"),
        "pending": "pending" in states,
        "progress": min(snapshot["progress"] for snapshot in found),
        "snapshot_ids": [snapshot["snapshot_id"] for snapshot in found],
        "volume_ids": sorted(volumes),
        "tags": dict(sorted(common)),
        "snapshots": found,
    }


def _usable(sets: list, states: list, before: str | None) -> tuple:
    limit = parse_time(before) if before else None
    tagged = any(entry["set"] for entry in sets)
    usable, passed_over = [], []
    for entry in sets:
        stray = "not part of a set" if tagged and not entry["set"] else None
        obstacle = stray or _obstacle(entry, states, limit)
        if obstacle is None:
            usable.append(entry)
            continue
        passed_over.append({key: entry[key] for key in ("set", "run_id", "snapshot_ids")} | {"reason": obstacle})
    return usable, passed_over


def _obstacle(entry: dict, states: list, limit: datetime | None) -> str | None:
    if limit and parse_time(entry["start_time"]) >= limit:
        return "started too late"
    if entry["set"] and not entry["complete"]:
        return f"incomplete set ({len(entry['snapshot_ids'])} of {entry['expected_size'] or 'unknown'} snapshots)"
    if len({snapshot["tags"].get(TAG_INSTANCE) for snapshot in entry["snapshots"]}) > 1:
        return "snapshots of several instances"
    starts = [parse_time(snapshot["start_time"]) for snapshot in entry["snapshots"]]
    apart = (max(starts) - min(starts)).total_seconds()
    if apart > _ONE_MOMENT_SECONDS:
        return f"snapshots of several moments, {apart:.0f} s apart"
    for snapshot in entry["snapshots"]:
        if snapshot["state"] not in states:
            return f"state {snapshot['state']}"
        if snapshot["storage_tier"] == "archive":
            return "archived"
    return None


def _refuse_ambiguous(usable: list) -> None:
    names = sorted({entry["set"] for entry in usable if entry["set"]})
    if len(names) > 1:
        raise SelectionError(
            f"The filters match several snapshot sets ({', '.join(names)}): name one by the tag {TAG_SET} or by run_id."
        )
    volumes = sorted({volume for entry in usable for volume in entry["volume_ids"]})
    if not names and len(volumes) > 1:
        raise SelectionError(
            f"The filters match snapshots of several volumes ({', '.join(volumes)}) that no tags {TAG_SET} and"
            f" {TAG_RUN} join into sets: give volume_id or snapshot_id."
        )


def in_words(entry: dict) -> str:
    """A set as an error names it."""
    if entry["set"]:
        return f"Snapshot set {entry['set']} of run {entry['run_id']}"
    return f"Snapshot {entry['snapshot_ids'][0]}"


def _none(sets: list, passed_over: list) -> str:
    if not sets:
        return "No snapshot matches the filters: correct the filters, the region or the owner."
    return f"No snapshot can be chosen{_why(passed_over)}: wait for a pending one, or widen the filters."


def _why(passed_over: list) -> str:
    if not passed_over:
        return ""
    counts = Counter(entry["reason"] for entry in passed_over)
    return f" ({len(passed_over)} passed over: " + ", ".join(f"{n} {reason}" for reason, n in counts.items()) + ")"
