# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Masking rules and their compiler: one aggregation pipeline a collection, run by the source mongod.

The package needs PyYAML (rules.py; YAML_IMPORT_ERROR tells) and bson (the rest; not imported before it is used).
It never talks to a server: where one is needed, the caller passes a function.

rules.py
    load_rules(text, source="rules") -> RuleSet         raises RulesError with every problem of the text
    RulesError                 .problems: tuple[Problem, ...]; str() is all of them, one a line
    Problem                    source, line, path, message; str(): "rules.yml:12: shop.users.email: unknown mask …"
    RuleSet                    version, unlisted ("fail"|"drop"|"keep"), source, databases {name: DatabaseRules}
        .database(name) -> DatabaseRules | None
        .collection(database, name) -> CollectionRules | None
    DatabaseRules              name, unlisted (what to do with a collection that no rule names), collections, line
    CollectionRules            namespace, action ("mask"|"keep"|"drop"), unlisted, fields: tuple[FieldRule, ...], line
    FieldRule                  path: tuple[str, ...] ("*" = every key), mask, options (defaults filled in), line
        .text                  the path as written in a rule file ("a.b", a dot inside a name is "\\.")
        .masks                 False for `keep`
    path_text(path) -> str; summary(RuleSet) -> dict of plain types
    Where paths meet, the more specific wins: `a: keep` with `a.b: email`, `a.*: redact` with `a.b: keep`; below a mask
    other than keep nothing may be named. `_id` must be named unless unlisted is keep, and a mask on it must keep
    uniqueness; a top-level `*` does not match it. The only implicit thing is arrays: a path goes through them.

masks.py
    MASKS: {name: Mask}
    Mask                       name, summary, example, types (BSON types that it takes), options {name: Option}
        .keeps_unique          frozenset of the BSON types on which different values stay different (64 bits or more)
        .may_equal             None, or a sentence: when a masked value may equal its original
        .expression(value, options, key) -> expr     for one value of a path: scalars, arrays, null, wrong types
    Key(secret: bytes)         32 bytes; Key.random(); .secret; repr() and str() never show it; not for pickling
        .number(value, domain) -> expr               non-negative 63-bit long; value: an expression giving a string

    Always: missing stays missing, null stays null, "" stays "" (except under `remove` and, null, `null`).
    A leaf that is an array is masked element by element (`null` and `remove` take it whole).
    A value whose type or form the mask does not take, a scalar where the rules name fields below it, and arrays inside
    arrays inside arrays fail closed: they are replaced by the redaction of their type (see `redact`) and counted as
    unexpected. Such a redaction may equal its original (0 -> 0).

compiler.py
    compile_collection(rules: CollectionRules, key: Key, server_version=(6, 0, 0)) -> CompiledCollection
        raises CompileError (one sentence) for a server before 5.0 or paths nested too deep for an aggregation
        rules.action must be "mask" or "keep"
    CompiledCollection
        .pipeline: list[dict]  for aggregate on the source; [] when everything is kept. Field order is preserved.
                               With unlisted fail and drop alike, fields that no rule names do not pass.
        .masked, .kept: tuple[FieldRule, ...]
        .audit_pipeline(equal=False) -> list[dict]   one result document, or none for an empty collection
        .audit_result(document | None) -> dict[FieldRule, Counts]   for every masked rule
    Counts                     values (masked as promised), unexpected (failed closed), equal (masked values that equal
                               their original; None unless asked for, since it computes every mask once more)

unlisted.py
    unlisted_pipeline(rules) -> list[dict]           gives only documents that hold a field that no rule names, reduced
                                                     to about those parts; [] when nothing can be unlisted
    unlisted_paths(documents, rules) -> dict[str, int]   decoded results of it -> {path text: number of documents}
    unmatched_rules(aggregate, rules) -> tuple[FieldRule, ...]
        rules whose path exists in no document; () for an empty collection. `aggregate(pipeline)` returns an iterable of
        documents, e.g. collection.aggregate. A first look at 1,000 documents settles most rules.

Run every pipeline with collation={"locale": "simple"} (compiler.COLLATION): under a collection's own collation an
unlisted field `Email` would pass for `email`.
Read the source with UuidRepresentation STANDARD or unspecified, as you like: only literals of ours are sent.
A pipeline holds the secret: never log, print or return one, nor a server's error message about one.
"""
