"""The instance metadata service, asked as a WSGI application; botocore's own fetcher is one of the askers."""

from __future__ import annotations

import json
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from stagesync_lab import config
from stagesync_lab.metadata import Metadata

STAGING = config.HOSTS["staging"]
PRIMARY = config.HOSTS["primary"]
ROLE = "stagesync-lab-staging"


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def service(clock):
    return Metadata(config.HOSTS.values(), now=clock)


def ask(service, path, method="GET", address=STAGING.address, **headers):
    """Status and body of one request."""
    names = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    seen = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "REMOTE_ADDR": address, **names}
    content = service(environ, lambda status, _headers: seen.append(int(status.split()[0])))
    return seen[0], b"".join(content).decode()


def token(service, address=STAGING.address, seconds="60"):
    return ask(service, "/latest/api/token", "PUT", address, x_aws_ec2_metadata_token_ttl_seconds=seconds)[1]


def get(service, path, address=STAGING.address):
    return ask(service, path, address=address, x_aws_ec2_metadata_token=token(service, address))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/latest/meta-data/instance-id", STAGING.instance_id),
        ("/latest/meta-data/local-ipv4", "10.77.0.13"),
        ("/latest/meta-data/placement/region", "ap-south-1"),
        ("/latest/meta-data/placement/availability-zone", "ap-south-1a"),
        ("/latest/meta-data/iam/security-credentials/", ROLE),
        ("/latest/meta-data/placement/", "availability-zone\nregion"),
    ],
)
def test_what_a_host_learns_about_itself(service, path, value):
    assert get(service, path) == (200, value)


def test_hosts_are_told_apart_by_their_address(service):
    path = "/latest/meta-data/instance-id"
    assert get(service, path, PRIMARY.address)[1] == PRIMARY.instance_id
    assert get(service, path)[1] == STAGING.instance_id
    assert ask(service, path, address="10.77.0.99")[0] == 404


def test_the_identity_document_names_instance_region_and_account(service):
    document = json.loads(get(service, "/latest/dynamic/instance-identity/document")[1])
    assert document["instanceId"] == STAGING.instance_id
    assert document["region"] == config.REGION
    assert document["accountId"] == config.ACCOUNT


def test_there_is_no_version_1(service):
    assert ask(service, "/latest/meta-data/instance-id")[0] == 401


def test_a_token_ends_and_belongs_to_one_host(service, clock):
    mine = token(service, seconds="60")
    path = "/latest/meta-data/instance-id"
    assert ask(service, path, x_aws_ec2_metadata_token=mine)[0] == 200
    assert ask(service, path, address=PRIMARY.address, x_aws_ec2_metadata_token=mine)[0] == 401
    clock.now += 61
    assert ask(service, path, x_aws_ec2_metadata_token=mine)[0] == 401


@pytest.mark.parametrize("seconds", ["", "0", "21601", "long"])
def test_a_token_needs_a_lifetime(service, seconds):
    answer = ask(service, "/latest/api/token", "PUT", x_aws_ec2_metadata_token_ttl_seconds=seconds)
    assert answer[0] == 400


def test_a_forwarded_request_is_refused(service):
    headers = {"x_aws_ec2_metadata_token_ttl_seconds": "60", "x_forwarded_for": "192.0.2.1"}
    assert ask(service, "/latest/api/token", "PUT", **headers)[0] == 403


def test_an_unknown_path_or_method(service):
    assert get(service, "/latest/meta-data/nothing")[0] == 404
    assert ask(service, "/latest/meta-data/instance-id", "POST")[0] == 405


def test_credentials_stay_the_same_until_they_are_about_to_end(service, clock):
    path = f"/latest/meta-data/iam/security-credentials/{ROLE}"
    first = json.loads(get(service, path)[1])
    assert first["AccessKeyId"].startswith("ASIA")
    assert len(first["AccessKeyId"]) == 20
    clock.now += 5 * 3600
    assert json.loads(get(service, path)[1]) == first
    clock.now += 50 * 60
    renewed = json.loads(get(service, path)[1])
    assert renewed["AccessKeyId"] != first["AccessKeyId"]
    assert renewed["Expiration"] > first["Expiration"]


def test_botocore_gets_its_credentials_from_it():
    from botocore.utils import InstanceMetadataFetcher

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_args):
            return

    local = config.Host("staging", STAGING.instance_id, "127.0.0.1", "staging")
    server = make_server("127.0.0.1", 0, Metadata([local]), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        fetcher = InstanceMetadataFetcher(
            timeout=5,
            num_attempts=1,
            user_agent="test",
            config={"ec2_metadata_service_endpoint": f"http://127.0.0.1:{server.server_port}"},
        )
        found = fetcher.retrieve_iam_role_credentials()
    finally:
        server.shutdown()
        server.server_close()
    assert found["role_name"] == ROLE
    assert found["access_key"].startswith("ASIA")
    assert found["expiry_time"]
