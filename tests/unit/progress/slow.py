"""A module of the tests: works for some seconds, says how far it is, and ends as it is told."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils.progress import Progress


def main():
    module = AnsibleModule(
        argument_spec={"seconds": {"type": "float", "default": 0}, "end": {"type": "str"}, "said": {"type": "str"}},
        supports_check_mode=True,
    )
    progress, start = Progress(), time.monotonic()
    end, seconds = module.params["end"], module.params["seconds"]
    while (gone := time.monotonic() - start) < seconds:
        progress.tell("working", int(gone * 100), int(seconds * 100), "things")
        time.sleep(0.1)
        if end == "lose" and gone > 1:
            for job in Path(os.environ["ANSIBLE_ASYNC_DIR"]).glob("j*"):
                job.unlink()
            end = None
        if end == "kill" and gone > 1:
            # With Ansible's own process that waits for it, and that one's watcher, as a kernel without memory may.
            os.killpg(os.getpgid(0), signal.SIGKILL)
    if end == "crash":
        raise RuntimeError("no words")
    if end == "fail":
        module.fail_json(msg="It said why.", details=[1, 2])
    module.exit_json(changed=True, said=module.params["said"], check=module.check_mode)


if __name__ == "__main__":
    main()
