# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Resolves SSM parameter names into values on the host that needs them, so that no secret is ever a module argument."""

from __future__ import annotations

# GetParameters takes at most ten names a call.
_NAMES_PER_CALL = 10

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "UnrecognizedClientException",
}


class ParameterError(Exception):
    """One sentence: which parameter, what is wrong, what to do. Never holds a value."""


def resolve(names: list[str], region: str | None = None) -> dict[str, str]:
    """Return {name: decrypted value} of the named SSM parameters; raises ParameterError."""
    wanted = list(dict.fromkeys(names))
    if not all(isinstance(name, str) and name for name in wanted):
        raise ParameterError("An SSM parameter name is empty: give the name of a parameter such as /mongo/admin.")
    if not wanted:
        return {}
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise ParameterError(
            f"The Python package boto3 is needed on this host to read SSM parameter {_listed(wanted)}: "
            "install it for the interpreter that Ansible uses here."
        ) from error
    try:
        config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 4})
        return _get(boto3.session.Session(region_name=region).client("ssm", config=config), wanted)
    except (BotoCoreError, ClientError) as error:
        raise ParameterError(_explain(error, wanted)) from error


def _get(client, wanted: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for start in range(0, len(wanted), _NAMES_PER_CALL):
        chunk = wanted[start : start + _NAMES_PER_CALL]
        answer = client.get_parameters(Names=chunk, WithDecryption=True)
        # One that was asked for by version or label (/key:3) comes back with that apart.
        found = {
            parameter["Name"] + parameter.get("Selector", ""): parameter["Value"] for parameter in answer["Parameters"]
        }
        # A parameter that was asked for by its ARN comes back under its plain name.
        by_arn = {parameter["ARN"]: parameter["Value"] for parameter in answer["Parameters"] if "ARN" in parameter}
        values.update({name: found.get(name, by_arn.get(name)) for name in chunk})
    missing = [name for name in wanted if values.get(name) is None]
    if missing:
        raise ParameterError(
            f"SSM parameter {_listed(missing)} does not exist in region {client.meta.region_name}: "
            "create it there or correct the name."
        )
    return values


def _explain(error: Exception, wanted: list[str]) -> str:
    names = _listed(wanted)
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    kind = type(error).__name__
    if code in _DENIED:
        reason = (
            "access to ssm:GetParameters or to the key that encrypts it was denied (AccessDenied): allow this host's "
            "instance role ssm:GetParameters on it and, for a SecureString, kms:Decrypt on its key."
        )
    elif code in ("InvalidKeyId", "KMSInvalidStateException", "KmsKeyNotAccessibleException"):
        reason = (
            f"the key that encrypts it cannot be used ({code}): "
            "check that the key is enabled and that kms:Decrypt is allowed."
        )
    elif code in _BAD_CREDENTIALS:
        reason = f"AWS refused this host's credentials ({code}): check its instance profile and its clock."
    elif kind in (
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "MetadataRetrievalError",
    ):
        reason = "no AWS credentials were found on this host: attach an instance profile that may read it."
    elif kind == "NoRegionError":
        reason = "no AWS region is known on this host: set the region option."
    elif kind in (
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "ProxyConnectionError",
        "ReadTimeoutError",
        "SSLError",
    ):
        endpoint = getattr(error, "kwargs", {}).get("endpoint_url") or "the SSM endpoint"
        reason = f"{endpoint} cannot be reached from this host ({kind}): check its route, proxy or VPC endpoint."
    else:
        reason = f"AWS answered {code or kind}: check the parameter's name and the region."
    return f"Cannot read SSM parameter {names}: {reason}"


def _listed(names: list[str]) -> str:
    return ", ".join(names)
