# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Every setting of the collection with what it may be, and which variables may be given with `-e`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "stagesync_"
# What the role report leaves to AWX, which gives it to the next job of a workflow as an extra variable.
ARTIFACT = "stagesync_report"


@dataclass(frozen=True)
class Setting:
    """What one setting may be.

    type        "int", "float", "bool", "str" or "list" (of strings)
    low, high   the range of a number; `zero` is allowed beside it
    choices     all that it may be
    pattern     what a text, or each text of a list, must match as a whole; `form` says it in words
    guard       part of the proof that the target is staging: the inventory's word, not the command line's
    """

    type: str
    low: float | None = None
    high: float | None = None
    zero: bool = False
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    form: str = "text that is not empty"
    guard: bool = False

    @property
    def allowed(self) -> str:
        """What it may be, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.type in ("int", "float"):
            kind = "a whole number" if self.type == "int" else "a number"
            return f"{kind} from {self.low} to {self.high}{', or 0' if self.zero else ''}"
        if self.type == "bool":
            return "true or false"
        return f"a list, each {self.form}" if self.type == "list" else self.form

    def fits(self, value: Any) -> bool:
        """Whether a value, which is text where it was given with -e name=value, will do."""
        if self.type in ("int", "float"):
            return self._fits_number(value)
        if self.type == "bool":
            return isinstance(value, bool) or str(value).lower() in _BOOLEANS
        if self.type == "list":
            # Roles split a text at its commas, as Ansible does.
            items = value.split(",") if isinstance(value, str) else value
            return isinstance(items, (list, tuple)) and all(self._fits_text(item) for item in items)
        return self._fits_text(value)

    def _fits_number(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return False
        whole = isinstance(value, int) or (isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value))
        if self.type == "int" and not whole:
            return False
        try:
            number = float(value)
        except (OverflowError, ValueError):
            return False
        return self.low <= number <= self.high or (self.zero and number == 0)

    def _fits_text(self, value: Any) -> bool:
        if not isinstance(value, str) or not value.strip():
            return False
        if self.choices:
            return value in self.choices
        return self.pattern is None or re.fullmatch(self.pattern, value) is not None


_BOOLEANS = ("true", "false", "yes", "no", "on", "off", "1", "0")
_PARAMETER = {
    "pattern": r"/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*(?::[A-Za-z0-9_.-]+)?",
    "form": "the name of an SSM parameter",
}
_REGION = {"pattern": r"[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}", "form": "an AWS region such as ap-south-1"}
_ACCOUNT = {"pattern": r"[0-9]{12}", "form": "an account id of 12 digits in quotes"}
# A month is more than any of them can need.
_LIMIT = {"low": 10, "high": 2592000}
_TAG = {"pattern": r"[\w .:/=+@-]{1,127}", "form": "1 to 127 letters, digits, spaces and _.:/=+@-", "guard": True}

# A setting that a role reads is here and in inventories/aws: a test sees to it.
SETTINGS: dict[str, Setting] = {
    "stagesync_allow_unencrypted": Setting("bool"),
    "stagesync_cache_gb": Setting("float", 0.25, 10000),
    "stagesync_compare": Setting("str", choices=("full", "sampled")),
    "stagesync_consistency": Setting("str", choices=("crash_consistent", "multi_volume", "fsync_lock")),
    "stagesync_container": Setting("str", pattern=r"[A-Za-z0-9][\w.-]*", form="the name of a container"),
    "stagesync_copy_timeout": Setting("int", **_LIMIT),
    "stagesync_discover_timeout": Setting("int", **_LIMIT),
    "stagesync_drill_timeout": Setting("int", **_LIMIT),
    "stagesync_drill_tolerance": Setting("float", 0, 100),
    "stagesync_drill_validate_seconds": Setting("int", 0, 86400),
    "stagesync_health_timeout": Setting("int", **_LIMIT),
    "stagesync_hooks_timeout": Setting("int", **_LIMIT),
    "stagesync_initialization_rate": Setting("int", 100, 300, zero=True),
    "stagesync_install_timeout": Setting("int", **_LIMIT),
    "stagesync_key_parameter": Setting("str", **_PARAMETER),
    "stagesync_kms_key_id": Setting("str", pattern=r"[\w:/-]+", form="the id, the ARN or the alias of a KMS key"),
    "stagesync_lock_limit": Setting("int", 1, 600),
    "stagesync_lock_prefix": Setting(
        "str", pattern=r"(?:/[A-Za-z0-9_.-]+){1,10}", form="a path such as /stagesync/lock"
    ),
    "stagesync_lock_stale_seconds": Setting("int", 60, 86400),
    "stagesync_masked_snapshot": Setting("bool"),
    "stagesync_max_lag": Setting("int", 0, 86400),
    "stagesync_parked_kept": Setting("int", 0, 100),
    "stagesync_password_parameter": Setting("str", **_PARAMETER),
    "stagesync_port": Setting("int", 1, 65535),
    "stagesync_preview_timeout": Setting("int", **_LIMIT),
    "stagesync_region": Setting("str", **_REGION),
    "stagesync_regions": Setting("list", pattern=r"[A-Z]{2}", form="two capital letters such as IN"),
    "stagesync_report_directory": Setting("str"),
    "stagesync_rules_file": Setting("str"),
    "stagesync_scan_size": Setting("int", 0, 10**9),
    "stagesync_set_name": Setting(
        "str", pattern=r"[A-Za-z0-9][\w.-]{0,99}", form="1 to 100 letters, digits, dots, dashes and underscores"
    ),
    "stagesync_share_masked_with": Setting("list", **_ACCOUNT),
    "stagesync_share_with": Setting("list", **_ACCOUNT),
    "stagesync_snapshot_max_age": Setting("float", 0, 3650),
    "stagesync_snapshot_price": Setting("float", 0, 1000),
    "stagesync_snapshot_timeout": Setting("int", **_LIMIT),
    "stagesync_snapshots_kept": Setting("int", 1, 1000),
    "stagesync_source_image": Setting("str", pattern=r"[\w./:@-]+", form="the name of an image"),
    "stagesync_source_owner": Setting("str", pattern=r"self|[0-9]{12}", form="self, or an account id of 12 digits"),
    "stagesync_source_region": Setting("str", **_REGION),
    "stagesync_staging_tag": Setting("str", **_TAG),
    "stagesync_staging_tag_value": Setting("str", **_TAG),
    "stagesync_start_timeout": Setting("int", **_LIMIT),
    "stagesync_stop_timeout": Setting("int", **_LIMIT),
    "stagesync_username_parameter": Setting("str", **_PARAMETER),
    "stagesync_validate_timeout": Setting("int", **_LIMIT),
    "stagesync_volume_price": Setting("float", 0, 1000),
    "stagesync_volume_size": Setting("int", 1, 65536, zero=True),
    "stagesync_volume_timeout": Setting("int", **_LIMIT),
    "stagesync_workers": Setting("int", 0, 1024),
}

_RUN_ID = {
    "pattern": r"[A-Za-z0-9][A-Za-z0-9-]{2,62}",
    "form": "3 to 63 letters, digits and dashes, not starting with a dash",
}
# Of the roles' own names, what a person says of one run.
FOR_ONE_RUN: dict[str, Setting] = {
    "discover_sample_size": Setting("int", 0, 10**9),
    "parked_volume_id": Setting("str", pattern=r"vol-(?:[0-9a-f]{8}|[0-9a-f]{17})", form="the id of a volume, vol-…"),
    "preview_documents": Setting("int", 1, 1000),
    "preview_show_originals": Setting("bool"),
    "restore_from_run_id": Setting("str", **_RUN_ID),
    "snapshot_id": Setting("str", pattern=r"snap-(?:[0-9a-f]{8}|[0-9a-f]{17})", form="the id of a snapshot, snap-…"),
    "sync_part": Setting("str", choices=("prepare", "promote")),
    "sync_run_id": Setting("str", **_RUN_ID),
}
# Of the roles' settings that need no name of their own: how long to wait and how often to look, in seconds.
_PATIENCE = re.compile(
    r"(?:anonymize|discover|drill|mongod|preview|promote|restore|snapshot|validate)(?:_[a-z]+)*_(?:timeout|poll_seconds)"
)
_SECONDS = Setting("int", 1, 2592000)
# What the inventory says of a host, what playbooks fix, and names that tell hosts and groups apart.
_FACTS = ("ec2", "sync")
_MAGIC = ("group_names", "groups", "hostvars", "inventory_dir", "inventory_hostname", "playbook_dir", "role_path")


def _setting(name: str) -> Setting | None:
    return SETTINGS.get(name) or FOR_ONE_RUN.get(name) or (_SECONDS if _PATIENCE.fullmatch(name) else None)


def checked(name: str) -> bool:
    """Whether a variable is one that `problems` looks at."""
    return name != ARTIFACT and (name.startswith(PREFIX) or _setting(name) is not None)


def forbidden(names: Iterable[str], roles: Iterable[str]) -> list[str]:
    """The names given with `-e` that would change what the roles find out for themselves, guards among them."""
    prefixes = tuple(f"{name}_" for name in (*roles, *_FACTS))
    return sorted(
        name
        for name in names
        if (name.startswith(prefixes) or name in _MAGIC or (name in SETTINGS and SETTINGS[name].guard))
        and name not in FOR_ONE_RUN
        and not _PATIENCE.fullmatch(name)
    )


def refusals(names: Iterable[str]) -> list[str]:
    """The sentences for forbidden ones."""
    guards = [name for name in names if name in SETTINGS]
    own = [name for name in names if name not in SETTINGS]
    found = []
    if guards:
        found.append(
            f"Given with -e: {', '.join(guards)}. That is part of the proof that the target is staging: "
            "say it in the inventory."
        )
    if own:
        found.append(
            f"Given with -e: {', '.join(own)}. Such variables are the collection's own, and a value from outside could "
            f"switch a guard off: leave them out. -e takes settings ({PREFIX}...) and {', '.join(FOR_ONE_RUN)}."
        )
    return found


def problems(values: Mapping[str, Any]) -> list[str]:
    """One sentence for each setting that is not known or not what it may be; `values` holds the `checked` ones."""
    found = []
    for name in sorted(values):
        setting, value = _setting(name), values[name]
        if setting is None:
            known = [setting[len(PREFIX) :] for setting in SETTINGS]
            close = difflib.get_close_matches(name[len(PREFIX) :], known, n=1)
            hint = f"did you mean {PREFIX}{close[0]}?" if close else f"known are {', '.join(SETTINGS)}."
            found.append(f"There is no setting {name}: {hint}")
        # Empty is as good as not given.
        elif value is not None and value != "" and not setting.fits(value):
            found.append(f"{name} is {_shown(value)}: it must be {setting.allowed}.")
    return found


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
