"""Writing rule files: a new one loads, and one that is there keeps every line of its own."""

from __future__ import annotations

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import RulesError, load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.pii.classify import Verdict
from ansible_collections.stagesync.aws.plugins.module_utils.pii.draft import Drafted, Entry
from ansible_collections.stagesync.aws.plugins.module_utils.pii.rulefile import DraftError, merge

VERDICT = Verdict("mask", None, 1.0, "")


def users(database: str = "shop", name: str = "users", action: str | None = None, **rules: str) -> Drafted:
    entries = [
        Entry(tuple(path.split(".")), rule, "why" if rule != "keep" else "", VERDICT) for path, rule in rules.items()
    ]
    return Drafted(database, name, action, "", tuple(entries))


def lines_of(text: str, result: str) -> list[str]:
    """What a merge added; every line of the original must be there, in order."""
    ours, added = iter([*text.splitlines(), None]), []
    next_line = next(ours)
    for line in result.splitlines():
        if line == next_line:
            next_line = next(ours)
        else:
            added.append(line)
    assert next_line is None, f"lost: {next_line}"
    return added


def test_a_new_file_loads():
    drafts = [
        users(_id="keep", email="email", **{"a.*.b": "redact", "a.<key>": "email", "null": "keep", "yes: no": "keep"}),
        users(name='odd "name": #1', _id="keep"),
        users(name="empty one", action="empty"),
        users(name="fs.chunks", action="contents: replace"),
        users(database="other db", _id="keep"),
    ]
    result = merge("", drafts, "rules.yml")
    rules = load_rules(result.text)
    assert [rule.text for rule in rules.collection("shop", "users").fields] == [
        "_id", "email", "a.*.b", "a.<key>", "null", "yes: no",
    ]  # fmt: skip
    assert rules.collection("shop", 'odd "name": #1').action == "mask"
    assert rules.collection("shop", "empty one").action == "empty"
    assert rules.collection("shop", "fs.chunks").contents == "replace"
    assert rules.database("other db") is not None
    assert merge(result.text, drafts, "rules.yml").text == result.text


def test_what_is_for_review_does_not_load():
    with pytest.raises(RulesError, match="left for review"):
        load_rules(merge("", [users(_id="keep", note="review")]).text)


HUMAN = """\
# Signed by the privacy officer on 2026-01-05
version: 1
unlisted: fail
databases:
  shop:  # the shop
    collections:
      users:
        # identifiers stay
        fields:
          _id: keep
          email: {mask: email, keep: tld}  # agreed with marketing
          preferences: keep   # all that is below
          name.*: redact
          # below this line: decided in spring
          notes: text
          # until here
      carts: drop  # never needed

      logs: {fields: {_id: keep, who: hash}}
# the end
"""


def test_only_what_is_new_is_added_and_nothing_changes():
    drafts = [
        users(
            _id="review", email="redact", notes="redact", **{"preferences.theme": "review", "name.first": "first_name"}
        ),
        users(name="carts", _id="keep", total="keep"),
        users(name="logs", _id="keep", who="redact", ip="ipv4", at="keep"),
    ]
    drafts[0] = users(**{**{e.text: e.rule for e in drafts[0].entries}, "phone": "phone", "age": "review"})
    drafts.append(users(name="orders", _id="keep", total="keep"))
    drafts.append(users(database="crm", name="leads", _id="keep"))
    result = merge(HUMAN, drafts, "rules.yml")
    assert [added[:2] for added in result.added] == [
        ("shop.users", "phone"),
        ("shop.users", "age"),
        ("shop.logs", "ip"),
        ("shop.logs", "at"),
        ("shop.orders", "_id"),
        ("shop.orders", "total"),
        ("crm.leads", "_id"),
    ]
    assert result.not_added == []
    assert lines_of(
        HUMAN.replace("{_id: keep, who: hash}", "{_id: keep, who: hash, ip: ipv4, at: keep}"), result.text
    ) == [
        "          phone: phone  # why",
        "          age: review  # why",
        "      orders:",
        "        fields:",
        "          _id: keep",
        "          total: keep",
        "  crm:",
        "    collections:",
        "      leads:",
        "        fields:",
        "          _id: keep",
    ]
    assert result.text.index("# until here") < result.text.index("phone: phone") < result.text.index("carts: drop")
    rules = load_rules(result.text.replace("review", "redact"))
    assert rules.collection("shop", "users").fields[1].options["keep"] == "tld"
    assert merge(result.text, drafts, "rules.yml").text == result.text


_FIELDS = "databases:\n  shop:\n    collections:\n      users:\n        fields:"
_BLOCK = """\
databases:
  shop:
    collections:
      users:
        fields:
          a:
            mask: constant
            value: |
              # text

      logs: keep
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{_FIELDS} {{}}\n", "fields: {phone: phone}\n"),
        (f"{_FIELDS}\n", "fields:\n          phone: phone  # why\n"),
        (f"{_FIELDS}\n          a: keep", "a: keep\n          phone: phone  # why"),
        ("databases:\n  shop:\n    collections: {users: {fields: {a: keep,}}}\n", "{a: keep,phone: phone}"),
        ("databases: {shop: {collections: {}}}\n", "{users: {fields: {phone: phone}}}"),
        ("databases: {}\n", "{shop: {collections: {users: {fields: {phone: phone}}}}}"),
        (f"{_FIELDS}\n          a: keep\n".replace("\n", "\r\n"), "keep\r\n          phone: phone  # why\r\n"),
        ("version: 1\n", f"version: 1\n{_FIELDS}\n          phone: phone  # why\n"),
        (_BLOCK, "# text\n          phone: phone  # why\n\n      logs: keep\n"),
    ],
)
def test_forms_that_a_human_writes(text, expected):
    result = merge(text, [users(phone="phone")])
    assert expected in result.text
    assert merge(result.text, [users(phone="phone")]).text == result.text


def test_what_an_anchor_shares_is_left_alone_and_told():
    text = """\
version: 1
databases:
  shop:
    collections:
      users: {fields: &person {_id: keep, email: email}}
      leads: {fields: *person}
      staff:
        fields:
          <<: *person
          badge: keep
"""
    drafts = [
        users(_id="keep", email="email", phone="phone"),
        users(name="leads", phone="phone"),
        users(name="staff", _id="keep", email="email", badge="keep", phone="phone"),
    ]
    result = merge(text, drafts)
    assert result.not_added == [("shop.users", "phone", "phone"), ("shop.leads", "phone", "phone")]
    assert result.added == [("shop.staff", "phone", "phone")]
    assert lines_of(text, result.text) == ["          phone: phone  # why"]


def test_where_a_human_chose_not_to_list_nothing_is_listed():
    text = "version: 1\nunlisted: drop\ndatabases:\n  shop:\n    collections:\n      users: {fields: {_id: keep}}\n"
    assert (
        merge(text, [users(phone="phone"), users(name="new", _id="keep"), users("crm", "x", _id="keep")]).text == text
    )
    strict = text.replace("fields:", "unlisted: fail, fields:")
    assert merge(strict, [users(phone="phone")]).added == [("shop.users", "phone", "phone")]


def test_a_scalar_above_named_fields_is_for_review():
    text = "version: 1\ndatabases: {shop: {collections: {users: {fields: {_id: keep, a.b: redact}}}}}\n"
    assert merge(text, [users(a="redact")]).added == [("shop.users", "a", "review")]
    assert merge(text, [users(a="keep")]).added == [("shop.users", "a", "keep")]


@pytest.mark.parametrize("text", ["a: [", "- a\n- b\n", "just text", "a: !!python/none 1\n\tb: 2"])
def test_what_is_no_rule_file_is_one_clear_error(text):
    with pytest.raises(DraftError, match=r"rules\.yml:\d+: "):
        merge(text, [users(phone="phone")], "rules.yml")
