# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What all calls to EC2 share: errors in one sentence, the end of a module, tags, the instance."""

from __future__ import annotations

from typing import Callable

try:
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    Config = None  # AnsibleAWSModule reports the missing package
    ClientError = type("ClientError", (Exception,), {})

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.errors import AWSErrorHandler
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import ansible_dict_to_boto3_tag_list

# EC2 takes at most this many values in one filter.
FILTER_VALUES = 200
MISSING = ["InvalidSnapshot.NotFound", "InvalidVolume.NotFound"]
# What CreateSnapshots answers when there are too many at the moment; a volume needs 15 s between two.
SNAPSHOTS_BUSY = {
    "ConcurrentSnapshotLimitExceeded",
    "PendingSnapshotLimitExceeded",
    "SnapshotCreationPerVolumeRateExceeded",
}
TRANSIENT = SNAPSHOTS_BUSY | {
    "InternalError",
    "InternalFailure",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttling",
    "TooManyRequestsException",
    "Unavailable",
}

_ADVICE = {
    "AccessDenied": "allow the action to the role or user that Ansible runs as",
    "UnauthorizedOperation": "allow the action to the role or user that Ansible runs as",
    "AttachmentLimitExceeded": "detach a volume that the instance does not need",
    "AuthFailure": "check the credentials and the clock of the controller",
    "ExpiredToken": "renew the credentials",
    "InvalidClientTokenId": "check the credentials",
    "InvalidInstanceID.Malformed": "correct the instance id",
    "InvalidInstanceID.NotFound": "correct the instance id or the region",
    "InvalidSnapshot.InUse": "deregister the image that uses it",
    "InvalidSnapshot.NotFound": "correct the snapshot id, the region or the owner",
    "InvalidSnapshotID.Malformed": "correct the snapshot id",
    "InvalidParameterValue": "correct the value",
    "InvalidVolume.NotFound": "correct the volume id or the region",
    "MaxIOPSLimitExceeded": "delete volumes or ask AWS for a higher quota",
    "RequestLimitExceeded": "run it again later",
    "RequestExpired": "check the clock of the controller",
    "SnapshotLimitExceeded": "delete snapshots or ask AWS for a higher quota",
    "Throttling": "run it again later",
    "VolumeLimitExceeded": "delete volumes or ask AWS for a higher quota",
    **{code: "wait until the volumes' pending snapshots are completed and run it again" for code in SNAPSHOTS_BUSY},
}
_BOTO_ADVICE = {
    "EndpointConnectionError": "check the network and the endpoint",
    "ConnectTimeoutError": "check the network and the endpoint",
    "NoCredentialsError": "give credentials for AWS to the controller",
    "NoRegionError": "set region",
}


class EbsError(Exception):
    """One sentence; `result` is what was found or done before it."""

    def __init__(self, message: str, result: dict | None = None):
        super().__init__(message)
        self.result = result or {}


class EbsApiError(AnsibleAWSError):
    """A call to EC2 failed; `explain` makes the sentence. `result` is what was done before it."""

    def __init__(self, message: str | None = None, exception: Exception | None = None, result: dict | None = None):
        super().__init__(message=message, exception=exception)
        self.result = result or {}

    @property
    def code(self) -> str:
        """What EC2 calls the error; empty where the call did not get as far."""
        cause = self.exception
        return cause.response["Error"].get("Code", "") if isinstance(cause, ClientError) else ""

    @property
    def said(self) -> str:
        """The message without its full stop."""
        cause = self.exception
        text = cause.response["Error"].get("Message", "") if isinstance(cause, ClientError) else str(cause)
        return text.strip().rstrip(".")


class Handler(AWSErrorHandler):
    """The decorators that make an EbsApiError of botocore's errors."""

    _CUSTOM_EXCEPTION = EbsApiError

    @classmethod
    def _is_missing(cls):
        return is_boto3_error_code(MISSING)


def explain(error: EbsApiError) -> str:
    """One sentence for an error of the API: what failed, what AWS said, what to do."""
    cause = error.exception
    if isinstance(cause, ClientError):
        code = error.code or "unknown"
        denied = code in ("UnauthorizedOperation", "AccessDenied")
        said = f"ec2:{cause.operation_name} is not allowed" if denied else error.said
        advice = _ADVICE.get(code, "correct the request or run it again")
        return f"{error.message}: {said} ({code}); {advice}."
    kind = type(cause).__name__
    return f"{error.message}: {error.said} ({kind}); {_BOTO_ADVICE.get(kind, 'correct it and run again')}."


def client_once(module):
    """A client for EC2 that sends nothing twice: CreateSnapshots and CopySnapshot have no token against it."""
    return module.client("ec2", config=Config(retries={"mode": "standard", "total_max_attempts": 1}))


def refuse_empty(module, *options: str) -> None:
    """End the module where one of the options is empty text, which would look as if it were left out."""
    for option in options:
        if module.params[option] == "":
            module.fail_json(msg=f"{option} is empty: give a value, or leave the option out where it is not needed.")


def conclude(module, what: str, run: Callable) -> None:
    """End the module with what `run(module)` returns or raises; its before and after, lists of `what`, are the diff."""
    try:
        _leave(module.exit_json, module, what, run(module))
    except EbsError as error:
        _leave(module.fail_json, module, what, error.result, msg=str(error))
    except EbsApiError as error:
        _leave(module.fail_json, module, what, error.result, msg=explain(error))


def _leave(leave: Callable, module, what: str, result: dict, **more) -> None:
    result = dict(result)
    before, after = result.pop("before", None), result.pop("after", None)
    if before is not None and before != after:
        result["diff"] = {"before": {what: before}, "after": {what: after}}
    for warning in result.pop("warnings", []):
        module.warn(warning)
    leave(**result, **more)


def tag_problem(tags: dict) -> str | None:
    """What EC2 would refuse about tags, or None."""
    for key, value in tags.items():
        if not key or key.startswith("aws:") or len(key) > 128 or len(value) > 256:
            return f"Tag {key!r} is not allowed: a key has 1 to 128 characters and no aws: before it, a value 256."
    return None


def create_tags(client, resource_id: str, tags: dict) -> None:
    """Add tags; what was made a moment ago may not be known everywhere yet."""
    retry = AWSRetry.jittered_backoff(catch_extra_error_codes=MISSING)
    tag = Handler.common_error_handler(f"tag {resource_id}")(retry(client.create_tags))
    tag(Resources=[resource_id], Tags=ansible_dict_to_boto3_tag_list(tags))


@Handler.common_error_handler("describe the instance")
@AWSRetry.jittered_backoff()
def describe_instance(client, instance_id: str) -> dict:
    """The instance as EC2 gives it; empty when there is none."""
    answer = client.describe_instances(InstanceIds=[instance_id])
    instances = [instance for reservation in answer["Reservations"] for instance in reservation["Instances"]]
    return instances[0] if instances else {}
