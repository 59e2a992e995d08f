# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What answers of AWS other than yes and no lead to; tests/unit/lab/test_iam.py asks a control plane with policies."""

from __future__ import annotations

import pytest

boto3 = pytest.importorskip("boto3")
from ansible_collections.stagesync.aws.plugins.module_utils import permissions  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api  # noqa: E402
from botocore.stub import Stubber  # noqa: E402

WANTED = permissions.Wanted(staging_instance_id="i-1", bucket="b")
LOOKS = ("describe_instances", "describe_snapshots", "describe_tags", "describe_volumes")


@pytest.fixture
def aws():
    """Stubs of EC2 and S3; all laid down is asked for."""
    made = [
        Stubber(boto3.client(name, region_name="ap-south-1", aws_access_key_id="a", aws_secret_access_key="b"))
        for name in ("ec2", "s3")
    ]
    for stub in made:
        stub.activate()
    yield made
    for stub in made:
        stub.assert_no_pending_responses()


def answers(stub, *calls):
    for method, code, message in calls:
        stub.add_client_error(method, code, message)


def test_where_ec2_lets_nothing_be_seen_nothing_more_is_asked(aws):
    ec2, s3 = aws
    answers(
        ec2, *[(name, "UnauthorizedOperation", "You are not authorized to perform this operation.") for name in LOOKS]
    )
    answers(s3, ("head_bucket", "403", "Forbidden"), ("get_bucket_versioning", "AccessDenied", "Access Denied"))
    result = permissions.check(ec2.client, s3.client, WANTED)
    assert [entry["action"] for entry in result["denied"]] == [
        "ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:DescribeTags", "ec2:DescribeVolumes",
        "s3:ListBucket", "s3:GetBucketVersioning",
    ]  # fmt: skip
    assert result["allowed"] == []


def test_an_answer_that_says_neither_is_told_and_no_denial(aws):
    ec2, s3 = aws
    answers(ec2, *[(name, "DryRunOperation", "It would have succeeded.") for name in LOOKS])
    ec2.add_response("describe_instances", {"Reservations": []})
    answers(s3, ("head_bucket", "404", "Not Found"), ("get_bucket_versioning", "NoSuchBucket", "It is not there."))
    result = permissions.check(ec2.client, s3.client, WANTED)
    assert result["denied"] == []
    assert result["unchecked"] == [
        {"action": "ec2:CreateVolume", "reason": "instance i-1 is not there"},
        {"action": "s3:ListBucket", "reason": "AWS answered 404: Not Found"},
        {"action": "s3:GetBucketVersioning", "reason": "AWS answered NoSuchBucket: It is not there."},
    ]


def test_a_call_that_depends_on_another_names_that_one(aws):
    ec2, s3 = aws
    said = (
        "You are not authorized to perform this operation. User: arn:aws:iam::1:user/u is not authorized to perform: "
        "ec2:CreateTags on resource: arn:aws:ec2:r:1:volume/* because no identity-based policy allows the "
        "ec2:CreateTags action. Encoded authorization failure message: x"
    )
    answers(ec2, *[(name, "DryRunOperation", "It would have succeeded.") for name in LOOKS])
    instance = {"InstanceId": "i-1", "Placement": {"AvailabilityZone": "z"}, "BlockDeviceMappings": []}
    ec2.add_response("describe_instances", {"Reservations": [{"Instances": [instance]}]})
    answers(ec2, ("create_volume", "UnauthorizedOperation", said))
    ec2.add_response("describe_volumes", {"Volumes": []})
    result = permissions.check(ec2.client, s3.client, permissions.Wanted(staging_instance_id="i-1"))
    assert result["denied"] == [{"action": "ec2:CreateTags", "resource": "arn:aws:ec2:r:1:volume/*"}]
    assert {entry["action"] for entry in result["unchecked"]} == {
        "ec2:AttachVolume", "ec2:DetachVolume", "ec2:DeleteVolume",
    }  # fmt: skip


def test_without_an_answer_there_is_one_sentence():
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
    given = {"region_name": "ap-south-1", "aws_access_key_id": "a", "aws_secret_access_key": "b", "config": config}
    clients = [boto3.client(name, endpoint_url="http://127.0.0.1:9", **given) for name in ("ec2", "s3")]
    with pytest.raises(api.EbsApiError) as caught:
        permissions.check(*clients, WANTED)
    assert api.explain(caught.value).startswith("Failed to ask for ec2:DescribeInstances: Could not connect")
