"""Rule files: what they give, and everything that can be wrong with them."""

from __future__ import annotations

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
          name.first: {mask: name, part: first}
          born: {mask: date_shift, max_days: 30}
          contacts.*.phone: phone
          a\.b.$c: redact
          blood: null
          on: keep
      tmp_export: drop
      audit: keep
  "odd.name":
    unlisted: keep
    collections: {}
"""


def test_a_good_file():
    rules = load_rules(GOOD, "rules.yml")
    users = rules.collection("shop", "users")
    assert (users.namespace, users.action, users.unlisted, users.line) == ("shop.users", "mask", "drop", 7)
    assert [(rule.path, rule.mask, rule.options, rule.line) for rule in users.fields] == [
        (("_id",), "keep", {}, 10),
        (("email",), "email", {"domain": "person"}, 11),
        (("name", "first"), "name", {"part": "first", "domain": "name"}, 12),
        (("born",), "date_shift", {"max_days": 30, "domain": "date_shift"}, 13),
        (("contacts", "*", "phone"), "phone", {"domain": "phone"}, 14),
        (("a.b", "$c"), "redact", {}, 15),
        (("blood",), "null", {}, 16),
        (("on",), "keep", {}, 17),
    ]
    assert [rule.masks for rule in users.fields][:2] == [False, True]
    assert rules.collection("shop", "tmp_export").action == "drop"
    assert rules.collection("shop", "audit").unlisted == "fail"
    assert rules.database("odd.name").unlisted == "keep"
    assert rules.database("nope") is rules.collection("nope", "x") is rules.collection("shop", "x") is None


def test_summary():
    result = summary(load_rules(GOOD))
    assert result["databases"]["shop"]["collections"]["users"] == {
        "action": "mask",
        "unlisted": "drop",
        "masked": 6,
        "kept": 2,
    }
    assert (result["collections"], result["masked"], result["kept"]) == (3, 6, 2)
    assert result["masks"] == {"date_shift": 1, "email": 1, "name": 1, "null": 1, "phone": 1, "redact": 1}
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
        ["r.yml:2: shop.users: 'kep' is not one of keep, drop; did you mean 'keep'?"],
    ),
    "collection empty": (
        "version: 1\ndatabases: {shop: {collections: {users: }}}",
        ["shop.users: a collection that is neither 'keep' nor 'drop' must be a mapping, not nothing"],
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
    "quite unknown mask": (users("_id: keep\nemail: xyzzy"), ["unknown mask 'xyzzy'; known are keep, email, name"]),
    "no mask": (users("_id: keep\nemail:"), ["r.yml:8: shop.users.email: no mask is given"]),
    "mask missing": (users("_id: keep\nname: {part: first}"), ["shop.users.name: 'mask' is missing"]),
    "mask a list": (users("_id: keep\nname: [name]"), ["must be a mapping, not a list"]),
    "mask a mapping": (users("_id: keep\nname: {mask: {}}"), ["the name of a mask must be text, not a mapping"]),
    "unknown option": (
        users("_id: keep\nname: {mask: name, prt: first}"),
        ["r.yml:8: shop.users.name: the mask name has no option 'prt'; did you mean 'part'?"],
    ),
    "option of a mask without": (users("_id: keep\nname: {mask: redact, x: 1}"), ["no option 'x'; it takes none"]),
    "option's choice": (
        users("_id: keep\nname: {mask: name, part: middle}"),
        ["option 'part' of the mask name must be one of first, last, full, not 'middle'"],
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
        ["r.yml:7: shop.users._id: the mask redact does not keep '_id' unique: use keep, or one of email, hash"],
    ),
    "_id removed": (users("_id: remove\na: keep"), ["does not keep '_id' unique"]),
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
        load_rules(users("_id: keep\na: emial\nb: {mask: name, part: x, y: 1}\nc..d: keep") + "x: 1\n", "r.yml")
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


@pytest.mark.parametrize("path", [("a",), ("a.b", "c"), ("$x", "*", "y\\z"), ("\\.",)])
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
