"""Rules for injected faults; how they act on calls is tested with the control plane."""

from __future__ import annotations

import json

import pytest
from stagesync_lab.faults import Faults, body, parse, status_of


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("ec2:CreateSnapshot", "a fault is a JSON object"),
        ({"operation": "CreateSnapshot", "delay": 1}, "needs an operation such as"),
        ({"delay": 1}, "needs an operation such as"),
        ({"operation": "ec2:CreateSnapshot"}, "does nothing"),
        ({"operation": "ec2:CreateSnapshot", "delay": "long"}, "delay cannot be 'long'"),
        ({"operation": "ec2:CreateSnapshot", "delay": -1}, "delay cannot be negative"),
        ({"operation": "ec2:CreateSnapshot", "after": 1}, "unknown key 'after'"),
        ({"operation": "ec2:CreateSnapshot", "end": "completed"}, "not in 'completed'"),
    ],
)
def test_a_rule_that_makes_no_sense_says_why(rule, words):
    with pytest.raises(ValueError, match=words):
        parse(rule)


@pytest.mark.parametrize(
    ("rule", "operation", "parameters", "applies"),
    [
        ({}, "ec2:CreateSnapshot", {}, True),
        ({}, "ec2:createsnapshot", {}, True),
        ({}, "ec2:CreateSnapshots", {}, False),
        ({"operation": "ec2:*Snapshot*"}, "ec2:DescribeSnapshots", {}, True),
        ({"operation": "*:*"}, "s3:PutObject", {}, True),
        ({"match": {"VolumeId": "vol-1*"}}, "ec2:CreateSnapshot", {"VolumeId": ["vol-12"]}, True),
        ({"match": {"VolumeId": "vol-1*"}}, "ec2:CreateSnapshot", {"VolumeId": ["vol-2", "vol-13"]}, True),
        ({"match": {"VolumeId": "vol-1*"}}, "ec2:CreateSnapshot", {"VolumeId": ["vol-2"]}, False),
        ({"match": {"VolumeId": "vol-1*"}}, "ec2:CreateSnapshot", {}, False),
        ({"match": {"Bucket": "b", "Key": "k*"}}, "ec2:CreateSnapshot", {"Bucket": ["b"], "Key": ["x"]}, False),
    ],
)
def test_which_calls_a_rule_applies_to(rule, operation, parameters, applies):
    faults = Faults()
    faults.add({"operation": "ec2:CreateSnapshot", "error": "X", **rule})
    assert (faults.take(operation, parameters) is not None) is applies


def test_the_next_rule_applies_when_the_first_is_used_up():
    faults = Faults()
    faults.add({"operation": "ec2:A", "error": "First", "count": 1})
    faults.add({"operation": "ec2:A", "error": "Second", "skip": 1, "count": 1})
    taken = [faults.take("ec2:A", {}) for _number in range(4)]
    assert [fault and fault.error for fault in taken] == ["First", None, "Second", None]


def test_a_used_up_rule_holds_what_it_made_stuck_until_it_is_cleared():
    faults = Faults()
    rule = faults.add({"operation": "ec2:A", "stuck": True, "count": 1})
    assert faults.take("ec2:A", {}).stuck
    assert faults.take("ec2:A", {}) is None
    assert faults.holds(rule["id"])
    assert faults.clear(rule["id"])
    assert not faults.holds(rule["id"])
    assert not faults.holds(None)


def test_the_status_is_the_one_that_aws_uses():
    codes = ("Throttling", "AccessDenied", "SlowDown", "InternalError")
    assert [status_of(code) for code in codes] == [400, 403, 503, 500]


def test_text_is_escaped_in_xml_and_json():
    assert "<Message>a &lt; b &amp; c</Message>" in body("ec2", "Code", "a < b & c", "id")[1]
    assert json.loads(body("json", "Code", 'say "no"', "id")[1]) == {"__type": "Code", "message": 'say "no"'}
