"""The policies of docs/iam: what the collection asks of AWS is allowed, each statement is needed, the rest is denied.

The requests are botocore's own, caught before they are sent. The last part asks a control plane that runs.
"""

from __future__ import annotations

import copy
import importlib
import io
import json
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from stagesync_lab import config, iam

ROOT = Path(__file__).resolve().parents[3]
PRIMARY, SECONDARY, STAGING = (config.HOSTS[role].instance_id for role in ("primary", "secondary", "staging"))
SET = config.SNAPSHOT_SET
TARGET = {"stagesync:target": STAGING}
LOCK = f"/stagesync/lock/{STAGING}"
BUCKET = {"Bucket": config.BUCKET}
IN_BUCKET = {**BUCKET, "Key": f"{STAGING}//home/ssm-user/.ansible/tmp/module.py"}
PRODUCTION_PASSWORD = "/production/mongo/backup/password"
STAGING_PASSWORD = "/mongo/admin/password"

TAGS = {
    PRIMARY: {"stagesync:role": "primary"},
    SECONDARY: {"stagesync:role": "secondary"},
    STAGING: {"stagesync:role": "staging"},
    "vol-root": {"Name": "lab-mongo-secondary-root"},
    "vol-production": {"Name": "lab-mongo-secondary-data"},
    "vol-live": {"Name": "lab-mongo-staging-data", **TARGET},
    "vol-was-live": {"stagesync:kind": "live", **TARGET},
    "vol-clean": {"stagesync:kind": "clean", "stagesync:run": "r", **TARGET},
    "vol-parked": {"stagesync:kind": "parked", **TARGET},
    "vol-elsewhere": {"stagesync:kind": "clean", "stagesync:target": "i-0ddddddddddddddd0"},
    "snap-ours": {"stagesync:set": SET, "stagesync:kind": "snapshot", "stagesync:run": "r"},
    "snap-other": {"stagesync:set": "another", "stagesync:kind": "snapshot"},
    "snap-untagged": {},
    "snap-copy": {"stagesync:set": SET, "stagesync:kind": "copy"},
    "snap-masked": {"stagesync:set": f"{SET}-masked", "stagesync:kind": "masked"},
    "snap-theirs": {},
}
KEYS = {
    "vol-clean": config.STAGING_KEY,
    "snap-ours": config.PRODUCTION_KEY,
    "snap-theirs": config.OTHER_KEY,
    config.BUCKET: config.BUCKET_KEY,
    PRODUCTION_PASSWORD: config.PRODUCTION_KEY,
    STAGING_PASSWORD: config.STAGING_KEY,
}


class World:
    """What there is."""

    def tags(self, resource_id):
        return TAGS.get(resource_id)

    def volumes(self, instance_id):
        return {"vol-root": True, "vol-production": False} if instance_id == SECONDARY else {}

    def key(self, resource_id, region=None):  # noqa: ARG002 - here all is in one
        return KEYS.get(resource_id)


# ---- from a call to its checks


@pytest.fixture(scope="module")
def asked():
    """`asked("ec2", "describe_volumes", **parameters)`: the checks of the request that botocore would send."""
    boto3 = pytest.importorskip("boto3")
    from botocore.awsrequest import AWSResponse
    from stagesync_lab.control_plane import Call

    principals = iam.Principals()
    clients = {}

    def client(service, region):
        if (service, region) not in clients:
            made = boto3.client(
                service, region_name=region, endpoint_url="http://127.0.0.1:9",
                aws_access_key_id=config.CONTROLLER_KEY, aws_secret_access_key="x",
            )  # fmt: skip
            made.meta.events.register("before-send", lambda request, **_: caught.append(request) or answer(request))
            clients[service, region] = made
        return clients[service, region]

    def answer(request):
        action = re.search(r"Action=(\w+)", str(request.body))
        empty = f"<a><{action[1]}Result/></a>" if action else "<a/>"
        body = b"{}" if "X-Amz-Target" in request.headers else empty.encode()
        raw = type("Raw", (io.BytesIO,), {"stream": lambda content: iter([content.read()])})
        return AWSResponse(request.url, 200, {}, raw(body))

    caught = []

    def ask(service, method, **parameters):
        region = parameters.pop("region", config.REGION)
        caught.clear()
        getattr(client(service, region), method)(**parameters)
        (request,) = caught
        place = urlsplit(request.url)
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
        environ = {
            "REQUEST_METHOD": request.method, "PATH_INFO": place.path, "QUERY_STRING": place.query,
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "9", "wsgi.url_scheme": "http", "HTTP_HOST": "127.0.0.1:9",
            "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
        }  # fmt: skip
        for name, value in request.headers.items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value if isinstance(value, str) else value.decode()
        call = Call.read(environ)
        assert call.credential.access_key == config.CONTROLLER_KEY
        return iam.checks(call.service, call.operation, call.asked, World(), region, principals.of_session)

    return ask


def specification(resource, /, **tags):
    listed = [{"Key": f"stagesync:{key.replace('_', '-')}", "Value": value} for key, value in tags.items()]
    return [{"ResourceType": resource, "Tags": [*listed, {"Key": "Name", "Value": "name"}]}]


def tag(**tags):
    return [{"Key": f"stagesync:{key.replace('_', '-')}", "Value": value} for key, value in tags.items()]


OF_SET = specification("snapshot", run="r", set=SET, kind="snapshot", source_instance=SECONDARY, set_size="1")
SNAPSHOTS = {
    "InstanceSpecification": {"InstanceId": SECONDARY, "ExcludeBootVolume": True}, "TagSpecifications": OF_SET,
}  # fmt: skip
VOLUME = {"AvailabilityZone": config.ZONE, "VolumeType": "gp3", "Encrypted": True}
CLEAN = {**VOLUME, "Size": 10, "TagSpecifications": specification("volume", run="r", kind="clean", target=STAGING)}
SOURCE = {
    **VOLUME, "SnapshotId": "snap-ours",
    "TagSpecifications": specification("volume", run="r", kind="source", target=STAGING),
}  # fmt: skip
ATTACH = {"VolumeId": "vol-live", "InstanceId": STAGING, "Device": "/dev/sdf"}

# All that the controller asks: service, method, parameters, and the statements that it takes.
CONTROLLER = [
    ("sts", "get_caller_identity", {}, set()),
    *(("ec2", f"describe_{what}", {}, {"LookAtEc2"}) for what in ("instances", "snapshots", "tags", "volumes")),
    ("ec2", "create_snapshots", SNAPSHOTS, {"SnapshotTheSecondary", "MakeSnapshotsOfTheSet", "TagWhatIsMade"}),
    ("ec2", "create_tags", {"Resources": ["snap-ours"], "Tags": tag(source_volume="vol-1")}, {"TagSnapshotsOfTheSet"}),
    ("ec2", "delete_snapshot", {"SnapshotId": "snap-ours"}, {"DeleteSnapshotsOfTheSet"}),
    ("ec2", "create_volume", CLEAN, {"MakeVolumesForStaging", "TagWhatIsMade"}),
    (
        "ec2", "create_volume", {**CLEAN, "KmsKeyId": config.STAGING_KEY},
        {"MakeVolumesForStaging", "TagWhatIsMade", "LookAtTheKeys", "UseTheKeysOfVolumes", "LendTheKeysToEbs"},
    ),
    (
        "ec2", "create_volume", SOURCE,
        {
            "MakeVolumesForStaging", "TagWhatIsMade", "RestoreSnapshotsOfTheSet", "LookAtTheKeys",
            "UseTheKeysOfVolumes", "LendTheKeysToEbs",
        },
    ),
    ("ec2", "attach_volume", ATTACH, {"AttachToStagingOnly", "AttachVolumesOfStaging"}),
    (
        "ec2", "attach_volume", {**ATTACH, "VolumeId": "vol-clean"},
        {"AttachToStagingOnly", "AttachVolumesOfStaging", "UseTheKeysOfVolumes", "LendTheKeysToEbs"},
    ),
    (
        "ec2", "detach_volume", {"VolumeId": "vol-clean", "InstanceId": STAGING},
        {"AttachToStagingOnly", "RemoveVolumesOfRuns"},
    ),
    ("ec2", "delete_volume", {"VolumeId": "vol-parked"}, {"RemoveVolumesOfRuns"}),
    (
        "ec2", "create_tags", {"Resources": ["vol-live"], "Tags": tag(kind="parked", target=STAGING)},
        {"TagVolumesOfStaging"},
    ),
    (
        "ec2", "delete_tags", {"Resources": ["vol-clean"], "Tags": [{"Key": "stagesync:validated"}]},
        {"TakeBackTheMarkOfValidation"},
    ),
    ("ssm", "start_session", {"Target": SECONDARY, "Parameters": {}}, {"OpenSessionsOnTwoHosts", "OpenShellsOnly"}),
    ("ssm", "start_session", {"Target": STAGING, "Parameters": {}}, {"OpenSessionsOnTwoHosts", "OpenShellsOnly"}),
    ("ssm", "terminate_session", {"SessionId": f"{config.CONTROLLER}-0123456789abcdef0"}, {"EndOwnSessions"}),
    ("ssm", "put_parameter", {"Name": LOCK, "Value": "{}", "Type": "String"}, {"HoldTheLock"}),
    ("ssm", "get_parameter", {"Name": LOCK}, {"HoldTheLock"}),
    ("ssm", "delete_parameter", {"Name": f"{LOCK}/takeover-3"}, {"HoldTheLock"}),
    ("kms", "describe_key", {"KeyId": config.STAGING_KEY}, {"LookAtTheKeys"}),
    ("s3", "list_buckets", {}, {"FindTheBucket"}),
    ("s3", "head_bucket", BUCKET, {"LookAtTheBucket"}),
    ("s3", "get_bucket_versioning", BUCKET, {"LookAtTheBucket"}),
    ("s3", "put_object", {**IN_BUCKET, "Body": b"x"}, {"PassFilesThroughTheBucket", "UseTheKeyOfTheBucket"}),
    ("s3", "create_multipart_upload", IN_BUCKET, {"PassFilesThroughTheBucket", "UseTheKeyOfTheBucket"}),
    (
        "s3", "upload_part", {**IN_BUCKET, "UploadId": "u", "PartNumber": 1, "Body": b"x"},
        {"PassFilesThroughTheBucket", "UseTheKeyOfTheBucket"},
    ),
    ("s3", "abort_multipart_upload", {**IN_BUCKET, "UploadId": "u"}, {"PassFilesThroughTheBucket"}),
    ("s3", "get_object", IN_BUCKET, {"PassFilesThroughTheBucket", "UseTheKeyOfTheBucket"}),
    ("s3", "head_object", IN_BUCKET, {"PassFilesThroughTheBucket", "UseTheKeyOfTheBucket"}),
    ("s3", "delete_object", IN_BUCKET, {"PassFilesThroughTheBucket"}),
]  # fmt: skip
OPTIONAL = [
    (
        "ec2", "describe_snapshots", {"region": iam.VALUES["source-region"], "OwnerIds": ["self"]},
        {"LookAtSnapshotsOfTheOtherRegion"},
    ),
    (
        "ec2", "copy_snapshot",
        {
            "SourceRegion": "eu-west-1", "SourceSnapshotId": "snap-0123456789abcdef0",
            "TagSpecifications": specification("snapshot", kind="copy", run="r"),
        },
        {"CopySharedSnapshots", "MakeCopies", "TagCopiesAsTheyAreMade"},
    ),
    *(
        (
            "ec2", "copy_snapshot",
            {
                "SourceRegion": region, "SourceSnapshotId": "snap-theirs", "KmsKeyId": config.STAGING_KEY,
                "TagSpecifications": specification("snapshot", kind="copy", run="r"),
            },
            {
                "CopySharedSnapshots", "MakeCopies", "TagCopiesAsTheyAreMade", "UseTheKeyOfTheOriginal",
                "LendTheKeyOfTheOriginal",
            },
        )
        for region in (config.REGION, config.OTHER_REGION)
    ),
    ("ec2", "delete_snapshot", {"SnapshotId": "snap-copy"}, {"RestoreAndDeleteCopies"}),
    (
        "ec2", "modify_snapshot_attribute",
        {
            "SnapshotId": "snap-ours", "Attribute": "createVolumePermission", "OperationType": "add",
            "UserIds": [iam.VALUES["other-account"]],
        },
        {"ShareSnapshotsOfTheSet"},
    ),
    (
        "ec2", "create_snapshots",
        {
            "InstanceSpecification": {"InstanceId": STAGING, "ExcludeBootVolume": True},
            "TagSpecifications": specification(
                "snapshot", kind="masked", set=f"{SET}-masked", source_instance=STAGING, run="r"
            ),
        },
        {"SnapshotStaging", "MakeMaskedSnapshots"},
    ),
    ("ec2", "create_tags", {"Resources": ["snap-masked"], "Tags": tag(source_volume="vol-1")}, {"UseMaskedSnapshots"}),
    ("ec2", "create_volume", {**SOURCE, "SnapshotId": "snap-masked"}, {"UseMaskedSnapshots"}),
    (
        "ec2", "describe_snapshot_attribute", {"SnapshotId": "snap-masked", "Attribute": "createVolumePermission"},
        {"LookAtShares"},
    ),
    ("ec2", "delete_snapshot", {"SnapshotId": "snap-masked"}, {"UseMaskedSnapshots"}),
    (
        "ec2", "modify_snapshot_attribute",
        {
            "SnapshotId": "snap-masked", "Attribute": "createVolumePermission",
            "CreateVolumePermission": {"Add": [{"UserId": iam.VALUES["other-account"]}]},
        },
        {"ShareMaskedSnapshots"},
    ),
]  # fmt: skip
HOSTS = {
    "production-instance": [("ssm", "get_parameters", ["/production/mongo/backup", PRODUCTION_PASSWORD])],
    "staging-instance": [
        ("ssm", "get_parameters", ["/mongo/admin", STAGING_PASSWORD]),
        ("ssm", "get_parameters", ["/stagesync/masking-key"]),
    ],
}


def basic():
    """The controller's two policies as one."""
    first, second = iam.render("controller"), iam.render("controller-connection")
    return {**first, "Statement": first["Statement"] + second["Statement"]}


def principal(*documents, arn=f"arn:aws:iam::{config.ACCOUNT}:user/{config.CONTROLLER}"):
    statements = tuple(statement for document in documents for statement in iam.parse(document))
    return iam.Principal(arn, config.CONTROLLER_ID, config.CONTROLLER, statements)


def without(document, sid):
    left = copy.deepcopy(document)
    left["Statement"] = [statement for statement in left["Statement"] if statement["Sid"] != sid]
    assert len(left["Statement"]) == len(document["Statement"]) - 1
    return left


# ---- the controller


def test_every_call_is_allowed_and_each_statement_is_needed_by_just_these_calls(asked):
    document = basic()
    needed = [(f"{service}.{name}", asked(service, name, **given), sids) for service, name, given, sids in CONTROLLER]
    # The plugin's own, to the host's data channel; no lab has it.
    channel = iam.Check("ssmmessages:OpenDataChannel", f"arn:aws:ssm:{config.REGION}:{config.ACCOUNT}:session/s")
    needed.append(("the session's data channel", [channel], {"UseSessions"}))
    whole = principal(document)
    assert {name: whole.refusal(checks) for name, checks, _sids in needed if whole.refusal(checks)} == {}
    for sid in [statement["Sid"] for statement in document["Statement"]]:
        reduced = principal(without(document, sid))
        denied = [number for number, (_n, checks, _s) in enumerate(needed) if reduced.refusal(checks)]
        assert denied, f"nothing needs {sid}"
        assert denied == [number for number, (_n, _c, sids) in enumerate(needed) if sid in sids], sid


def test_the_optional_statements_allow_what_is_optional(asked):
    document = iam.render("controller-optional")
    needed = [(asked(service, method, **given), sids) for service, method, given, sids in OPTIONAL]
    for checks, _sids in needed:
        assert principal(basic()).refusal(checks)
        assert principal(basic(), document).refusal(checks) is None
    for sid in [statement["Sid"] for statement in document["Statement"]]:
        reduced = principal(basic(), without(document, sid))
        denied = [number for number, (checks, _s) in enumerate(needed) if reduced.refusal(checks)]
        assert denied == [number for number, (_c, sids) in enumerate(needed) if sid in sids], sid
        assert denied, f"nothing needs {sid}"


def volume(**changed):
    return {**CLEAN, **changed}


FORBIDDEN = [
    # production
    ("ssm", "start_session", {"Target": PRIMARY}),
    ("ssm", "start_session", {"Target": STAGING, "DocumentName": "AWS-StartPortForwardingSession"}),
    ("ec2", "create_snapshots", {**SNAPSHOTS, "InstanceSpecification": {"InstanceId": PRIMARY}}),
    ("ec2", "create_snapshots", {**SNAPSHOTS, "TagSpecifications": specification("snapshot", set="another")}),
    ("ec2", "create_snapshots", {"InstanceSpecification": {"InstanceId": SECONDARY}}),
    ("ec2", "attach_volume", {**ATTACH, "InstanceId": SECONDARY}),
    ("ec2", "attach_volume", {**ATTACH, "VolumeId": "vol-production"}),
    ("ec2", "detach_volume", {"VolumeId": "vol-production", "InstanceId": SECONDARY}),
    ("ec2", "delete_volume", {"VolumeId": "vol-production"}),
    ("ec2", "create_tags", {"Resources": ["vol-production"], "Tags": tag(target=STAGING, kind="parked")}),
    ("ec2", "create_tags", {"Resources": [PRIMARY], "Tags": tag(role="staging")}),
    ("ec2", "create_tags", {"Resources": ["vol-live", "vol-production"], "Tags": tag(kind="parked")}),
    ("ec2", "stop_instances", {"InstanceIds": [SECONDARY]}),
    ("ssm", "get_parameter", {"Name": PRODUCTION_PASSWORD, "WithDecryption": True}),
    ("ssm", "get_parameters", {"Names": [LOCK, STAGING_PASSWORD]}),
    ("ssm", "send_command", {"DocumentName": "AWS-RunShellScript", "InstanceIds": [SECONDARY]}),
    # what is not of the set, or not of a run
    ("ec2", "delete_snapshot", {"SnapshotId": "snap-other"}),
    ("ec2", "delete_snapshot", {"SnapshotId": "snap-untagged"}),
    ("ec2", "create_tags", {"Resources": ["snap-untagged"], "Tags": tag(set=SET, kind="snapshot")}),
    ("ec2", "create_tags", {"Resources": ["snap-ours"], "Tags": tag(set="another")}),
    ("ec2", "create_volume", {**SOURCE, "SnapshotId": "snap-untagged"}),
    ("ec2", "delete_volume", {"VolumeId": "vol-live"}),
    ("ec2", "delete_volume", {"VolumeId": "vol-was-live"}),
    ("ec2", "delete_volume", {"VolumeId": "vol-elsewhere"}),
    ("ec2", "detach_volume", {"VolumeId": "vol-was-live", "InstanceId": STAGING}),
    ("ec2", "create_volume", volume(Encrypted=False)),
    ("ec2", "create_volume", volume(TagSpecifications=specification("volume", kind="live", target=STAGING))),
    ("ec2", "create_volume", volume(TagSpecifications=specification("volume", kind="clean", target=PRIMARY))),
    ("ec2", "create_volume", volume(KmsKeyId=config.BUCKET_KEY)),
    ("ec2", "create_tags", {"Resources": ["vol-clean"], "Tags": [{"Key": "Environment", "Value": "x"}]}),
    ("ec2", "create_tags", {"Resources": ["vol-clean"], "Tags": tag(target=PRIMARY)}),
    ("ec2", "delete_tags", {"Resources": ["vol-clean"], "Tags": [{"Key": "stagesync:target"}]}),
    # elsewhere
    ("ec2", "describe_volumes", {"region": "us-east-1"}),
    ("ec2", "modify_snapshot_attribute", {"SnapshotId": "snap-ours", "OperationType": "add", "UserIds": ["1"]}),
    ("ssm", "put_parameter", {"Name": "/mongo/admin/password", "Value": "x", "Type": "String"}),
    ("ssm", "terminate_session", {"SessionId": "somebody-0123456789abcdef0"}),
    ("s3", "put_object", {**BUCKET, "Key": f"{PRIMARY}/file", "Body": b"x"}),
    ("s3", "put_object", {**IN_BUCKET, "Bucket": "another", "Body": b"x"}),
    ("s3", "put_bucket_versioning", {**BUCKET, "VersioningConfiguration": {"Status": "Enabled"}}),
    ("iam", "list_account_aliases", {}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "method", "given"), FORBIDDEN)
def test_the_controller_may_not(asked, service, method, given):
    checks = asked(service, method, **given)
    assert principal(basic()).refusal(checks)
    # The optional statements open none of these: sharing with another account than the one named stays forbidden.
    assert principal(basic(), iam.render("controller-optional")).refusal(checks)


# ---- the hosts


@pytest.mark.parametrize("name", HOSTS)
def test_a_host_reads_its_own_parameters_and_nothing_else(asked, name):
    document = iam.render(name)
    host = principal(document)
    own = [asked(service, method, Names=names, WithDecryption=True) for service, method, names in HOSTS[name]]
    assert [host.refusal(checks) for checks in own] == [None] * len(own)
    others = [call for other, calls in HOSTS.items() if other != name for call in calls]
    for service, method, names in others:
        for one in names:  # with one of its own beside it, too
            for asked_for in ([one], [one, HOSTS[name][0][2][0]]):
                assert host.refusal(asked(service, method, Names=asked_for, WithDecryption=True))
    for service, method, given, _sids in [*CONTROLLER, *OPTIONAL]:
        if method != "get_caller_identity":
            assert host.refusal(asked(service, method, **given)), method
    for sid in ("ReadOwnParameters", "DecryptOwnParameters"):
        assert principal(without(document, sid)).refusal(own[0]), sid


@pytest.mark.parametrize(
    ("name", "foreign"), [("staging-instance", PRODUCTION_PASSWORD), ("production-instance", STAGING_PASSWORD)]
)
def test_awss_own_policy_for_instances_does_not_open_the_others_parameters(asked, name, foreign):
    # AmazonSSMManagedInstanceCore allows these on every parameter of the account.
    managed = {"Sid": "Core", "Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:GetParameters"], "Resource": "*"}
    core = {"Version": "2012-10-17", "Statement": [managed]}
    document = iam.render(name)
    for method, given in (("get_parameters", {"Names": [foreign]}), ("get_parameter", {"Name": foreign})):
        checks = asked("ssm", method, **given)
        assert "with an explicit deny" in principal(document, core).refusal(checks)
        assert principal(without(document, "ReadNoOtherParameters"), core).refusal(checks) is None
    own = asked("ssm", "get_parameters", Names=HOSTS[name][0][2], WithDecryption=True)
    assert principal(document, core).refusal(own) is None


def test_the_agent_of_a_host_may_open_its_channels():
    for name in HOSTS:
        document = iam.render(name)
        for action in ("ssm:UpdateInstanceInformation", "ssmmessages:OpenControlChannel"):
            assert principal(document).refusal([iam.Check(action)]) is None
            assert principal(without(document, "AgentOfSessions")).refusal([iam.Check(action)])


# ---- the code asks nothing that is not in the lists above


def test_the_lists_name_all_that_the_code_asks():
    boto3 = pytest.importorskip("boto3")
    known = {call[:2] for call in [*CONTROLLER, *OPTIONAL, *HOSTS["staging-instance"]]}
    services = {name: boto3.client(name, region_name=config.REGION) for name in ("ec2", "ssm", "sts", "kms")}
    unlisted = set()
    for path in (ROOT / "plugins").rglob("*.py"):
        text = path.read_text()
        words = set(re.findall(r"\.((?:[a-z]+_)+[a-z]+)\b", text)) | set(re.findall(r"get_paginator\(\"(\w+)\"", text))
        for service, client in services.items():
            asked_for = words & set(client.meta.method_to_api_mapping)
            unlisted |= {(path.name, service, method) for method in asked_for if (service, method) not in known}
    assert unlisted == set()


def test_the_lists_name_all_that_other_collections_ask():
    # What each asks is listed above; a new one has to be looked at.
    looked_at = {
        "aws_caller_info",
        "s3_bucket_info",
        "ec2_snapshot_info",
        "ec2_vol_info",
        "ec2_tag",
        "aws_ec2",
        "aws_ssm",
    }
    used = set()
    for folder in ("roles", "playbooks", "inventories"):
        for path in (ROOT / folder).rglob("*.yml"):
            used |= set(re.findall(r"\b(?:amazon|community)\.aws\.(\w+)", path.read_text()))
    assert used == looked_at


# ---- the evaluator


def statement(**changed):
    raw = {"Sid": "s", "Effect": "Allow", "Action": "ec2:DeleteVolume", "Resource": "*", **changed}
    return {"Version": "2012-10-17", "Statement": [{key: value for key, value in raw.items() if value is not None}]}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"Condition": {"NumericLessThan": {"ec2:VolumeSize": "9"}}}, "NumericLessThan"),
        ({"Condition": {"ForSome:StringLike": {"aws:TagKeys": "a"}}}, "ForSome:StringLike"),
        ({"Action": None, "NotAction": "ec2:DeleteVolume"}, "NotAction"),
        ({"Principal": "*"}, "Principal"),
        ({"Effect": "allow"}, "Effect"),
        ({"NotResource": "*"}, "Resource or NotResource"),
    ],
)
def test_what_the_lab_cannot_evaluate_stops_it(changed, said):
    with pytest.raises(iam.PolicyError, match=re.escape(said)):
        iam.parse(statement(**changed))


@pytest.mark.parametrize(
    ("condition", "context", "allowed"),
    [
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": ("b",)}, True),
        ({"StringEquals": {"k": "a"}}, {"k": ("A",)}, False),
        ({"StringEquals": {"K": "a"}}, {"k": ("a",)}, True),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"k": "a"}}, {"k": ("b",)}, False),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": ("b",)}, False),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": ("c",)}, True),
        ({"StringLike": {"k": "a*[c]?"}}, {"k": ("ab[c]d",)}, True),
        ({"StringLike": {"k": "a?"}}, {"k": ("a",)}, False),
        ({"Bool": {"k": "true"}}, {"k": ("True",)}, True),
        ({"Bool": {"k": "true"}}, {}, False),
        ({"ForAllValues:StringLike": {"k": ["x:*", "y"]}}, {"k": ("x:1", "y")}, True),
        ({"ForAllValues:StringLike": {"k": ["x:*", "y"]}}, {"k": ("x:1", "z")}, False),
        ({"ForAllValues:StringLike": {"k": "x"}}, {}, True),
        ({"ForAnyValue:StringLike": {"k": "x"}}, {"k": ("z", "x")}, True),
        ({"ForAnyValue:StringLike": {"k": "x"}}, {}, False),
        ({"StringEquals": {"k": "${aws:userid}"}}, {"k": (config.CONTROLLER_ID,)}, True),
        ({"StringEquals": {"k": "${aws:nothing}"}}, {"k": ("${aws:nothing}",)}, False),
        ({"StringEquals": {"k": "a", "j": "b"}}, {"k": ("a",)}, False),
    ],
)
def test_conditions(condition, context, allowed):
    checks = [iam.Check("ec2:DeleteVolume", "arn", context)]
    assert (principal(statement(Condition=condition)).refusal(checks) is None) is allowed


def test_a_deny_wins_and_an_action_is_matched_without_case():
    denied = principal(statement(Action="EC2:*"), statement(Effect="Deny", Resource="arn:x*"))
    assert denied.refusal([iam.Check("ec2:DeleteVolume", "arn:y")]) is None
    assert "explicit deny" in denied.refusal([iam.Check("ec2:DeleteVolume", "arn:x1")])


def test_a_placeholder_without_a_value_is_named():
    with pytest.raises(iam.PolicyError, match="controller.json has placeholders without a value: account, set"):
        iam.render("controller", {name: value for name, value in iam.VALUES.items() if name not in ("account", "set")})


@pytest.mark.parametrize("path", sorted((ROOT / "docs/iam").glob("*.json")), ids=lambda path: path.stem)
def test_a_policy_fits_into_iam_and_the_readme_names_what_it_holds(path):
    text = path.read_text()
    # IAM takes 6144 characters for a managed policy and counts no white space; names may be longer than the lab's.
    assert len(re.sub(r"\s", "", json.dumps(iam.render(path.stem)))) <= 5500
    readme = (path.parent / "README.md").read_text()
    assert path.name in readme
    for name in re.findall(r"<([a-z-]+)>", text):
        assert f"`<{name}>`" in readme


# ---- a control plane that runs


@pytest.fixture
def as_controller(endpoint, monkeypatch):
    """The modules, asking as Ansible does on the lab."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": config.CONTROLLER_KEY,
        "AWS_SECRET_ACCESS_KEY": config.SECRET_KEY,
        "AWS_DEFAULT_REGION": config.REGION,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    return endpoint


def module(name, collection="stagesync.aws"):
    return importlib.import_module(f"ansible_collections.{collection}.plugins.modules.{name}")


@pytest.fixture(scope="module")
def call():
    """`call(module, **params)` runs a module's main in this process; its result."""
    testing = pytest.importorskip("ansible.module_utils.testing")
    from contextlib import redirect_stdout

    def run(what, **params):
        out = io.StringIO()
        args = {"region": config.REGION, **params}
        with testing.patch_module_args(args), redirect_stdout(out), pytest.raises(SystemExit):
            what.main()
        return json.loads(out.getvalue().strip().splitlines()[-1])

    return run


def attached(endpoint, instance_id, **tags):
    """A volume of the instance, made by an administrator."""
    ec2 = endpoint.client("ec2")
    made = ec2.create_volume(
        AvailabilityZone=config.ZONE, Size=1, VolumeType="gp3", Encrypted=True,
        TagSpecifications=[{"ResourceType": "volume", "Tags": tag(**tags) + [{"Key": "Name", "Value": "data"}]}],
    )["VolumeId"]  # fmt: skip
    ec2.get_waiter("volume_available").wait(VolumeIds=[made], WaiterConfig={"Delay": 0.2})
    ec2.attach_volume(VolumeId=made, InstanceId=instance_id, Device="/dev/sdg")
    for _attempt in range(100):
        (attachment,) = ec2.describe_volumes(VolumeIds=[made])["Volumes"][0]["Attachments"]
        if attachment["State"] == "attached":
            return made
        time.sleep(0.1)
    raise AssertionError(f"{made} is not attached to {instance_id}")


@pytest.fixture(scope="module")
def data(endpoint):
    """The data volumes of the secondary and of staging."""
    return {"secondary": attached(endpoint, SECONDARY), "staging": attached(endpoint, STAGING, target=STAGING)}


ASKED = {
    "secondary_instance_id": SECONDARY, "staging_instance_id": STAGING, "set_name": SET, "bucket": config.BUCKET,
}  # fmt: skip
EVERY = {
    "ec2:AttachVolume", "ec2:CreateSnapshots", "ec2:CreateTags", "ec2:CreateVolume", "ec2:DeleteSnapshot",
    "ec2:DeleteTags", "ec2:DeleteVolume", "ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:DescribeTags",
    "ec2:DescribeVolumes", "ec2:DetachVolume", "s3:GetBucketVersioning", "s3:ListBucket",
}  # fmt: skip


def state(endpoint):
    ec2 = endpoint.client("ec2")
    found = [*ec2.describe_volumes()["Volumes"], *ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]]
    for one in found:
        one.get("Tags", []).sort(key=lambda entry: entry["Key"])
    return found


def error_of(call, **given):
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Message"]


def test_before_the_first_run_the_check_says_what_it_could_not_ask(as_controller, data, call):  # noqa: ARG001 - the volumes
    before = state(as_controller)
    result = call(module("iam_check"), **ASKED)
    assert result["denied"] == []
    assert {entry["action"] for entry in result["unchecked"]} == {
        "ec2:DeleteSnapshot", "ec2:DeleteVolume", "ec2:DetachVolume",
    }  # fmt: skip
    assert set(result["allowed"]) == EVERY - {entry["action"] for entry in result["unchecked"]}
    assert state(as_controller) == before


def test_the_collections_own_modules_do_a_run_with_the_controllers_permissions(as_controller, data, call):  # noqa: ARG001
    snapshots = {"instance_id": SECONDARY, "volume_ids": [data["secondary"]], "set_name": SET}
    for run_id in ("first-run", "second-run"):
        taken = call(module("ebs_snapshot_set"), run_id=run_id, tags={"Name": "n"}, wait=True, **snapshots)
        assert not taken.get("failed"), taken
    chosen = call(module("ebs_snapshot_info"), tags={"stagesync:set": SET}, select="latest")["chosen"]
    assert chosen["run_id"] == "second-run"
    made = {}
    for kind, given in {"source": {"snapshot_id": chosen["snapshot_ids"][0]}, "clean": {"size_gib": 1}}.items():
        tags = {"stagesync:run": "second-run", "stagesync:kind": kind, "stagesync:target": STAGING}
        answer = call(module("ebs_volume"), name=f"n-{kind}", instance_id=STAGING, tags=tags, wait_timeout=60, **given)
        assert not answer.get("failed"), answer
        found = call(module("ec2_vol_info", "amazon.aws"), filters={"tag:Name": f"n-{kind}"})["volumes"]
        made[kind] = found[0]["id"]
    for marked in ("present", "absent"):
        answer = call(
            module("ec2_tag", "amazon.aws"), resource=made["clean"], state=marked, tags={"stagesync:validated": "now"}
        )
        assert answer["changed"], answer
    live = {"stagesync:kind": "live", "stagesync:target": STAGING}
    parked = {"stagesync:kind": "parked", "stagesync:parked-at": "now", "stagesync:target": STAGING}
    for volume_id, tags in ((made["clean"], live), (data["staging"], parked)):
        assert call(module("ec2_tag", "amazon.aws"), resource=volume_id, tags=tags)["changed"]
    everything = call(module("iam_check"), **ASKED)
    assert (everything["denied"], everything["unchecked"]) == ([], [])
    assert set(everything["allowed"]) == EVERY
    gone = call(module("ebs_volume"), state="absent", volume_ids=[made["source"], data["staging"]], wait_timeout=60)
    assert set(gone["deleted"]) == {made["source"], data["staging"]}
    pruned = call(module("ebs_snapshot_set"), state="pruned", set_name=SET, instance_id=SECONDARY, keep=1)
    assert len(pruned["deleted"]) == 1
    assert call(module("aws_caller_info", "amazon.aws"))["arn"].endswith(f":user/{config.CONTROLLER}")
    bucket = call(module("s3_bucket_info", "amazon.aws"), name=config.BUCKET, bucket_facts={"bucket_versioning": True})
    assert [one["name"] for one in bucket["buckets"]] == [config.BUCKET]


def test_the_check_names_all_that_is_denied_at_once(as_controller, data, call):  # noqa: ARG001
    before = state(as_controller)
    result = call(module("iam_check"), **{**ASKED, "secondary_instance_id": PRIMARY, "set_name": "another"})
    instance = f"arn:aws:ec2:{config.REGION}:{config.ACCOUNT}:instance/{PRIMARY}"
    assert result["denied"] == [{"action": "ec2:CreateSnapshots", "resource": instance}]
    ec2 = as_controller.client("ec2")
    filters = [{"Name": "tag:stagesync:target", "Values": [STAGING]}]
    mine = [one["VolumeId"] for one in ec2.describe_volumes(Filters=filters)["Volumes"]]
    ec2.delete_tags(Resources=mine, Tags=[{"Key": "stagesync:target"}])
    try:
        result = call(module("iam_check"), **ASKED)
    finally:
        ec2.create_tags(Resources=mine, Tags=tag(target=STAGING))
    assert {entry["action"] for entry in result["denied"]} == {"ec2:AttachVolume", "ec2:CreateTags", "ec2:DeleteTags"}
    assert state(as_controller) == before


def test_who_is_not_known_is_denied(endpoint):
    import urllib.error
    import urllib.request

    stranger = "AKIASTRANGER00000000"
    assert error_of(endpoint.client("ec2", stranger).describe_volumes)[:2] == ("AuthFailure", 401)
    refused = error_of(endpoint.client("ssm", stranger).get_parameter, Name="/a")
    assert refused[:2] == ("UnrecognizedClientException", 400)
    assert error_of(endpoint.client("sts", stranger).get_caller_identity)[:2] == ("InvalidClientTokenId", 403)
    assert error_of(endpoint.client("s3", stranger).list_buckets)[:2] == ("InvalidAccessKeyId", 403)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{endpoint.url}/{config.BUCKET}/file")
    assert caught.value.code == 403


def test_each_service_refuses_in_its_own_words(endpoint):
    key = config.CONTROLLER_KEY
    user = f"User: arn:aws:iam::{config.ACCOUNT}:user/{config.CONTROLLER} is not authorized to perform:"
    code, status, said = error_of(endpoint.client("ec2", key).stop_instances, InstanceIds=[SECONDARY])
    assert (code, status) == ("UnauthorizedOperation", 403)
    assert said.startswith(f"You are not authorized to perform this operation. {user} ec2:StopInstances")
    code, status, said = error_of(endpoint.client("ssm", key).start_session, Target=PRIMARY)
    assert (code, status) == ("AccessDeniedException", 400)
    assert said.startswith(f"{user} ssm:StartSession on resource: arn:aws:ec2:")
    code, status, said = error_of(endpoint.client("s3", key).put_object, Bucket=config.BUCKET, Key="a", Body=b"x")
    assert (code, status) == ("AccessDenied", 403)
    assert "s3:PutObject" in said
    assert error_of(endpoint.client("s3", key).head_object, Bucket=config.BUCKET, Key="a")[:2] == ("403", 403)


def test_a_dry_run_answers_and_does_nothing(endpoint):
    before = state(endpoint)
    controller = endpoint.client("ec2", config.CONTROLLER_KEY)
    assert error_of(controller.create_volume, DryRun=True, **CLEAN)[:2] == ("DryRunOperation", 412)
    assert error_of(controller.create_volume, DryRun=True, **volume(Encrypted=False))[0] == "UnauthorizedOperation"
    assert error_of(endpoint.client("ec2").describe_instances, DryRun=True)[0] == "DryRunOperation"
    assert state(endpoint) == before


def test_a_session_belongs_to_who_opened_it(endpoint, machine):  # noqa: ARG001 - a host that is up
    mine = endpoint.client("ssm", config.CONTROLLER_KEY)
    session = mine.start_session(Target=STAGING)["SessionId"]
    assert session.startswith(f"{config.CONTROLLER}-")
    others = endpoint.client("ssm").start_session(Target=STAGING)["SessionId"]
    assert error_of(mine.terminate_session, SessionId=others)[0] == "AccessDeniedException"
    assert mine.terminate_session(SessionId=session)["SessionId"] == session


def test_a_host_asks_as_its_own_instance_role():
    from stagesync_lab.metadata import Metadata

    principals = iam.Principals()
    service = Metadata(config.HOSTS.values(), given_out=principals.add_instance)
    arns = {}
    for role, host in config.HOSTS.items():
        known = json.loads(service._role_credentials(host))
        arns[role] = principals.of_key(known["AccessKeyId"]).arn
    roles = f"arn:aws:sts::{config.ACCOUNT}:assumed-role"
    assert arns == {
        "primary": f"{roles}/stagesync-lab-production/{PRIMARY}",
        "secondary": f"{roles}/stagesync-lab-production/{SECONDARY}",
        "staging": f"{roles}/stagesync-lab-staging/{STAGING}",
    }
