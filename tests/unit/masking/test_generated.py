"""Files that are generated are in step with what they come from; the JSON Schema says what the loader says."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import MASKS
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import RulesError, load_rules

from . import test_rules
from .test_masks import MASKED, REFUSED

ROOT = Path(__file__).resolve().parents[3]


def script(name: str):
    """One of the programs in tests/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_words_are_in_step_with_faker():
    words = script("generate_words")
    assert words.TARGET.read_text(encoding="utf-8") == words.generate(), "run python tests/generate_words.py"


@pytest.mark.parametrize("name", ["masks.md", "rules.schema.json"])
def test_documents_are_in_step_with_the_masks(name):
    files = {path.name: (path, text) for path, text in script("generate_docs").files().items()}
    path, text = files[name]
    assert path.read_text(encoding="utf-8") == text, "run python tests/generate_docs.py"


def test_every_mask_has_its_section():
    text = (ROOT / "docs" / "masks.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(MASKS)


class Loader(yaml.SafeLoader):
    """Keys as they are written, as editors read them (YAML 1.2 knows no `on: true`); dates as text."""

    def construct_mapping(self, node):
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


Loader.yaml_constructors = {**yaml.SafeLoader.yaml_constructors}
Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))
Loader.add_constructor("tag:yaml.org,2002:map", lambda loader, node: loader.construct_mapping(node))

SCHEMA = json.loads((ROOT / "docs" / "rules.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def is_valid(text: str) -> bool:
    return VALIDATOR.is_valid(yaml.load(text, Loader=Loader))


def fields(rule: str) -> str:
    return f"version: 1\ndatabases: {{a: {{collections: {{b: {{fields: {{_id: keep, value: {rule}}}}}}}}}}}"


# The lab's rules, those of the documentation, and of every test that takes a rule file for good.
GOOD = {
    "test_rules": test_rules.GOOD,
    "lab": (ROOT / "tests" / "lab" / "rules.yml").read_text(encoding="utf-8"),
    "README": re.search(r"```yaml\n(version: 1\n.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[
        1
    ],
    **{rule: fields(rule) for rule, *_rest in (*MASKED, *REFUSED)},
}


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", GOOD)
def test_what_the_loader_takes_is_valid(case):
    load_rules(GOOD[case])
    assert is_valid(GOOD[case])


# What a structure cannot say: where fields lead, and what holds between two of them.
BEYOND = {
    "empty part",
    "no mask",
    "merge of itself",
    "conflict",
    "no _id",
    "a name beside a star",
    "a name beside a star below a kept field",
    "a name beside a star that ends",
    "a name beside the document's star",
    "a name beside the first of two stars",
    "a name beside a star with masked names",
    "_id not unique",
    "_id removed",
    "part of _id",
    "duplicate database",
    "duplicate field",
    "complex key",
    "weights",
    "weights of nothing",
    "hexadecimal",
    "sexagesimal",
    "too long a number",
    "tag",
    "no date",
    "value that holds itself",
    "extended JSON",
    "person",
    "person's path",
    "template's braces",
    "template's path",
    "template of a field without a rule",
    "template of itself",
    "template of what is removed",
    "expression with JavaScript",
    "expression below a star",
    "expression with a dot",
    "expression on _id",
    "names of the document",
    "names on the way",
    "names that collide",
    "where with JavaScript",
    "data of contents",
    "values of mappings",
    "not a number",
    "hook with JavaScript",
    "hook that writes nothing",
    "hook that writes elsewhere",
    "hook that writes on the way",
    "hook that writes to nothing",
    "hook of a collection without a rule",
    "hook of what is dropped",
    "two hooks of one name",
}


@pytest.mark.parametrize("case", [case for case in test_rules.BAD if case not in BEYOND])
def test_what_has_a_wrong_structure_is_invalid(case):
    try:
        value = yaml.load(test_rules.BAD[case][0], Loader=Loader)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError, TypeError, AttributeError):
        return  # no YAML at all
    assert not VALIDATOR.is_valid(value)


@pytest.mark.parametrize("case", sorted(BEYOND))
def test_what_the_schema_cannot_say_the_loader_does(case):
    with pytest.raises(RulesError):
        load_rules(test_rules.BAD[case][0])
