# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Where the mongod in a container answers and as whom to ask it, by the options that its modules share."""

from __future__ import annotations

from ansible_collections.stagesync.aws.plugins.module_utils.mongod_service import ServiceError
from ansible_collections.stagesync.aws.plugins.module_utils.parameters import resolve

# The documentation fragment mongod describes these.
OPTIONS = {
    "container": {"type": "str", "required": True},
    "port": {"type": "int"},
    "username_parameter": {"type": "str"},
    "password_parameter": {"type": "str", "no_log": False},
    "region": {"type": "str"},
}


def port_of(facts, params: dict) -> int:
    """Return the port on which mongod answers on this host; raises ServiceError where none is known."""
    port = params["port"] or facts.port
    if port is None:
        raise ServiceError(
            f"Container {facts.container} publishes no port of mongod to this host: "
            "publish one or give the port on which it answers."
        )
    return port


def user_of(params: dict) -> tuple[str, str]:
    """Return the name and password that the two parameters hold; raises ParameterError."""
    names = [params["username_parameter"], params["password_parameter"]]
    values = resolve(names, params["region"])
    return values[names[0]], values[names[1]]
