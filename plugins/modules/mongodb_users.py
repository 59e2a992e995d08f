#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mongodb_users
version_added: "0.1.0"
short_description: Ensure MongoDB users whose names and passwords are SSM parameters
description:
  - Makes each user exist with the password and the roles that are asked for.
  - No secret is an argument. The host reads the named SSM parameters with its own role.
  - Whether a password is the right one already is found by authenticating with it.
options:
  uri:
    description:
      - Address of the server, without user and password, such as V(mongodb://%2Frun%2Fmongo.sock) or
        V(mongodb://127.0.0.1:27017).
      - Only this one server is written to, so it must be the primary if it is in a replica set.
    type: str
    required: true
  login_username_parameter:
    description: >-
      Name of the SSM parameter that holds the user to log in as. Without it there is no login, which a server without
      authorization takes.
    type: str
  login_password_parameter:
    description: Name of the SSM parameter that holds the password to log in with.
    type: str
  users:
    description: The users.
    type: list
    elements: dict
    required: true
    suboptions:
      username_parameter:
        description: Name of the SSM parameter that holds the user name.
        type: str
        required: true
      password_parameter:
        description: Name of the SSM parameter that holds the password.
        type: str
        required: true
      database:
        description: Database that the user belongs to.
        type: str
        default: admin
      roles:
        description: >-
          The roles the user shall have, no more and no less. Each is a name, for a role in O(users[].database), or a
          dictionary with C(role) and C(db).
        type: list
        elements: raw
        required: true
  region:
    description: AWS region of the parameters. Without it, the region that the host's AWS configuration names.
    type: str
requirements:
  - python >= 3.9
  - boto3
  - pymongo
author:
  - stagesync contributors (@stagesync)
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the server.
    support: full
  diff_mode:
    description: Returns what changes of each user; never a password.
    support: full
"""

EXAMPLES = r"""
- name: Give the clean copy staging's own administrator
  stagesync.aws.mongodb_users:
    uri: mongodb://%2Frun%2Fstagesync%2Fclean.sock
    users:
      - username_parameter: /mongo/admin
        password_parameter: /mongo/admin/password
        roles: [root]
    region: ap-south-1
  become: true
"""

RETURN = r"""
users:
  description: What became of each user, in the order given.
  returned: success
  type: list
  elements: dict
  contains:
    username_parameter:
      description: Name of the SSM parameter that holds the user name.
      type: str
    database:
      description: Database that the user belongs to.
      type: str
    state:
      description: V(created), V(updated) or V(unchanged); in check mode what would become of it.
      type: str
    changes:
      description: What was set, of V(password) and V(roles).
      type: list
      elements: str
"""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils import mongod_node as node
from ansible_collections.stagesync.aws.plugins.module_utils.libraries import require
from ansible_collections.stagesync.aws.plugins.module_utils.parameters import ParameterError, resolve

USER_OPTIONS = {
    "username_parameter": {"type": "str", "required": True},
    "password_parameter": {"type": "str", "required": True, "no_log": False},
    "database": {"type": "str", "default": "admin"},
    "roles": {"type": "list", "elements": "raw", "required": True},
}


def ensure(params: dict, check_mode: bool) -> list[dict]:
    """Make the users so and return what became of each."""
    login = (
        [params["login_username_parameter"], params["login_password_parameter"]]
        if params["login_username_parameter"]
        else []
    )
    names = login + [user[key] for user in params["users"] for key in ("username_parameter", "password_parameter")]
    values = resolve(names, params["region"])
    users = [
        {
            "label": user["username_parameter"],
            "name": values[user["username_parameter"]],
            "password": values[user["password_parameter"]],
            "database": user["database"],
            "roles": user["roles"],
        }
        for user in params["users"]
    ]
    with node.connect(params["uri"], *(values[name] for name in login)) as client:
        return node.ensure_users(client, params["uri"], users, check_mode)


def wrong_argument(params: dict) -> str | None:
    """Return the sentence for an argument that the specification cannot refuse by itself."""
    if re.match(r"mongodb(\+srv)?://[^/@]*@", params["uri"]):
        return (
            "The uri holds a user: leave it out and name SSM parameters in login_username_parameter and its password."
        )
    for user in params["users"]:
        for role in user["roles"]:
            named = isinstance(role, dict) and set(role) <= {"role", "db"} and role.get("role")
            if not named and not (isinstance(role, str) and role):
                return (
                    f"A role of the user in {user['username_parameter']} is neither a name nor a dictionary with role "
                    "and db: correct it."
                )
    return None


def diff(results: list[dict]) -> dict:
    """Return the users' states before and after; a password shows only as changed or not."""
    sides: dict[str, dict] = {"before": {}, "after": {}}
    for result in results:
        key = f"{result['username_parameter']}@{result['database']}"
        new = result["state"] == "created"
        sides["before"][key] = "absent" if new else {name: "other" for name in result["changes"]}
        sides["after"][key] = {name: "as asked for" for name in result["changes"]}
    return sides


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "uri": {"type": "str", "required": True},
            "login_username_parameter": {"type": "str"},
            "login_password_parameter": {"type": "str", "no_log": False},
            "users": {"type": "list", "elements": "dict", "required": True, "options": USER_OPTIONS},
            "region": {"type": "str"},
        },
        required_together=[("login_username_parameter", "login_password_parameter")],
        supports_check_mode=True,
    )
    require(module, {"pymongo": node.PYMONGO_IMPORT_ERROR})
    problem = wrong_argument(module.params)
    if problem:
        module.fail_json(msg=problem)
    try:
        results = ensure(module.params, module.check_mode)
    except (ParameterError, node.NodeError) as error:
        module.fail_json(msg=str(error))
    changed = any(result["state"] != "unchanged" for result in results)
    module.exit_json(changed=changed, users=results, diff=diff(results))


if __name__ == "__main__":
    main()
