"""`make bench`: how fast the copy and the comparison are, what they need, and where the time goes.

Real mongods on this machine, ratios within one run. SCALE=1 takes the sizes that docs/benchmarks.md states.
Usage: run.py [speed] [memory] [growth] [small] [unjoined]
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".cache" / "collections")]

import bson  # noqa: E402
import pymongo  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import Server  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.compare import compare  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.copy import Copy  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import State  # noqa: E402
from bson.datetime_ms import DatetimeMS  # noqa: E402

SCALE = float(os.environ.get("SCALE", "0.1"))
ROUNDS = 3
DAY = 86_400_000
KEEP = "version: 1\nunlisted: keep\ndatabases: {}\n"
FIRST = ("Asha", "Ravi", "Meera", "Arjun", "Lena", "Jonas", "Claire", "Hugo", "Olivia", "Noah")
LAST = ("Rao", "Iyer", "Sharma", "Patel", "Schmidt", "Keller", "Dubois", "Martin", "Smith", "Brown")
CITIES = ("Pune", "Chennai", "Hamburg", "Lyon", "Leeds", "Denver")

EIGHT = {
    "email": "email",
    "name.first": "first_name",
    "name.last": "last_name",
    "contacts.phone": "phone",
    "username": "username",
    "street": "street",
    "city": "city",
    "born": "date_shift",
}
WIDE = {
    **EIGHT,
    "postal_code": "postal_code",
    "company": "company",
    "national_id": "digits",
    "tax_id": "format",
    "passport": "format",
    "device": "uuid",
    "session": "hash",
    "token": "hash",
    "referrer": "hash",
    "manager": "full_name",
    "assistant": "full_name",
    "billing.street": "street",
    "billing.city": "city",
    "billing.email": "email",
    "joined": "date_shift",
    "fax": "phone",
    "badge": "digits",
}
KEPT = ("_id", "plan", "visits", "score", "active", "updated", "tags", "contacts.kind", "about", "billing.net", "opens")


def rules(masks: dict[str, str], namespace: tuple[str, str] = ("bench", "people")) -> str:
    fields = {**dict.fromkeys(sorted({*KEPT, *WIDE} - {*masks}), "keep"), **masks}
    lines = [f"          {path}: {mask}" for path, mask in fields.items()]
    head = ["version: 1", "databases:", f"  {namespace[0]}:", "    collections:", f"      {namespace[1]}:"]
    return "\n".join([*head, "        fields:", *lines, ""])


def person(number: int, chance: random.Random) -> dict:
    """One document of about 900 bytes: what a table of customers holds."""
    first, last = chance.choice(FIRST), chance.choice(LAST)
    digits = f"{chance.getrandbits(60):018d}"
    return {
        "_id": number,
        "email": f"{first}.{last}{number}@corp.example".lower(),
        "name": {"first": first, "last": last},
        "username": f"{first}{number}".lower(),
        "contacts": [{"kind": "home", "phone": f"+91 {digits[:5]} {digits[5:10]}"}],
        "street": f"{number % 300} MG Road",
        "city": chance.choice(CITIES),
        "postal_code": digits[:6],
        "company": f"{last} Ltd",
        "born": DatetimeMS(DAY * chance.randrange(20_000)),
        "joined": DatetimeMS(DAY * chance.randrange(20_000)),
        "national_id": digits[:12],
        "tax_id": f"ABCDE{digits[:4]}F",
        "passport": f"K{digits[4:11]}",
        "device": bson.Binary(chance.randbytes(16), 4),
        "session": chance.randbytes(8).hex(),
        "token": chance.randbytes(8).hex(),
        "referrer": chance.randbytes(6).hex(),
        "manager": f"{chance.choice(FIRST)} {chance.choice(LAST)}",
        "assistant": f"{chance.choice(FIRST)} {chance.choice(LAST)}",
        "billing": {
            "street": f"{number % 70} High Street",
            "city": "Goa",
            "email": f"b{number}@corp.example",
            "net": 30,
        },
        "fax": f"+91 {digits[3:8]} {digits[8:13]}",
        "badge": digits[6:14],
        "plan": "gold",
        "visits": number % 1000,
        "score": number / 7,
        "active": True,
        "updated": DatetimeMS(DAY * 19_000 + number),
        "tags": ["new", "promoted"],
        "opens": "09:00",
        "about": "likes long walks " * 6,
    }


class Side:
    """A mongod of the bench."""

    def __init__(self, servers) -> None:
        self.server = servers.start("--setParameter=ttlMonitorEnabled=false")
        self.uri = self.server.uri
        self.client = self.server.client()
        self.client.admin.command("setParameter", 1, wiredTigerEngineRuntimeConfig="cache_size=2G")

    def cpu(self) -> float:
        """CPU seconds that it has used."""
        fields = Path(f"/proc/{self.server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def empty(self) -> None:
        for name in self.client.list_database_names():
            if name not in ("admin", "config", "local"):
                self.client.drop_database(name)
        self.client.admin.command("fsync")


class Bench:
    def __init__(self, servers) -> None:
        self.servers = servers
        self.source, self.clean = Side(servers), Side(servers)
        self.held = 0

    def people(self, count: int) -> None:
        """Let the source hold so many people."""
        collection = self.source.client.bench.people
        if count < self.held:
            collection.drop()
            self.held = 0
        chance = random.Random(self.held + 1)
        for start in range(self.held, count, 10_000):
            many = (person(number, chance) for number in range(start, min(count, start + 10_000)))
            collection.insert_many(many, ordered=False)
        self.held = count
        self.source.client.admin.command("fsync")

    def copy(self, text: str) -> dict:
        """Copy in a process of its own, as the module does, to an empty clean server."""
        self.clean.empty()
        return self.measure("copy", text)

    def measure(self, verb: str, text: str) -> dict:
        before = self.source.cpu(), self.clean.cpu()
        with tempfile.TemporaryDirectory(dir="/dev/shm") as state:
            request = json.dumps([verb, self.source.uri, self.clean.uri, text, state])
            answer = subprocess.run(
                [sys.executable, __file__, "--child"], input=request, capture_output=True, text=True, check=False
            )
        if answer.returncode:
            raise SystemExit(answer.stderr[-3000:])
        found = json.loads(answer.stdout)
        found["source cpu"], found["clean cpu"] = self.source.cpu() - before[0], self.clean.cpu() - before[1]
        return found


def child() -> None:
    """Copy or compare, and print seconds, CPU seconds and the largest worker's memory in MB."""
    verb, source, clean, text, path = json.load(sys.stdin)
    one, other, ruleset = Server(source, "source"), Server(clean, "clean"), load_rules(text)
    started = time.monotonic()
    if verb == "copy":
        state = State(path)
        made = Copy(one, other, ruleset, state)
        key = state.open(bytes(32), text, memory_only=False)
        made.run(key)
        state.close()
        documents = sum(entry["documents"] for entry in made.collections())
    else:
        report = compare(one, other, ruleset, "full")
        assert report.differences == [], report.differences[:5]
        documents = sum(entry["compared"] for entry in report.collections)
    seconds = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    json.dump(
        {"seconds": seconds, "documents": documents, "worker cpu": used.ru_utime + used.ru_stime,
         "worker MB": used.ru_maxrss / 1024},
        sys.stdout,
    )  # fmt: skip


# ---- the parts ------------------------------------------------------------------------------------------------------


def speed(bench: Bench) -> None:
    """Masked and plain copies of the same documents by the same workers, the comparison, and the usual loop."""
    count = int(1_000_000 * SCALE)
    bench.people(count)
    size = bench.source.client.bench.command("collStats", "people")["avgObjSize"]
    print(f"\n## Speed: {count:,} documents of {size} bytes, {os.cpu_count()} cores\n")
    ways = {"plain copy": KEEP, "masked, 8 fields": rules(EIGHT), "masked, 25 fields": rules(WIDE)}
    runs: dict[str, list[dict]] = {name: [] for name in [*ways, "full comparison, 8 fields"]}
    for _round in range(ROUNDS):
        for name, text in ways.items():
            runs[name].append(bench.copy(text))
            if name == "masked, 8 fields":
                runs["full comparison, 8 fields"].append(bench.measure("compare", text))
    loop = update_loop(bench, min(count, 20_000))
    table(
        ["way", "documents/s", "us of CPU a document: source", "clean", "workers", "worker MB"],
        [
            [name, f"{count / middle(found, 'seconds'):,.0f}",
             *(f"{middle(found, which) / count * 1e6:.2f}" for which in ("source cpu", "clean cpu", "worker cpu")),
             f"{middle(found, 'worker MB'):.0f}"]
            for name, found in runs.items()
        ] + [["a loop of update_one (on a slice)", f"{1 / loop:,.0f}", "", "", "", ""]],
    )  # fmt: skip
    plain, eight, wide, full = (middle(found, "seconds") for found in runs.values())
    table(
        ["ratio", "found", "wanted"],
        [
            ["masked, 8 fields / plain copy", f"{plain / eight:.2f}", ">= 0.75"],
            ["masked, 25 fields / plain copy", f"{plain / wide:.2f}", ">= 0.4"],
            ["masked, 8 fields / update_one loop", f"{loop * count / eight:.0f}", ">= 25"],
            ["full comparison's time / copy's time", f"{full / eight:.2f}", "<= 0.6"],
        ],
    )


def update_loop(bench: Bench, count: int) -> float:
    """Seconds a document of what the usual script does: find, make up values, update_one."""
    bench.clean.empty()
    collection = bench.clean.client.bench.people
    collection.insert_many(bench.source.client.bench.people.find().limit(count))
    started = time.monotonic()
    for found in collection.find():
        number = found["_id"]
        made = {
            "email": f"user{number}@example.com", "name.first": "First", "name.last": "Last", "username": f"u{number}",
            "contacts.0.phone": "+91 00000 00000", "street": "1 Main Street", "city": "Town", "born": found["joined"],
        }  # fmt: skip
        collection.update_one({"_id": number}, {"$set": made})
    return (time.monotonic() - started) / count


def memory(bench: Bench) -> None:
    """The largest worker, whatever the collection and its documents."""
    print("\n## Memory of the largest worker\n")
    rows = []
    for count in (int(100_000 * SCALE), int(1_000_000 * SCALE)):
        bench.people(count)
        rows.append([f"{count:,} documents of 900 bytes", f"{bench.copy(rules(EIGHT))['worker MB']:.0f}"])
        rows.append(
            [
                f"{count:,} documents of 900 bytes, comparison",
                f"{bench.measure('compare', rules(EIGHT))['worker MB']:.0f}",
            ]
        )
    bench.people(0)
    huge = bench.source.client.bench.huge
    for number in range(8):
        # As large as a document can be, less what the masks make longer.
        huge.insert_one({"_id": number, "email": f"u{number}@corp.example", "payload": os.urandom((16 << 20) - 4096)})
    text = "version: 1\ndatabases: {bench: {collections: {huge: {fields: {_id: keep, email: email, payload: keep}}}}}\n"
    rows.append(["8 documents of 16 MB", f"{bench.copy(text)['worker MB']:.0f}"])
    rows.append(["8 documents of 16 MB, comparison", f"{bench.measure('compare', text)['worker MB']:.0f}"])
    bench.source.client.drop_database("bench")
    table(["what", "MB (wanted: below 150)"], rows)


def growth(bench: Bench) -> None:
    """Whether twice the documents take twice the time."""
    counts = [int(count * SCALE) for count in (100_000, 300_000, 1_000_000, 3_000_000)]
    print("\n## Growth\n")
    rows, costs = [], []
    for count in counts:
        bench.people(count)
        found = middle([bench.copy(rules(EIGHT)) for _round in range(ROUNDS)], "seconds")
        costs.append(found / count)
        rows.append([f"{count:,}", f"{found:.2f}", f"{found / count * 1e6:.2f}", f"{costs[-1] / costs[0]:.2f}"])
    table(["documents", "seconds", "us a document", "against the smallest (wanted: at most 1.10)"], rows)


def small(bench: Bench) -> None:
    """Many small collections."""
    count = max(10, int(5_000 * SCALE))
    bench.people(0)
    chance = random.Random(5)
    database = bench.source.client.bench
    for number in range(count):
        database[f"c{number}"].insert_many(person(one, chance) for one in range(20))
        database[f"c{number}"].create_index("plan")
    text = rules(EIGHT, ("bench", "c0")) + "".join(f"      c{number}: *rules\n" for number in range(1, count))
    text = text.replace("      c0:\n", "      c0: &rules\n")
    found = bench.copy(text)
    compared = bench.measure("compare", text)
    print(f"\n## Small collections: {count:,} of 20 documents, one index beside that on _id\n")
    table(
        ["what", "ms a collection", "wanted"],
        [
            ["masked copy", f"{found['seconds'] / count * 1000:.1f}", "< 20"],
            ["full comparison", f"{compared['seconds'] / count * 1000:.1f}", ""],
        ],
    )
    bench.source.client.drop_database("bench")


def unjoined(bench: Bench) -> None:
    """Comparisons in which no _id tells which document is which."""
    count, chance = int(1_000_000 * SCALE), random.Random(9)
    database = bench.source.client.bench
    ways = {
        "joined by _id": ("keep", {}),
        "masked _id": ("hash", {}),
        "time series": ("keep", {"timeseries": {"timeField": "updated", "metaField": "plan"}}),
    }
    rows, plain = [], 0.0
    for name, (mask, options) in ways.items():
        bench.people(0)
        database.people.drop()
        database.create_collection("people", **options)
        for start in range(0, count, 10_000):
            many = ({**person(number, chance), "_id": f"p{number}"} for number in range(start, start + 10_000))
            database.people.insert_many(many, ordered=False)
        text = rules(EIGHT).replace("_id: keep", f"_id: {mask}")
        bench.copy(text)
        speed = count / middle([bench.measure("compare", text) for _round in range(ROUNDS)], "seconds")
        plain = plain or speed
        rows.append([name, f"{speed:,.0f}", f"{speed / plain:.2f}"])
    bench.source.client.drop_database("bench")
    print(f"\n## Comparisons without a join by _id: {count:,} documents\n")
    table(["what", "documents/s", "of the comparison by _id (wanted: >= 0.2)"], rows)


def middle(runs: list[dict], what: str) -> float:
    return statistics.median(found[what] for found in runs)


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print a table as Markdown has it."""
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |", flush=True)
    print()


PARTS = {"speed": speed, "memory": memory, "growth": growth, "small": small, "unjoined": unjoined}


def main() -> None:
    spec = importlib.util.spec_from_file_location("unit_conftest", ROOT / "tests" / "unit" / "conftest.py")
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    servers = conftest.Servers(conftest.mongod_binary())
    wanted = sys.argv[1:] or list(PARTS)
    started = time.monotonic()
    print(f"SCALE={SCALE}, pymongo {pymongo.version}, load {os.getloadavg()[0]:.1f} at the start")
    try:
        bench = Bench(servers)
        for name in wanted:
            PARTS[name](bench)
    finally:
        servers.close()
    print(f"{time.monotonic() - started:.0f} s, load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    child() if sys.argv[1:] == ["--child"] else main()
