# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the tags of a snapshot set say of the MongoDB files in it: how to open them, and which volume belongs where."""

from __future__ import annotations

import re

from .selection import SelectionError, in_words

_COMMON = {
    "stagesync:mongodb-version": r"\d+\.\d+\.\d+\S*",
    "stagesync:fcv": r"\d+\.\d+",
    "stagesync:directory-per-db": "true|false",
    "stagesync:directory-for-indexes": "true|false",
}
TAG_DBPATH, TAG_PLACE = "stagesync:dbpath", "stagesync:place"


def read(chosen: dict) -> dict:
    """Return {version, series, fcv, directory_per_db, directory_for_indexes, volumes} of a set.

    `volumes` are {snapshot_id, size_gib, place, relative_path}; the first holds the dbPath itself, its place is `.`.
    Raises SelectionError that says every tag that is missing or wrong.
    """
    problems = [problem for snapshot in chosen["snapshots"] for problem in _problems(snapshot)]
    first = chosen["snapshots"][0]["tags"]
    for tag in _COMMON:
        values = sorted({snapshot["tags"].get(tag, "") for snapshot in chosen["snapshots"]})
        if len(values) > 1:
            problems.append(f"tag {tag} differs within the set ({', '.join(map(repr, values))})")
    volumes = sorted((_volume(snapshot) for snapshot in chosen["snapshots"]), key=lambda volume: volume["place"] != ".")
    places = [volume["place"] for volume in volumes]
    if places.count(".") != 1 or len(set(places)) != len(places):
        problems.append(
            f"the volumes' places in the dbPath are {', '.join(places)}, where each has one of its own and one is '.'"
        )
    if problems:
        raise SelectionError(
            f"{in_words(chosen)} cannot be opened as MongoDB's files: {'; '.join(problems)}. Take one that the role"
            " snapshot made, or correct its tags."
        )
    version = first["stagesync:mongodb-version"]
    return {
        "version": version,
        "series": ".".join(version.split(".")[:2]),
        "fcv": first["stagesync:fcv"],
        "directory_per_db": first["stagesync:directory-per-db"] == "true",
        "directory_for_indexes": first["stagesync:directory-for-indexes"] == "true",
        "volumes": volumes,
    }


def _volume(snapshot: dict) -> dict:
    tags = snapshot["tags"]
    return {
        "snapshot_id": snapshot["snapshot_id"],
        "size_gib": snapshot["volume_size"],
        # A set of one volume before there were several says no place.
        "place": tags.get(TAG_PLACE, "."),
        "relative_path": tags.get(TAG_DBPATH, ""),
    }


def _problems(snapshot: dict) -> list:
    tags, where = snapshot["tags"], f"of snapshot {snapshot['snapshot_id']}"
    problems = []
    for tag, pattern in _COMMON.items():
        if tag not in tags:
            problems.append(f"tag {tag} {where} is missing")
        elif not re.fullmatch(pattern, tags[tag]):
            problems.append(f"tag {tag} {where} is {tags[tag]!r}")
    if TAG_DBPATH not in tags:
        problems.append(f"tag {TAG_DBPATH} {where} is missing")
    for tag in (TAG_DBPATH, TAG_PLACE):
        # They become paths on staging's host, for a mount and for Docker.
        path = tags.get(tag, ".")
        if not re.fullmatch(r"[^/:\0][^:\0]*", path) or ".." in path.split("/"):
            problems.append(f"tag {tag} {where} is {path!r}, no relative path")
    return problems
