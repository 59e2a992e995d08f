"""Runs the kinds of test, or those named, and closes with one line that counts them all.

Those that share the lab run one after the other; the rest run beside them, since a run on the lab mostly waits.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = sorted(path.name for path in (ROOT / "molecule").iterdir() if (path / "molecule.yml").exists())


class Count:
    """How many tests passed and failed; counts add up."""

    def __init__(self, passed: int = 0, failed: int = 0, skipped: int = 0) -> None:
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


# A log may be kept only from its end, so what failed is said again there: these lines and what follows each.
TELLING = re.compile(r"fatal: |failed: \[|FAILED |ERROR |\[ERROR\]|^E  ")
FOLLOWING = 12
said_of_failures: list[str] = []
lane = threading.local()


def say(*words: object) -> None:
    """Print a line; where kinds run side by side it begins with its kind."""
    print(f"{getattr(lane, 'kind', '')}{' '.join(map(str, words))}\n", end="", flush=True)


def run(*arguments: str, cwd: Path = ROOT, **environment: str) -> int:
    """Run a command with its output passed on; what it said of a failure is kept for the end. Returns its exit code."""
    say("$", *arguments)
    telling, left = [], 0
    with subprocess.Popen(
        arguments, cwd=cwd, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            say(line)
            left = FOLLOWING if TELLING.search(line) else left - 1
            if left > 0:
                telling.append(line[:500].rstrip())
    if process.returncode:
        said_of_failures.extend([f"\n-- {' '.join(arguments)}: exit {process.returncode}", *telling[-80:]])
    return process.returncode


def command(*arguments: str, cwd: Path = ROOT, **environment: str) -> Count:
    """One command is one test, with further variables in its environment: it passes when it exits with 0."""
    return Count(failed=1) if run(*arguments, cwd=cwd, **environment) else Count(passed=1)


def pytest(*arguments: str) -> Count:
    """Run pytest and read its counts; a run that ends without results has failed."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        code = run(sys.executable, "-m", "pytest", "-q", f"--junitxml={results}", *arguments)
        if not results.exists():
            return Count(failed=1)
        suite = ElementTree.parse(results).getroot()[0]
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    skipped = int(suite.get("skipped", 0))
    return Count(int(suite.get("tests", 0)) - failed - skipped, failed or int(code != 0), skipped)


def unit() -> Count:
    return pytest("-n", "2", "-m", "not real", "tests/unit")


def real() -> Count:
    """The unit tests that start mongods, control planes and block devices of their own."""
    return pytest("-n", "2", "--dist", "loadscope", "-m", "real", "tests/unit")


def integration() -> Count:
    return pytest("tests/integration")


def docs() -> Count:
    """The site of the documentation builds, and nothing in it leads nowhere."""
    return pytest("tests/docs")


def lint() -> Count:
    return (
        command("ruff", "check", ".")
        + command("ruff", "format", "--check", ".")
        + command("ansible-lint", "--offline", "--profile", "production")
        + command("antsibull-changelog", "lint")
    )


# ansible-test fetches pip's bootstrap from a host of its own; this stands in its cache and uses the configured index.
GET_PIP = """import subprocess, sys
subprocess.check_call([sys.executable, "-m", "ensurepip"])
wanted = [a for a in sys.argv[1:] if not a.startswith("--no-")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *wanted]))
"""


def sanity() -> Count:
    """ansible-test wants a git checkout under its collection's real path, with what it depends on beside it."""
    bootstrap = Path.home() / ".ansible" / "test" / "cache" / "get_pip_24_2.py"
    if not bootstrap.exists():
        bootstrap.parent.mkdir(parents=True, exist_ok=True)
        bootstrap.write_text(GET_PIP)
    with tempfile.TemporaryDirectory() as folder:
        collections = Path(folder) / "ansible_collections"
        copy = collections / "stagesync" / "aws"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout.decode()
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name)
        installed = Path(sys.prefix, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
        for name in ("amazon", "community", "ansible"):
            (collections / name).symlink_to(installed / "ansible_collections" / name)
        subprocess.run("git init -q && git add -A", shell=True, cwd=copy, check=True)
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return command("ansible-test", "sanity", "--python", version, "--color", "no", cwd=copy)


def build() -> Count:
    """The tarball builds, carries the masking engines and nothing of the lab's caches, and installs."""
    with tempfile.TemporaryDirectory() as folder:
        built = command("ansible-galaxy", "collection", "build", "--output-path", folder)
        for tarball in Path(folder).glob("*.tar.gz"):
            with tarfile.open(tarball) as archive:
                names = archive.getnames()
            strays = [name for name in names if name.split("/")[0] in (".cache", ".git", "reports") or ".pyc" in name]
            if strays or tarball.stat().st_size > 2_000_000:
                say(f"{tarball.name}: {tarball.stat().st_size} bytes, does not belong there: {strays[:5]}")
                built += Count(failed=1)
            engines = {f"roles/host_python/files/native/masker-{machine}.so" for machine in ("x86_64", "aarch64")}
            if engines - set(names):
                say(f"{tarball.name} lacks {sorted(engines - set(names))}")
                built += Count(failed=1)
            alone = {"ANSIBLE_COLLECTIONS_PATH": folder}
            built += command("ansible-galaxy", "collection", "install", "--no-deps", "--offline", str(tarball), **alone)
            built += command("ansible-doc", "--snippet", "stagesync.aws.mongodb_volume_swap", **alone)
        return built


def molecule() -> Count:
    """Every scenario on the one lab; each is a test."""
    total = Count()
    for scenario in SCENARIOS:
        if scenario != "default":
            total += command("molecule", "test", "--scenario-name", scenario)
    return total


KINDS = {
    "unit": unit,
    "real": real,
    "lint": lint,
    "sanity": sanity,
    "build": build,
    "docs": docs,
    "integration": integration,
    "molecule": molecule,
}
ON_THE_LAB = {"integration", "molecule"}


def run_kinds(names: list[str], *, beside: bool) -> list[tuple[str, Count, float]]:
    """Run these kinds one after the other. Returns each one's name, count and seconds."""
    done = []
    for name in names:
        lane.kind = f"{name[:11]:11} | " if beside else ""
        say(f"== {name}")
        start = time.monotonic()
        done.append((name, KINDS[name](), time.monotonic() - start))
    return done


def main(names: list[str]) -> int:
    names = names or list(KINDS)
    lanes = [[name for name in names if (name in ON_THE_LAB) is on_it] for on_it in (True, False)]
    with ThreadPoolExecutor(len(lanes)) as pool:
        done = list(pool.map(lambda some: run_kinds(some, beside=all(lanes)), lanes))
    total, lines = Count(), []
    for name, count, seconds in sorted(sum(done, []), key=lambda entry: names.index(entry[0])):
        lines.append(f"{name:12} {count}  ({seconds:.0f} s)")
        total += count
    print("\n".join([*said_of_failures, "", *lines]))
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
