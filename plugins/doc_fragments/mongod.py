# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""For the modules that ask the mongod in a container as a user."""

from __future__ import annotations


class ModuleDocFragment:
    """Options for the container, its port and the user; a module says itself what the user needs."""

    # OPTIONS in module_utils/mongod_login.py is the argument specification of these.
    DOCUMENTATION = r"""
options:
  container:
    description: Name of the Docker container that runs mongod.
    type: str
    required: true
  port:
    description:
      - Port on the host on which mongod answers.
      - Without it, the port that the container listens on or publishes.
    type: int
  username_parameter:
    description: Name of the SSM parameter that holds the user name. The host resolves it with its own role.
    type: str
  password_parameter:
    description: Name of the SSM parameter that holds the password.
    type: str
  region:
    description: AWS region of the parameters. Without it, the region that the host's AWS configuration names.
    type: str
"""
