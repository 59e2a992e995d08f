"""Builds the documentation's site: `python docs/site/build.py [DIRECTORY]`; `make docs` does so below .cache.

Nothing is written twice: README, runbook and docs/*.md are the pages, and the links between them are the same as in the
repository. antsibull-docs adds the pages of modules and roles from their own specifications.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "stagesync.aws"


def copy_sources(source: Path) -> None:
    """Give Sphinx the repository's files in their places: pages, pictures, and what pages link to."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            # The front page stands where a site begins.
            place = source / ("index.md" if name == "docs/site/index.md" else name)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place)


def build(directory: Path) -> int:
    """Build `directory`/site; returns the exit code of what failed, or 0."""
    source, site = directory / "source", directory / "site"
    for old in (source, site):
        shutil.rmtree(old, ignore_errors=True)
    copy_sources(source)
    pages = source / "collections"
    pages.mkdir()
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    options = ["--use-current", "--squash-hierarchy", "--fail-on-error"]
    commands = [
        ["antsibull-docs", "collection", *options, f"--dest-dir={pages}", COLLECTION],
        ["sphinx-build", "--quiet", "--fail-on-warning", f"--conf-dir={ROOT / 'docs/site'}", str(source), str(site)],
    ]
    for command in commands:
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if code:
            return code
    print(f"The site is {site / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / ".cache" / "docs"))
