# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs one swap as a process of its own, which can be killed: its argument is a JSON file, its output the outcome."""

from __future__ import annotations

import json
import sys

from ansible_collections.stagesync.aws.plugins.module_utils import volume_swap
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import devices
from ansible_collections.stagesync.aws.plugins.module_utils.mongod_service import DockerService


def build(config: dict) -> volume_swap.VolumeSwap:
    """Return the swap that a configuration describes."""
    return volume_swap.VolumeSwap(
        volume_swap.Request(**{**config["request"], "expected_databases": tuple(config["databases"])}),
        DockerService(config["container"]),
        volume_swap.EbsVolumes(devices.System(dev=config["dev"])),
        volume_swap.mongodb_probe("127.0.0.1", config["port"], config["username"], config["password"]),
        volume_swap.Places(**config["places"]),
    )


def outcome(config: dict) -> dict:
    """Return the result, or the error with its facts."""
    try:
        return build(config).apply(config.get("check_mode", False))
    except volume_swap.SwapError as error:
        return {"error": str(error), **error.result}
    except devices.DeviceError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    # The patience that is right on a host would only make the tests slow.
    volume_swap.BUSY_SECONDS, volume_swap.HOLDER_SECONDS = 3, 1
    with open(sys.argv[1], encoding="utf-8") as handle:
        print(json.dumps(outcome(json.load(handle))))
