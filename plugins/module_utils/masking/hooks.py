# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hooks of a rule file: what is changed on the clean copy before anybody is served by it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.options import check_server_side, shown

KEYS = ("name", "database", "collection")
ACTIONS = ("delete", "update", "aggregate")
NAME = r"[^\n\r\t|`]{1,100}"
# A hook may run twice, after a run that was cut short: what would add up is not among these.
OPERATORS = ("$set", "$unset", "$rename", "$min", "$max", "$addToSet", "$pull", "$pullAll")
STAGES = ("$set", "$addFields", "$unset", "$project", "$replaceRoot", "$replaceWith")
WRITING = ("$merge", "$out")


@dataclass(frozen=True)
class Hook:
    """One hook, checked.

    action   "delete", "update" or "aggregate"
    filter   of delete and update: which documents
    change   of update the operators (a mapping) or a pipeline (a list); of aggregate the pipeline; None of delete
    """

    name: str
    database: str
    collection: str
    action: str
    line: int
    filter: Mapping[str, Any] | None = field(default=None, hash=False)
    change: Any = field(default=None, hash=False)

    @property
    def namespace(self) -> str:
        return f"{self.database}.{self.collection}"


def hook_from(given: Any, line: int) -> Hook:
    """A hook from a value of a rule file. Raises ValueError, worded after the hook's place."""
    if not isinstance(given, Mapping):
        raise ValueError(
            f"must be a mapping with {', '.join(KEYS)} and one of {', '.join(ACTIONS)}, not {shown(given)}"
        )
    for key in KEYS:
        if not isinstance(given.get(key), str) or not given[key]:
            raise ValueError(f"needs {key!r}, a text")
    if not re.fullmatch(NAME, given["name"]):
        raise ValueError("has a name that a report cannot hold: use 1 to 100 characters of one line, without | and `")
    unknown = [key for key in given if key not in KEYS + ACTIONS]
    actions = [key for key in given if key in ACTIONS]
    if unknown or len(actions) != 1:
        raise ValueError(f"has {', '.join(unknown + actions) or 'nothing'}: give exactly one of {', '.join(ACTIONS)}")
    action, value = actions[0], given[actions[0]]
    which, change = {"delete": _delete, "update": _update, "aggregate": _aggregate}[action](value, given["database"])
    return Hook(given["name"], given["database"], given["collection"], action, line, which, change)


def _delete(value: Any, _database: str) -> tuple:
    return _filter(value, "'delete'"), None


def _update(value: Any, _database: str) -> tuple:
    if not isinstance(value, Mapping) or set(value) not in ({"filter", "update"}, {"filter", "pipeline"}):
        raise ValueError("'update' needs 'filter', and either 'update' or 'pipeline'")
    which = _filter(value["filter"], "'filter'")
    if "update" in value:
        change, allowed = value["update"], OPERATORS
        if not isinstance(change, Mapping) or not change:
            raise ValueError(f"'update' must be operators such as {{$set: {{enabled: false}}}}, not {shown(change)}")
        names = list(change)
        for name in names:
            if name in allowed and not (isinstance(change[name], Mapping) and change[name]):
                raise ValueError(f"{name} needs the fields that it changes")
    else:
        change, allowed = value["pipeline"], STAGES
        names = [_stage(stage) for stage in _stages(change)]
    for name in names:
        if name not in allowed:
            raise ValueError(f"{name!r} is not among what a hook may do, which is safe to repeat: {', '.join(allowed)}")
    check_server_side(change)
    return which, change


def _aggregate(value: Any, database: str) -> tuple:
    stages = _stages(value)
    *before, last = stages
    check_server_side(before)
    writing = _stage(last)
    if writing not in WRITING:
        raise ValueError(f"'aggregate' must end in {' or '.join(WRITING)}, not {writing}")
    target = last[writing]
    if writing == "$merge" and isinstance(target, Mapping):
        check_server_side({key: item for key, item in target.items() if key != "into"})
        target = target.get("into")
    if isinstance(target, Mapping):
        if set(target) != {"db", "coll"} or not all(isinstance(item, str) and item for item in target.values()):
            raise ValueError(f"{writing} must name a collection, or {{db: ..., coll: ...}}")
        if target["db"] != database:
            raise ValueError(f"{writing} must write into the hook's own database {database}, not {target['db']}")
    elif not isinstance(target, str) or not target:
        raise ValueError(f"{writing} must name a collection")
    return None, value


def _filter(value: Any, what: str) -> Mapping:
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} must be a query filter such as {{status: queued}}, {{}} for all, not {shown(value)}")
    check_server_side(value)
    return value


def _stages(value: Any) -> list:
    if not isinstance(value, list) or not value:
        raise ValueError(f"a pipeline must be a list of stages, not {shown(value)}")
    return value


def _stage(value: Any) -> str:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError("a stage must have one name, such as {$set: {enabled: false}}")
    return next(iter(value))


def digest(hooks: Iterable[Hook]) -> str:
    """What changes when a hook does; "" without hooks."""
    content = [[hook.name, hook.namespace, hook.action, hook.filter, hook.change] for hook in hooks]
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest() if content else ""
