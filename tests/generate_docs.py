"""Writes docs/masks.md and docs/rules.schema.json from the list of masks: `python tests/generate_docs.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.stagesync.aws.plugins.module_utils.masking import hooks, rules  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import BY_OPTIONS, MASKS, SAME, Mask  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.masking.words import LOCALES  # noqa: E402

INTRODUCTION = """<!-- Written by tests/generate_docs.py from the list of masks: do not edit. -->
# Masks

A rule names a path and a mask: `email: email`, or with options `born: {mask: date_shift, max_days: 90}`. Editors that
know `docs/rules.schema.json` complete and check a rule file as you write:

    # yaml-language-server: $schema=<path or URL of docs/rules.schema.json>

What holds for all of them:

- **Keyed.** A pseudonym is computed from the run's secret, the *domain* and the original (keyed BLAKE2b). One original
  has one pseudonym in one domain, wherever it stands: `users.email`, `orders.contact.email` and a map's keys agree. The
  domain is the mask's name unless the option `domain` says another; fields of different domains cannot be joined.
- **Different.** A masked value never equals its original, except where "may equal" below says when.
- **Nothing stays nothing.** A missing field stays missing; null, an empty text, array or sub-document stay, unless said
  otherwise below.
- **Arrays** are masked element by element, at any depth, unless a mask takes them whole.
- **Fail closed.** A value whose type or form a mask does not take becomes the constant of its type (see `redact`), and
  is counted as unexpected.
- **Unique** tells the types of which different values stay different. Before the copy, a mask that does not keep
  values apart is an error on a field of a unique index; on `_id` too.
- **Names of fields.** `visits.<key>: email` masks the names of a map's fields as text; its values have a rule of their
  own: `visits.*: keep`. Such a mask must keep text unique.

Defaults for the whole file:

```yaml
defaults:
  locale: de_DE                 # of masks that pick words
  date_shift: {max_days: 90}    # options of a mask
```
"""

SCHEMA_ID = "https://github.com/stagesync/stagesync.aws/raw/main/docs/rules.schema.json"
_PART = r"(?:[^\\.]|\\[.\\])+"


def _default(value) -> str:
    return "none" if value is None else "true" if value is True else "false" if value is False else str(value)


def _options(mask: Mask) -> list[str]:
    if not mask.options:
        return []
    lines = ["", "| option | what it says | values | default |", "|---|---|---|---|"]
    for name, option in mask.options.items():
        default = "required" if option.required else f"`{_default(option.default)}`"
        lines.append(f"| `{name}` | {option.summary} | {option.describe} | {default} |")
    return lines


def _gives(mask: Mask) -> str:
    if mask.gives == SAME:
        return "the original's type"
    return "what the options say" if mask.gives == BY_OPTIONS else ", ".join(mask.gives)


def section(mask: Mask) -> str:
    """What a reader needs to know of one mask."""
    unique = ", ".join(sorted(mask.keeps_unique)) or "no"
    lines = [
        f"## {mask.name}",
        "",
        mask.summary,
        "",
        f"    {mask.example}",
        "",
        f"- Takes: {', '.join(mask.types)}{' (an array as a whole)' if mask.whole else ''}. Gives: {_gives(mask)}.",
        f"- Unique: {unique}.",
        f"- May equal the original: {mask.may_equal or 'never'}.",
        f"- Null, missing, wrong type: {mask.null_and_wrong_types}",
    ]
    if mask.note:
        lines.append(f"- {mask.note}")
    return "\n".join([*lines, *_options(mask), ""])


def document() -> str:
    """docs/masks.md."""
    table = ["| mask | does | unique |", "|---|---|---|"]
    for mask in MASKS.values():
        unique = ", ".join(sorted(mask.keeps_unique)) or "no"
        table.append(f"| [`{mask.name}`](#{mask.name}) | {mask.summary} | {unique} |")
    locales = f"Locales: {', '.join(LOCALES)}."
    return "\n".join([INTRODUCTION + locales, "", *table, "", *(section(mask) for mask in MASKS.values())])


def _mask_schema(mask: Mask) -> dict:
    properties = {"mask": {"enum": ["null", None]} if mask.name == "null" else {"const": mask.name}}
    for name, option in mask.options.items():
        default = {} if option.required or option.default is None else {"default": option.default}
        properties[name] = {"description": option.summary, **option.schema, **default}
    required = [name for name, option in mask.options.items() if option.required]
    return {
        "type": "object",
        "description": mask.summary,
        "required": ["mask", *required],
        "properties": properties,
        "additionalProperties": False,
    }


def _defaults_schema() -> dict:
    properties = {"locale": {"enum": list(LOCALES)}}
    for mask in MASKS.values():
        options = {name: dict(option.schema) for name, option in mask.options.items() if not option.required}
        properties[mask.name] = {"type": "object", "properties": options, "additionalProperties": False}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _shape(required: list[str], **properties: dict) -> dict:
    """A collection that is a mapping with these keys, beside `unlisted`."""
    known = {"unlisted": {"$ref": "#/$defs/unlisted"}, **properties}
    return {"type": "object", "required": required, "properties": known, "additionalProperties": False}


def _hooks_schema() -> dict:
    text = {"type": "string", "minLength": 1}
    which = {"type": "object", "description": "a query filter; {} for all documents"}
    operators = {name: {"type": "object", "minProperties": 1} for name in hooks.OPERATORS}
    stages = [{"required": [name], "properties": {name: {}}, "additionalProperties": False} for name in hooks.STAGES]
    change = {
        "update": {"type": "object", "minProperties": 1, "properties": operators, "additionalProperties": False},
        "pipeline": {"type": "array", "minItems": 1, "items": {"type": "object", "anyOf": stages}},
    }
    update = [
        {
            "type": "object",
            "required": ["filter", name],
            "properties": {"filter": which, name: value},
            "additionalProperties": False,
        }
        for name, value in change.items()
    ]
    actions = {
        "delete": which,
        "update": {"anyOf": update},
        "aggregate": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "minProperties": 1, "maxProperties": 1},
        },
    }
    named = {"name": {**text, "pattern": f"^{hooks.NAME}$"}, "database": text, "collection": text}
    return {
        "description": "what is changed on the clean copy before staging serves it (docs/hooks.md)",
        "type": "array",
        "items": {
            "anyOf": [
                {
                    "type": "object",
                    "required": [*hooks.KEYS, name],
                    "properties": {**named, name: value},
                    "additionalProperties": False,
                }
                for name, value in actions.items()
            ]
        },
    }


def schema() -> dict:
    """docs/rules.schema.json."""
    plain = [name for name, mask in MASKS.items() if not any(option.required for option in mask.options.values())]
    where, sample, fields = ({"$ref": f"#/$defs/{name}"} for name in ("where", "sample", "fields"))
    left = _shape(["action"], action={"enum": ["drop", "empty"]})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Masking rules of stagesync.aws",
        "type": "object",
        "required": ["version", "databases"],
        "properties": {
            "version": {"const": rules.VERSION},
            "unlisted": {"$ref": "#/$defs/unlisted"},
            "defaults": _defaults_schema(),
            "databases": {"type": "object", "additionalProperties": {"$ref": "#/$defs/database"}},
            "hooks": _hooks_schema(),
        },
        "additionalProperties": False,
        "$defs": {
            "unlisted": {
                "description": "what happens to what no rule names: the run stops, it is left behind, it gets out",
                "enum": list(rules.UNLISTED),
            },
            "database": {
                "type": "object",
                "required": ["collections"],
                "properties": {
                    "unlisted": {"$ref": "#/$defs/unlisted"},
                    "collections": {
                        "type": "object",
                        "propertyNames": {"minLength": 1},
                        "patternProperties": {
                            r"\.chunks$": {"$ref": "#/$defs/chunks"},
                            r"(?<!\.chunks)$": {"$ref": "#/$defs/collection"},
                        },
                    },
                },
                "additionalProperties": False,
            },
            "collection": {
                "anyOf": [
                    {"enum": list(rules.ACTIONS)},
                    _shape(["fields"], fields=fields, where=where, sample=sample),
                    _shape(["action"], action={"const": "keep"}, where=where, sample=sample),
                    left,
                ]
            },
            "chunks": {
                "description": "GridFS: `contents` keeps the files' bytes, drops them, or puts zeros in their place",
                "anyOf": [
                    {"enum": ["drop", "empty"]},
                    _shape(
                        ["contents"],
                        contents={"enum": ["keep", "replace"]},
                        fields={"$ref": "#/$defs/paths"},
                        where=where,
                        sample=sample,
                    ),
                    _shape(["contents"], contents={"const": "drop"}),
                    left,
                ],
            },
            "where": {
                "description": "a query filter: other documents are not copied",
                "type": "object",
                "minProperties": 1,
            },
            "sample": {
                "description": "the share of the documents that is copied",
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 1,
            },
            "fields": {"$ref": "#/$defs/paths", "minProperties": 1},
            "paths": {
                "type": "object",
                "propertyNames": {"pattern": rf"^{_PART}(?:\.{_PART})*$"},
                "additionalProperties": {"$ref": "#/$defs/rule"},
            },
            "rule": {
                "anyOf": [
                    {"enum": [*plain, None], "description": "the name of a mask"},
                    *(_mask_schema(mask) for mask in MASKS.values()),
                ]
            },
        },
    }


def files() -> dict[Path, str]:
    """Every generated file with what it must hold."""
    return {
        ROOT / "docs" / "masks.md": document(),
        ROOT / "docs" / "rules.schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
