"""Rule files: what they give, and everything that can be wrong with them."""

from __future__ import annotations

import datetime
import json
import random

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking import rules as rules_module
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import (
    RulesError,
    load_rules,
    parse_path,
    path_text,
    summary,
)

GOOD = r"""
version: 1
unlisted: fail
databases:
  shop:
    collections:
      users:
        unlisted: drop
        fields:
          _id: keep
          email: {mask: email, domain: person}
          name.first: {mask: first_name, locale: de_DE}
          name.full: {mask: template, template: "{name.first} & co"}
          born: {mask: date_shift, max_days: 30, person: _id}
          contacts.*.phone: phone
          contacts.<key>: email
          status: {mask: choice, values: [open, 1, no, 2024-01-01], weights: [1, 2.5, 0, 1]}
          score: {mask: expr, expression: {$add: [$a, {$literal: 1}]}}
          a\.b.$c: redact
          blood: null
          on: keep
      tmp_export: drop
      audit: keep
      logs: empty
      events:
        where: {at: {$gte: 2024-01-01}, user: {$oid: 64b7f1f77bcf86cd79943901}}
        sample: 0.25
        fields: {_id: keep, mail: email}
      tags: {action: keep, sample: 1}
      fs.files: keep
      fs.chunks: {contents: replace, fields: {files_id: {mask: object_id, domain: file}}}
      raw.chunks: {contents: keep}
      old.chunks: {contents: drop}
  "odd.name":
    unlisted: keep
    collections: {}
hooks:
  - {name: Purge, database: shop, collection: users, delete: {by: {$in: [me, {$oid: 64b7f1f77bcf86cd79943901}]}}}
  - name: Switch off
    database: odd.name
    collection: schedules
    update: {filter: {}, update: {$set: {enabled: false}, $unset: {next: 1}}}
  - name: Point away
    database: shop
    collection: events
    update: {filter: {kind: webhook}, pipeline: [{$set: {url: {$concat: ["https://staging.invalid/", "$path"]}}}]}
  - name: Sum
    database: shop
    collection: audit
    aggregate: [{$group: {_id: $kind}}, {$merge: {into: {db: shop, coll: kinds}, whenMatched: replace}}]
"""


KEEP = {"personal": False}


def test_a_good_file():
    rules = load_rules(GOOD, "rules.yml")
    users = rules.collection("shop", "users")
    assert (users.namespace, users.action, users.unlisted, users.line) == ("shop.users", "mask", "drop", 7)
    assert [(rule.path, rule.mask, rule.options, rule.line) for rule in users.fields] == [
        (("_id",), "keep", KEEP, 10),
        (("email",), "email", {"domain": "person", "keep": "none"}, 11),
        (("name", "first"), "first_name", {"locale": "de_DE", "domain": "first_name"}, 12),
        (("name", "full"), "template", {"template": "{name.first} & co"}, 13),
        (("born",), "date_shift", {"max_days": 30, "person": "_id", "domain": "date_shift"}, 14),
        (("contacts", "*", "phone"), "phone", {"domain": "phone"}, 15),
        (("contacts", "<key>"), "email", {"domain": "email", "keep": "none"}, 16),
        (
            ("status",),
            "choice",
            {
                "values": ["open", 1, False, datetime.datetime(2024, 1, 1)],
                "weights": [1, 2.5, 0, 1],
                "person": "_id",
                "domain": "choice",
            },
            17,
        ),
        (("score",), "expr", {"expression": {"$add": ["$a", {"$literal": 1}]}}, 18),
        (("a.b", "$c"), "redact", {}, 19),
        (("blood",), "null", {}, 20),
        (("on",), "keep", KEEP, 21),
    ]
    assert [rule.masks for rule in users.fields][:2] == [False, True]
    assert rules.collection("shop", "tmp_export").action == "drop"
    assert rules.collection("shop", "audit").unlisted == "fail"
    assert rules.collection("shop", "logs").action == "empty"
    events = rules.collection("shop", "events")
    assert events.where == {
        "at": {"$gte": datetime.datetime(2024, 1, 1)},
        "user": {"$oid": "64b7f1f77bcf86cd79943901"},
    }
    assert (events.action, events.sample, rules.collection("shop", "tags").sample) == ("mask", 0.25, 1.0)
    assert rules.collection("shop", "tags").action == "keep"
    assert rules.database("odd.name").unlisted == "keep"
    assert rules.database("nope") is rules.collection("nope", "x") is rules.collection("shop", "x") is None


def test_contents_of_gridfs():
    rules = load_rules(GOOD)
    chunks = rules.collection("shop", "fs.chunks")
    assert (chunks.action, chunks.contents) == ("mask", "replace")
    assert {rule.text: rule.mask for rule in chunks.fields} == {
        "_id": "keep",
        "files_id": "object_id",
        "n": "keep",
        "data": "redact",
    }
    kept, dropped = rules.collection("shop", "raw.chunks"), rules.collection("shop", "old.chunks")
    assert (kept.action, kept.contents, kept.fields) == ("keep", "keep", ())
    assert (dropped.action, dropped.contents, dropped.fields) == ("empty", "drop", ())
    for action in ("drop", "empty"):
        left = load_rules(f"version: 1\ndatabases: {{a: {{collections: {{fs.chunks: {action}}}}}}}")
        assert left.collection("a", "fs.chunks").action == action
    # Only a collection's name tells; a database may be called what it likes.
    assert load_rules("version: 1\ndatabases: {fs: {collections: {chunks: keep}}}").collection("fs", "chunks")


def test_defaults():
    rules = load_rules("""
version: 1
defaults:
  locale: fr_FR
  date_shift: {max_days: 90}
  street: {locale: es_ES}
databases:
  shop:
    collections:
      users:
        fields:
          _id: keep
          city: city
          street: street
          home: {mask: street, locale: de_DE}
          born: date_shift
          joined: {mask: date_shift, max_days: 5}
""")
    options = {rule.text: rule.options for rule in rules.collection("shop", "users").fields}
    assert [options[name]["locale"] for name in ("city", "street", "home")] == ["fr_FR", "es_ES", "de_DE"]
    assert [options[name]["max_days"] for name in ("born", "joined")] == [90, 5]


def test_summary():
    result = summary(load_rules(GOOD))
    assert result["databases"]["shop"]["collections"]["users"] == {
        "action": "mask",
        "unlisted": "drop",
        "masked": 10,
        "kept": 2,
        "where": False,
        "sample": None,
        "contents": None,
    }
    assert (result["collections"], result["masked"], result["kept"]) == (10, 13, 5)
    assert result["masks"] == {
        **dict.fromkeys(("choice", "date_shift", "expr", "first_name", "null", "object_id", "phone", "template"), 1),
        "email": 3,
        "redact": 2,
    }
    assert [hook["action"] for hook in result["hooks"]] == ["delete", "update", "update", "aggregate"]
    assert result["hooks"][0] == {"name": "Purge", "namespace": "shop.users", "action": "delete"}
    assert len(result["hooks_sha256"]) == 64
    json.dumps(result)


def test_anchors_and_merge_keys():
    rules = load_rules("""
version: 1
databases:
  shop:
    collections:
      users: &users
        fields: &contact
          _id: keep
          email: email
      customers: *users
      staff:
        fields:
          <<: *contact
          email: redact
          badge: hash
""")
    assert [rule.mask for rule in rules.collection("shop", "customers").fields] == ["keep", "email"]
    staff = {rule.text: rule.mask for rule in rules.collection("shop", "staff").fields}
    assert staff == {"_id": "keep", "email": "redact", "badge": "hash"}


def users(fields: str, more: str = "") -> str:
    """A file with one collection; its fields start on line 6."""
    indented = "".join(f"          {line}\n" for line in fields.split("\n"))
    return f"version: 1\ndatabases:\n  shop:\n    collections:\n      users:\n        fields:\n{indented}{more}"


def collection(keys: str, whole: str = "") -> str:
    """A file with one collection, on one line."""
    named = whole or f"b: {{{keys}}}"
    return "version: 1\ndatabases: {a: {collections: {" + named + "}}}\n"


def hook(*hooks: str) -> str:
    """A file with hooks, the first of them on line 4; a.b is kept and a.gone left behind."""
    listed = "\n".join(f"- {item}" for item in hooks)
    return f"version: 1\ndatabases: {{a: {{collections: {{b: keep, gone: drop}}}}}}\nhooks:\n{listed}\n"


def on(action: str) -> str:
    """A file with one hook that does this on a.b."""
    return hook(f"{{name: n, database: a, collection: b, {action}}}")


OPEN = "unlisted: keep\n"
BAD = {
    "empty": ("", ["r.yml:1: the file is empty"]),
    "only a comment": ("# nothing\n", ["r.yml:1: the file is empty"]),
    "not a mapping": ("- a\n", ["r.yml:1: the file must be a mapping, not a list"]),
    "a text": ("hello", ["r.yml:1: the file must be a mapping, not 'hello'"]),
    "syntax": ("version: 1\ndatabases: {a: [\n", ["not valid YAML"]),
    "tab": ("version: 1\ndatabases:\n\tshop: {}\n", ["r.yml:3: not valid YAML", "indent with spaces, not tabs"]),
    "control character": ("version: 1\na: \x07\n", ["r.yml:2: not valid YAML", "remove the character"]),
    "two documents": ("version: 1\n---\nversion: 1\n", ["not valid YAML"]),
    "escape out of range": ('a: "\\UFFFFFFFF"', ["not valid YAML"]),
    "no version": ("databases: {}", ["r.yml:1: version: 'version' is missing: write 'version: 1'"]),
    "wrong version": ("version: 2\ndatabases: {}", ["r.yml:1: version: version '2' is not known here"]),
    "version as text": ("version: '1'\ndatabases: {}", ["version '1' is not known here"]),
    "no databases": ("version: 1", ["'databases' is missing"]),
    "databases empty": ("version: 1\ndatabases:\n", ["databases: 'databases' must be a mapping, not nothing"]),
    "unknown key": ("version: 1\ndatabase: {}\n", ["r.yml:2: unknown key 'database'; did you mean 'databases'?"]),
    "unknown key below": (
        "version: 1\ndatabases:\n  shop:\n    collection: {}\n",
        ["r.yml:4: shop: unknown key 'collection'; did you mean 'collections'?", "'collections' is missing"],
    ),
    "unlisted": (
        "version: 1\nunlisted: dropp\ndatabases: {}",
        ["r.yml:2: unlisted: 'dropp' is not one of fail, drop, keep"],
    ),
    "unlisted a list": ("version: 1\nunlisted: []\ndatabases: {}", ["a list is not one of fail, drop, keep"]),
    "collection action": (
        "version: 1\ndatabases: {shop: {collections: {users: kep}}}",
        ["r.yml:2: shop.users: 'kep' is not one of keep, drop, empty; did you mean 'keep'?"],
    ),
    "collection empty": (
        "version: 1\ndatabases: {shop: {collections: {users: }}}",
        ["shop.users: a collection that is not 'keep', 'drop' or 'empty' must be a mapping, not nothing"],
    ),
    "no fields": ("version: 1\ndatabases: {shop: {collections: {users: {}}}}", ["shop.users: 'fields' is missing"]),
    "no field": (
        "version: 1\ndatabases: {shop: {collections: {users: {fields: {}}}}}",
        ["shop.users: 'fields' names no field"],
    ),
    "duplicate database": (
        "version: 1\ndatabases:\n  shop: {collections: {}}\n  shop: {collections: {}}\n",
        ["r.yml:4: databases: 'shop' is there twice, first on line 3"],
    ),
    "duplicate field": (
        users("_id: keep\nemail: email\nemail: keep"),
        ["r.yml:9: shop.users: 'email' is there twice, first on line 8"],
    ),
    "unknown mask": (
        users("_id: keep\nemail: emial"),
        ["r.yml:8: shop.users.email: unknown mask 'emial'; did you mean 'email'?"],
    ),
    "quite unknown mask": (
        users("_id: keep\nemail: xyzzy"),
        ["unknown mask 'xyzzy'; known are keep, email, first_name"],
    ),
    "no mask": (users("_id: keep\nemail:"), ["r.yml:8: shop.users.email: no mask is given"]),
    "mask missing": (users("_id: keep\nname: {domain: x}"), ["shop.users.name: 'mask' is missing"]),
    "mask a list": (users("_id: keep\nname: [city]"), ["must be a mapping, not a list"]),
    "mask a mapping": (users("_id: keep\nname: {mask: {}}"), ["the name of a mask must be text, not a mapping"]),
    "unknown option": (
        users("_id: keep\nname: {mask: city, local: de_DE}"),
        ["r.yml:8: shop.users.name: the mask city has no option 'local'; did you mean 'locale'?"],
    ),
    "option of a mask without": (users("_id: keep\nname: {mask: redact, x: 1}"), ["no option 'x'; it takes none"]),
    "option's choice": (
        users("_id: keep\nmail: {mask: email, keep: all}"),
        ["option 'keep' of the mask email must be one of none, tld, domain, not 'all'"],
    ),
    "option's type": (
        users("_id: keep\nborn: {mask: date_shift, max_days: many}"),
        ["option 'max_days' of the mask date_shift must be a whole number from 1 to 3650, not 'many'"],
    ),
    "option's range": (users("_id: keep\nborn: {mask: date_shift, max_days: 0}"), ["from 1 to 3650, not 0"]),
    "option a list": (users("_id: keep\nborn: {mask: date_shift, max_days: []}"), ["from 1 to 3650, not a list"]),
    "domain": (
        users("_id: keep\nmail: {mask: email, domain: 'a:b'}"),
        ["1 to 64 letters, digits, '_' or '-', not 'a:b'"],
    ),
    "empty part": (users("_id: keep\na..b: keep"), ["r.yml:8: shop.users.a..b: the path has an empty part"]),
    "empty name": (users("_id: keep\n'': keep"), ["the path has an empty part"]),
    "backslash": (users("_id: keep\na\\b: keep"), ["a backslash in a path escapes a dot or a backslash only"]),
    "complex key": (users("_id: keep\n? [a]\n: keep"), ["a key must be text, not a list"]),
    "conflict": (
        users("_id: keep\na: redact\na.b: keep"),
        ["r.yml:9: shop.users.a.b: conflicts with 'a' on line 8, where redact masks all of it: remove one of the two"],
    ),
    "no _id": (users("a: keep"), ["r.yml:5: shop.users: no rule for '_id': add '_id: keep'"]),
    "_id not unique": (
        users("_id: redact"),
        ["r.yml:7: shop.users._id: the mask redact does not keep '_id' unique: use keep, or one of email, username"],
    ),
    "_id removed": (users("_id: remove\na: keep"), ["does not keep '_id' unique"]),
    "part of _id": (
        users("_id.who: city\n_id.on: keep"),
        ["shop.users._id.who: the mask city does not keep '_id' unique"],
    ),
    "a name beside a star": (
        users("_id: keep\nm.*.b: email\nm.open.a: hash", OPEN),
        [
            "r.yml:8: shop.users.m.*.b: does not hold for 'm.open.b', since a rule on line 9 names 'm.open.a', and "
            "what no rule names is kept here: add a rule for 'm.open.b', a mask or keep"
        ],
    ),
    "a name beside a star below a kept field": (
        users("_id: keep\nm: keep\nm.*.b: email\nm.open.a: hash"),
        ["r.yml:9: shop.users.m.*.b: does not hold for 'm.open.b', since a rule on line 10"],
    ),
    "a name beside a star that ends": (
        users("_id: keep\nm.*: email\nm.open.a: hash", OPEN),
        ["does not hold for 'm.open', since"],
    ),
    "a name beside the document's star": (
        users("_id.x: keep\n'*.b': email\nopen.a: keep", OPEN),
        ["does not hold for 'open.b', since"],
    ),
    "a name beside the first of two stars": (
        users("_id: keep\nm.*.*.b: email\nm.open.x.a: hash\nm.open.*.b: email", OPEN),
        ["does not hold for 'm.open.x.b', since"],
    ),
    "a name beside a star with masked names": (
        users("_id: keep\nm.*.<key>: email\nm.open.a: hash", OPEN),
        ["does not hold for 'm.open.<key>', since"],
    ),
    "the mask name of before": (
        users("_id: keep\na: {mask: name, part: first}"),
        ["the mask 'name' is now first_name, last_name or full_name"],
    ),
    "review": (users("_id: keep\na: review"), ["r.yml:8: shop.users.a: is left for review: decide: a mask or keep"]),
    "review with more": (users("_id: keep\na: {mask: review, seen: email}"), ["decide: a mask or keep"]),
    "option missing": (
        users("_id: keep\na: constant"),
        ["r.yml:8: shop.users.a: the mask constant needs the option 'value'"],
    ),
    "option missing in a mapping": (users("_id: keep\na: {mask: choice}"), ["needs the option 'values'"]),
    "values": (
        users("_id: keep\na: {mask: choice, values: [1]}"),
        ["must be a list of two values or more", "not a list"],
    ),
    "values of mappings": (users("_id: keep\na: {mask: choice, values: [1, {a: 1}]}"), ["none a mapping or a list"]),
    "weights": (
        users("_id: keep\na: {mask: choice, values: [1, 2], weights: [1]}"),
        ["shop.users.a: the mask choice has 2 values but 1 weights: give one weight a value"],
    ),
    "weights of nothing": (users("_id: keep\na: {mask: choice, values: [1, 2], weights: [0, 0]}"), ["not all 0"]),
    "weights below zero": (
        users("_id: keep\na: {mask: choice, values: [1, 2], weights: [1, -1]}"),
        ["from 0 to 1000000"],
    ),
    "not a number": (
        users("_id: keep\na: {mask: number_noise, percent: .nan}"),
        ["a number from 0.01 to 100, not nan"],
    ),
    "boolean": (users("_id: keep\na: {mask: object_id, keep_timestamp: 1}"), ["true or false, not 1"]),
    "locale": (users("_id: keep\na: {mask: city, locale: en_XX}"), ["one of en_IN, en_US, en_GB, de_DE, fr_FR, es_ES"]),
    "hexadecimal": (users("_id: keep\na: {mask: age_band, width: 0x0a}"), ["from 2 to 50, not '0x0a'"]),
    "sexagesimal": (
        users("_id: keep\na: {mask: constant, value: 1:30}"),
        ["text in quotes or a plain decimal", "'1:30'"],
    ),
    "too long a number": (users("_id: keep\na: {mask: constant, value: 92233720368547758080}"), ["of 64 bits"]),
    "tag": (users("_id: keep\na: {mask: constant, value: !!binary aGk=}"), ["must be plain YAML"]),
    "no date": (users("_id: keep\na: {mask: constant, value: 2024-13-45}"), ["option 'value' of the mask constant"]),
    "value that holds itself": (users("_id: keep\na: {mask: constant, value: &a [*a]}"), ["holds itself"]),
    "extended JSON": (users("_id: keep\na: {mask: constant, value: {$oid: x}}"), ["$oid must stand alone and hold 24"]),
    "person": (users("_id: keep\na: {mask: date_shift, person: b.*}"), ["option 'person'", "must lead to one field"]),
    "person's path": (users("_id: keep\na: {mask: date_shift, person: b..c}"), ["option 'person'", "empty part"]),
    "template of nothing": (users("_id: keep\na: {mask: template, template: hello}"), ["names no field"]),
    "template's braces": (users("_id: keep\na: {mask: template, template: '{b'}"), ["has a brace without its pair"]),
    "template's path": (users("_id: keep\na: {mask: template, template: '{b.*}'}"), ["must lead to one field"]),
    "template of a field without a rule": (
        users("_id: keep\nname: city\na: {mask: template, template: '{nam}'}"),
        ["r.yml:9: shop.users.a: 'nam' in the template has no rule; did you mean 'name'?"],
    ),
    "template of itself": (
        users("_id: keep\na: {mask: template, template: '{a}'}"),
        ["'a' in the template has the mask template: a template takes fields that give text"],
    ),
    "template of what is removed": (
        users("_id: keep\nb: remove\na: {mask: template, template: '{b}'}"),
        ["'b' in the template has the mask remove"],
    ),
    "expression with JavaScript": (
        users("_id: keep\na: {mask: expr, expression: {$function: {body: x}}}"),
        ["option 'expression' of the mask expr holds $function, which runs JavaScript: write it without"],
    ),
    "expression below a star": (users("_id: keep\na.*: {mask: expr, expression: 1}"), ["the server cannot set a path"]),
    "expression with a dot": (users("_id: keep\n'a\\.b': {mask: expr, expression: 1}"), ["cannot set a path"]),
    "expression on _id": (users("_id: {mask: expr, expression: 1}"), ["does not keep '_id' unique"]),
    "names of the document": (users("_id: keep\n<key>: email"), ["'<key>' needs the name of a map before it"]),
    "names on the way": (
        users("_id: keep\na.<key>.b: email"),
        ["'<key>' stands for the names in a map and ends a path"],
    ),
    "names that collide": (
        users("_id: keep\na.<key>: city"),
        ["r.yml:8: shop.users.a.<key>: the mask city does not keep the names of fields apart: use keep, or one of"],
    ),
    "where a text": (collection("where: x, fields: {_id: keep}"), ["'where' must be a query filter", "not 'x'"]),
    "where of nothing": (collection("where: {}, fields: {_id: keep}"), ["'where' must be a query filter"]),
    "where with JavaScript": (collection("where: {$where: x}, action: keep"), ["'where' holds $where, which runs"]),
    "sample": (
        collection("sample: 2, action: keep"),
        ["r.yml:2: a.b.sample: 'sample' must be a number above 0", "not 2"],
    ),
    "sample a text": (collection("sample: most, action: keep"), ["such as 0.1, not 'most'"]),
    "sample of nothing": (collection("sample: 0, action: keep"), ["'sample' must be a number above 0"]),
    "action": (
        collection("action: dorp"),
        ["a.b.action: 'dorp' is not one of keep, drop, empty; did you mean 'drop'?"],
    ),
    "fields of what is kept": (
        collection("action: keep, fields: {_id: keep}"),
        ["'fields' means nothing with 'action: keep'"],
    ),
    "where of what is dropped": (
        collection("action: drop, where: {a: 1}"),
        ["'where' means nothing with 'action: drop'"],
    ),
    "contents elsewhere": (collection("contents: keep"), ["'contents' is for GridFS chunks"]),
    "chunks kept": (collection("", "fs.chunks: keep"), ["a.fs.chunks: a collection of GridFS chunks needs 'contents'"]),
    "chunks kept by action": (collection("", "fs.chunks: {action: keep}"), ["needs 'contents'"]),
    "chunks with fields": (collection("", "fs.chunks: {fields: {_id: keep}}"), ["needs 'contents'"]),
    "chunks without anything": (collection("", "fs.chunks: {}"), ["write 'contents: keep', 'drop' or 'replace'"]),
    "contents unknown": (collection("", "fs.chunks: {contents: mask}"), ["'mask' is not one of keep, drop, replace"]),
    "fields of dropped contents": (
        collection("", "fs.chunks: {contents: drop, fields: {n: keep}}"),
        ["'fields' means nothing with 'contents: drop'"],
    ),
    "data of contents": (
        collection("", "fs.chunks: {contents: replace, fields: {data: redact}}"),
        ["a.fs.chunks.data: 'contents' decides on the data: remove this rule"],
    ),
    "defaults": (
        "version: 1\ndefaults: {emial: {}}\ndatabases: {}",
        ["r.yml:2: defaults: unknown key 'emial'; did you mean 'email'?"],
    ),
    "defaults a list": ("version: 1\ndefaults: []\ndatabases: {}", ["'defaults' must be a mapping, not a list"]),
    "defaults of a mask": (
        "version: 1\ndefaults: {email: tld}\ndatabases: {}",
        ["defaults.email: the default options of"],
    ),
    "default option": (
        "version: 1\ndefaults: {email: {kep: tld}}\ndatabases: {}",
        ["defaults.email: the mask email has no option 'kep'; did you mean 'keep'?"],
    ),
    "default value": (
        "version: 1\ndefaults: {email: {keep: 1}}\ndatabases: {}",
        ["must be one of none, tld, domain, not 1"],
    ),
    "default of what is needed": (
        "version: 1\ndefaults: {constant: {value: 1}}\ndatabases: {}",
        ["option 'value' of the mask constant has no default: give it with each rule"],
    ),
    "default locale": (
        "version: 1\ndefaults: {locale: xx}\ndatabases: {}",
        ["defaults.locale: 'xx' is not one of en_IN"],
    ),
    "hooks a mapping": ("version: 1\ndatabases: {}\nhooks: {}\n", ["'hooks' must be a list, not a mapping"]),
    "hook a text": (hook("x"), ["r.yml:4: hooks: hook 1 must be a mapping with name, database, collection"]),
    "hook without a name": (hook("{database: a, collection: b, delete: {}}"), ["hook 1 needs 'name', a text"]),
    "hook with two actions": (
        hook("{name: n, database: a, collection: b, delete: {}, aggregate: []}"),
        ["has delete, aggregate: give exactly one of delete, update, aggregate"],
    ),
    "hook that does nothing": (hook("{name: n, database: a, collection: b}"), ["has nothing: give exactly one"]),
    "hook with an unknown key": (
        hook("{name: n, database: a, collection: b, delete: {}, when: x}"),
        ["has when, delete"],
    ),
    "hook with a filter that is none": (on("delete: all"), ["'delete' must be a query filter"]),
    "hook with JavaScript": (on("delete: {$where: x}"), ["holds $where, which runs JavaScript"]),
    "hook that adds up": (
        on("update: {filter: {}, update: {$inc: {n: 1}}}"),
        ["'$inc' is not among what a hook may do"],
    ),
    "hook that replaces": (on("update: {filter: {}, update: {n: 1}}"), ["'n' is not among what a hook may do"]),
    "hook without a change": (on("update: {filter: {}}"), ["needs 'filter', and either 'update' or 'pipeline'"]),
    "hook with an empty operator": (on("update: {filter: {}, update: {$set: {}}}"), ["$set needs the fields"]),
    "hook with a stage that looks elsewhere": (
        on("update: {filter: {}, pipeline: [{$lookup: {}}]}"),
        ["'$lookup' is not among what a hook may do"],
    ),
    "hook with two stages in one": (
        on("update: {filter: {}, pipeline: [{$set: {a: 1}, $unset: b}]}"),
        ["a stage must have one name"],
    ),
    "hook that writes nothing": (on("aggregate: [{$match: {}}]"), ["must end in $merge or $out, not $match"]),
    "hook that writes elsewhere": (
        on("aggregate: [{$out: {db: other, coll: b}}]"),
        ["$out must write into the hook's own database a, not other"],
    ),
    "hook that writes on the way": (on("aggregate: [{$out: b}, {$out: b}]"), ["holds $out, which writes"]),
    "hook that writes to nothing": (on("aggregate: [{$merge: {}}]"), ["$merge must name a collection"]),
    "hook of a collection without a rule": (
        hook("{name: n, database: a, collection: bb, delete: {}}"),
        ["hooks.n: no rule names a.bb; did you mean 'a.b'?"],
    ),
    "hook of what is dropped": (
        hook("{name: n, database: a, collection: gone, delete: {}}"),
        ["a.gone is left behind by 'drop': remove the hook"],
    ),
    "two hooks of one name": (
        hook("{name: n, database: a, collection: b, delete: {}}", "{name: n, database: a, collection: b, delete: {}}"),
        ["r.yml:5: hooks.n: the name is that of the hook on line 4"],
    ),
    "hook with a name that breaks a table": (
        hook("{name: 'a|b', database: a, collection: b, delete: {}}"),
        ["has a name that a report cannot hold"],
    ),
    "merge of a text": (users("_id: keep\n<<: x"), ["'<<' merges a mapping or a list of mappings, not 'x'"]),
    "merge of itself": ("version: 1\ndatabases: &a {<<: *a}\n", ["a merge key includes itself"]),
    "nested too deep": ("[" * 5000, ["nested too deep"]),
    "python object": (
        "version: 1\ndatabases: !!python/object:os.system {}\nx: !!python/name:os.system y\n",
        ["unknown key 'x'"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_file(case):
    text, expected = BAD[case]
    with pytest.raises(RulesError) as raised:
        load_rules(text, "r.yml")
    for message in expected:
        assert message in str(raised.value)


def test_all_problems_at_once_in_order():
    with pytest.raises(RulesError) as raised:
        load_rules(users("_id: keep\na: emial\nb: {mask: email, keep: x, y: 1}\nc..d: keep") + "x: 1\n", "r.yml")
    assert [(problem.line, problem.path) for problem in raised.value.problems] == [
        (8, "shop.users.a"),
        (9, "shop.users.b"),
        (9, "shop.users.b"),
        (10, "shop.users.c..d"),
        (11, ""),
    ]
    assert str(raised.value).count("\n") == 4


def test_aliases_that_multiply_are_stopped(monkeypatch):
    monkeypatch.setattr(rules_module, "MAX_RULES", 50)
    fields = ", ".join(f"f{number}: keep" for number in range(10))
    databases = "\n".join(f"  d{number}: *d" for number in range(20))
    text = f"version: 1\ndatabases:\n  d: &d {{collections: {{c: {{fields: {{_id: keep, {fields}}}}}}}}}\n{databases}\n"
    with pytest.raises(RulesError, match="more than 50 rules"):
        load_rules(text)


def test_a_value_that_multiplies_is_stopped(monkeypatch):
    monkeypatch.setattr(rules_module, "MAX_PARTS", 50)
    lists = "[&a [x, x, x, x], &b [*a, *a, *a, *a], [*b, *b, *b, *b]]"
    with pytest.raises(RulesError, match="more than 50 values"):
        load_rules(users(f"_id: keep\na: {{mask: constant, value: {lists}}}"))


@pytest.mark.parametrize(
    ("fields", "unlisted"),
    [
        ("m.*.b: email\nm.open.a: hash", "fail"),
        ("m.*.b: email\nm.open.a: hash", "drop"),
        ("m.*.b: email\nm.open: keep", "keep"),
        ("m.*.b: email\nm.open: keep\nm.open.a: hash", "keep"),
        ("m.*.b: email\nm.open.a: hash\nm.open.b: keep", "keep"),
        ("m.*.b: email\nm.open.*: phone", "keep"),
        ("m.*.b: keep\nm.open.a: hash", "keep"),
        ("m.*.*.b: email\nm.open.x: hash\nm.open.*.b: email", "keep"),
        ("'*.x': hash\n_id.a: keep", "keep"),
    ],
)
def test_a_name_beside_a_star_that_lets_nothing_out(fields, unlisted):
    identity = "" if "_id" in fields else "_id: keep\n"
    assert load_rules(users(identity + fields, f"unlisted: {unlisted}\n"))


@pytest.mark.parametrize("path", [("a",), ("a.b", "c"), ("$x", "*", "y\\z"), ("\\.",), ("a", "<key>")])
def test_path_text_and_back(path):
    assert parse_path(path_text(path)) == path


def test_fuzz_raises_nothing_but_rules_errors():
    source = random.Random(7)
    pieces = [
        "\t",
        "\n",
        "  ",
        ":",
        "-",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "<<: ",
        "!!",
        "'",
        '"',
        "\\",
        "|",
        ">",
        "%",
        "@",
        "?",
    ]
    pieces += [
        "\0",
        "\ufeff",
        "\x85",
        "\ud7ff",
        "🙂",
        "0x",
        "null",
        "~",
        "1:30",
        "_id",
        "mask",
        ".",
        "..",
        "---",
        "...",
    ]
    for _round in range(1500):
        text = list(GOOD)
        for _change in range(source.randint(1, 6)):
            place = source.randrange(len(text))
            action = source.random()
            if action < 0.4:
                text[place] = source.choice(pieces)
            elif action < 0.7:
                text.insert(place, source.choice(pieces))
            else:
                del text[place : place + source.randint(1, 40)]
        problems = _problems("".join(text))
        assert all(problem.line >= 1 and problem.message for problem in problems)


def _problems(text):
    try:
        load_rules(text)
    except RulesError as error:
        return error.problems
    return ()
