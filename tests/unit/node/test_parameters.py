# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import sys

import boto3
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils import parameters
from botocore.exceptions import CredentialRetrievalError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber


@pytest.fixture
def ssm(monkeypatch):
    """The client that `resolve` gets, with answers laid out by the test."""
    client = boto3.client("ssm", region_name="ap-south-1", aws_access_key_id="x", aws_secret_access_key="x")
    monkeypatch.setattr(boto3.session.Session, "client", lambda *_args, **_options: client)
    with Stubber(client) as stubber:
        yield stubber


def answer(ssm, names, values, invalid=()):
    ssm.add_response(
        "get_parameters",
        {
            "Parameters": [{"Name": n, "Value": v} for n, v in values.items()],
            **({"InvalidParameters": invalid} if invalid else {}),
        },
        {"Names": names, "WithDecryption": True},
    )


def test_values_by_name_each_asked_for_once(ssm):
    answer(ssm, ["/a", "/b"], {"/b": "2", "/a": "1"})
    assert parameters.resolve(["/a", "/b", "/a"]) == {"/a": "1", "/b": "2"}


def test_more_than_ten_names_take_two_calls(ssm):
    names = [f"/p{i}" for i in range(12)]
    answer(ssm, names[:10], {n: n for n in names[:10]})
    answer(ssm, names[10:], {n: n for n in names[10:]})
    assert parameters.resolve(names) == {n: n for n in names}


def test_an_arn_is_answered_under_the_arn(ssm):
    arn = "arn:aws:ssm:ap-south-1:123456789012:parameter/a"
    ssm.add_response("get_parameters", {"Parameters": [{"Name": "/a", "ARN": arn, "Value": "1"}]})
    assert parameters.resolve([arn]) == {arn: "1"}


def test_a_version_is_answered_under_its_selector(ssm):
    ssm.add_response("get_parameters", {"Parameters": [{"Name": "/key", "Selector": ":3", "Value": "old"}]})
    assert parameters.resolve(["/key:3"]) == {"/key:3": "old"}


def test_no_names_need_no_call():
    assert parameters.resolve([]) == {}


def test_a_missing_parameter_is_named_and_no_value_is(ssm):
    answer(ssm, ["/a", "/b"], {"/a": "the-value"}, invalid=["/b"])
    with pytest.raises(
        parameters.ParameterError, match=r"SSM parameter /b does not exist in region ap-south-1"
    ) as error:
        parameters.resolve(["/a", "/b"])
    assert "the-value" not in str(error.value)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDeniedException", "access to ssm:GetParameters .* was denied"),
        ("ExpiredTokenException", "refused this host's credentials"),
        ("InvalidKeyId", "the key that encrypts it cannot be used"),
        ("InternalServerError", "AWS answered InternalServerError"),
    ],
)
def test_what_aws_refuses(ssm, code, said):
    ssm.add_client_error("get_parameters", code, "message of AWS")
    with pytest.raises(parameters.ParameterError, match=f"Cannot read SSM parameter /a: .*{said}"):
        parameters.resolve(["/a"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoCredentialsError(), "no AWS credentials were found"),
        (CredentialRetrievalError(provider="x", error_msg="y"), "no AWS credentials were found"),
        (EndpointConnectionError(endpoint_url="http://ssm.test"), "http://ssm.test cannot be reached"),
    ],
)
def test_what_does_not_reach_aws(monkeypatch, error, said):
    def fail(*_args, **_options):
        raise error

    monkeypatch.setattr(boto3.session.Session, "client", fail)
    with pytest.raises(parameters.ParameterError, match=said):
        parameters.resolve(["/a"])


def test_no_region(monkeypatch, tmp_path):
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(parameters.ParameterError, match="set the region option"):
        parameters.resolve(["/a"])


def test_no_boto3(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(parameters.ParameterError, match="boto3 is needed on this host"):
        parameters.resolve(["/a"])


def test_an_empty_name():
    with pytest.raises(parameters.ParameterError, match="is empty"):
        parameters.resolve(["/a", ""])
