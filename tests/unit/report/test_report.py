# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the role report writes after runs of every kind: right, complete, readable, harmless whatever fields are called.

All in one module, for the playbooks run once in each process that has a part of the tests."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree

import jsonschema
import pytest
from junitparser import JUnitXml

from .conftest import CASES, HOSTILE, LIVE, OLD, PARKED, PRUNED, ROOT, RUN, SNAPSHOT, SOURCE, STAGING, ansible

TEMPLATES = ROOT / "roles/report/templates"
PASSES = {"passed", "check mode", "rolled back"}
# As a page and XML can show it: without control characters.
SHOWN = HOSTILE.replace("\x1b", "\ufffd").replace("\u202e", "\ufffd")


class Page(HTMLParser):
    """The text of a page, its elements and their attributes."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.pieces, self.headings, self.last = set(), set(), [], [], None
        self.feed(text)
        self.text = " ".join("".join(self.pieces).split())

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes.update(name for name, _value in attrs)
        self.last = tag

    def handle_data(self, data):
        self.pieces.append(data)
        if self.last == "h2" and data.strip():
            self.headings.append(data.strip())
            self.last = None


@pytest.fixture(scope="module")
def page(rendered):
    return lambda case: Page(rendered(case).page)


# ---- report.json


@pytest.mark.parametrize("case", CASES)
def test_the_record_is_as_its_schema_says_and_the_exit_code_too(rendered, case):
    written = rendered(case)
    schema = json.loads((ROOT / "docs/report.schema.json").read_text())
    jsonschema.validate(written.document, schema)
    assert not set(written.document) - set(schema["properties"])
    assert written.document["result"] == ("passed" if case in PASSES else "failed")
    assert (written.code == 0) == (case in PASSES), written.output


def test_what_was_made_and_removed_is_listed_with_what_became_of_it(rendered):
    states = {one["id"]: (one["kind"], one["state"]) for one in rendered("passed").document["resources"]}
    assert states == {
        SOURCE: ("source", "removed"),
        LIVE: ("clean", "live"),
        PARKED: ("parked", "parked"),
        OLD: ("parked", "removed"),
        SNAPSHOT: ("snapshot", "kept"),
        PRUNED: ("snapshot", "removed"),
    }


def test_what_a_lost_run_may_have_left_is_listed_as_not_known(rendered):
    states = {one["id"]: one["state"] for one in rendered("staging lost").document["resources"]}
    assert states[SOURCE] is None
    assert states[LIVE] is None


def test_the_cost_is_that_of_what_is_there_after_the_run(rendered):
    cost = rendered("passed").document["cost"]
    assert cost["kept_volumes_gib"] == 20 + 10  # one of the parked ones is removed
    assert cost["kept_volumes_a_month"] == 2.4
    assert cost["kept_snapshots_gib"] == 22
    assert cost["kept_snapshots_a_month"] == 1.1
    # 10 GiB from the start of restore, second 20, to the end of the run, second 56.5.
    assert cost["run_volume_gib_hours"] == pytest.approx(10 * 36.5 / 3600, abs=0.005)


def test_without_prices_there_are_sizes_only(rendered, page):
    cost = rendered("failed after the swap").document["cost"]
    assert cost["volume_price"] is None
    assert cost["kept_volumes_a_month"] is None
    assert cost["kept_volumes_gib"] == 30
    assert "stagesync_volume_price" in page("failed after the swap").text
    assert "stagesync_volume_price" not in page("passed").text


SWAPS = {
    "passed": "done",
    "failed after the swap": "done",
    "swapped back": "reverted",
    "refused": None,
    "check mode": None,
    "staging lost": "unknown",
    "rolled back": "done",
    "drill": None,
}


@pytest.mark.parametrize("case", SWAPS)
def test_what_came_of_the_swap(rendered, case):
    assert rendered(case).document["target"]["swap"] == SWAPS[case]


def test_the_figures_for_awx(rendered):
    artifact = rendered("passed").artifact
    assert artifact["run_id"] == RUN
    assert artifact["result"] == "passed"
    assert artifact["documents"] == 30007
    assert artifact["parked_volume_id"] == PARKED
    failed = rendered("failed after the swap").artifact
    assert failed["result"] == "failed"
    assert failed["failed_stages"] == ["promote"]
    assert "<script>" not in json.dumps(failed)  # nothing that a message says


def test_a_cleanup_leaves_the_report_of_the_run_that_it_cleans_up_alone(rendered):
    directory = rendered("no host").directory
    assert (directory / f"{RUN}-cleanup" / "report.json").exists()
    assert not (directory / RUN).exists()


# ---- report.html

SAYS = {
    "passed": [
        "Refresh of staging passed", "Documents 30,007", "Values masked 30,008",
        f"Staging serves the new copy, on volume {LIVE}.",
        f"-e parked_volume_id={PARKED}", "3 of 3 checks passed", "the 3 oldest documents", "48.8 MB", "1.2 s",
        "2.40", "< 0.01", "left out in 5 documents", SHOWN,
    ],
    "failed after the swap": ["although the run failed: the swap was done before", SHOWN, "\u201cPromote | swap\u201d"],
    "swapped back": ["The swap failed and was undone: staging has its former database again.", "nothing to roll back"],
    "refused": ["Staging was not touched", "bucket: it is not there.", "3 of 4 checks passed", "Mend it."],
    "different": ["value not masked, 4 times", "email in 2 values", "of the form xxx@xxx.xx", "was not touched"],
    "check mode": ["check mode", "nothing was changed"],
    "staging lost": ["It is not known what staging serves", "could not be reached any more", "not known: playb"],
    "rolled back": ["Rollback of staging passed", "Time to recover 24.5 s", f"-e parked_volume_id={PARKED}"],
    "drill": ["Restore test failed", "missing where the manifest says 10", "is not valid", "Age of the data 2 min 2 s"],
    "no host": ["Cleanup failed", "No stage ran"],
}  # fmt: skip
ALL = ["Stages", "Preflight", "From where to where", "What was restored", "Findings", "Collections",
       "Masking, path by path", "What was left out", "Hooks", "Volumes and snapshots", "Cost, estimated",
       "How to roll back"]  # fmt: skip
MISSING = {
    "passed": {"What was restored", "Findings"},
    "different": {"What was restored", "Hooks"},
    "refused": {"What was restored", "Findings", "Collections", "Masking, path by path", "What was left out", "Hooks",
                "Volumes and snapshots", "Cost, estimated"},
    "check mode": {"What was restored", "Findings", "Collections", "Masking, path by path", "What was left out",
                   "Hooks", "Cost, estimated", "How to roll back"},
    "drill": {"Findings", "Collections", "Masking, path by path", "What was left out", "Hooks", "How to roll back"},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_page_says_it(page, case):
    for words in SAYS[case]:
        assert " ".join(words.split()) in page(case).text, page(case).text


@pytest.mark.parametrize("case", MISSING)
def test_what_there_is_nothing_to_say_of_has_no_section(page, case):
    assert page(case).headings == [name for name in ALL if name not in MISSING[case]]


ELEMENTS = {
    "html", "head", "meta", "title", "link", "style", "body", "header", "h1", "h2", "p", "span", "small", "strong",
    "code", "pre", "div", "dl", "dt", "dd", "ol", "ul", "li", "svg", "rect", "table", "thead", "tbody", "tr", "th",
    "td", "footer",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_names_and_messages_never_become_elements(page, case):
    assert page(case).elements <= ELEMENTS
    assert not [name for name in page(case).attributes if name.startswith("on") or name in ("src", "style")]


@pytest.mark.parametrize("template", ["report.html.j2", "junit.xml.j2"])
def test_every_expression_of_the_templates_is_escaped(template):
    text = (TEMPLATES / template).read_text()
    macros = "|".join(re.findall(r"macro (\w+)\(", text))
    expressions = re.findall(r"\{\{(.*?)\}\}", text, re.DOTALL)
    assert len(expressions) > 10
    for expression in map(str.strip, expressions):
        constant = re.fullmatch(r"\(('[^']*') if .* else ''\) \| safe", expression)
        assert re.fullmatch(rf"(?:{macros})\(.*\)", expression) or expression.endswith("| e") or constant, expression


def test_the_page_is_valid(rendered):
    tidy = shutil.which("tidy")
    if tidy is None:
        pytest.skip("no tidy: apt-get install tidy")
    for case in CASES:
        done = subprocess.run(
            [tidy, "-errors", "-quiet", "-utf8", "--drop-empty-elements", "no", rendered(case).latest / "report.html"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (case, done.stderr)


# ---- junit.xml

# Testcases that fail: group and name.
COMPLAINTS = {
    "passed": set(),
    "check mode": set(),
    "rolled back": set(),
    "failed after the swap": {("stages", f"promote on {STAGING}")},
    "swapped back": {("stages", f"promote on {STAGING}")},
    "refused": {("stages", "preflight on localhost"), ("preflight", "bucket on localhost")},
    "different": {
        ("stages", f"validate on {STAGING}"),
        ("comparison", f"shop.{SHOWN}"),
        ("personal_data", f"shop.users.{SHOWN} email"),
    },
    "staging lost": {("hosts", STAGING)},
    "drill": {("stages", f"drill on {STAGING}"), ("validated", SHOWN), ("manifest", SHOWN)},
    "no host": {("hosts", "inventory")},
}


@pytest.mark.parametrize("case", CASES)
def test_ci_systems_read_which_checks_failed(rendered, case):
    (suite,) = JUnitXml.fromfile(str(rendered(case).latest / "junit.xml"))
    cases = list(suite)
    failed = [one for one in cases if one.result]
    # ElementTree reads the attributes as XML does, where line breaks and tabs become spaces.
    assert {(one.classname.removeprefix("stagesync."), one.name) for one in failed} == COMPLAINTS[case]
    assert all(one.result[0].message and one.result[0].text for one in failed)
    assert (suite.tests, suite.failures, suite.errors) == (len(cases), len(failed), 0)
    names = [(one.classname, one.name) for one in cases]
    assert len(set(names)) == len(names)
    assert RUN in suite.name


def test_the_suite_lasts_as_long_as_the_run(rendered):
    (suite,) = ElementTree.parse(rendered("passed").latest / "junit.xml").getroot()
    assert suite.get("time") == "56.5"
    assert {case.get("name") for case in suite} >= {f"lock on {STAGING}", f"lock on {STAGING} (2)", "shop.users"}


# ---- whatever the record says


def hostile(value, key=None):
    """The same document where every name and message is hostile; what the collection itself writes stays."""
    own = (
        "kind",
        "result",
        "run_id",
        "status",
        "start",
        "end",
        "written",
        "start_time",
        "since",
        "state",
        "swap",
        "mode",
        "type",
    )
    if isinstance(value, dict):
        return {name: hostile(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [hostile(one, key) for one in value]
    return HOSTILE + "\x00\uffff" if isinstance(value, str) and key not in own else value


def test_nothing_that_a_record_may_say_breaks_the_two_files(rendered, tmp_path):
    cases = ["different", "drill", "passed"]
    for case in cases:
        (tmp_path / f"{case}.json").write_text(json.dumps(hostile(rendered(case).document)))
    task = {
        "ansible.builtin.template": {
            "src": f"{TEMPLATES}/{{{{ item.1 }}}}.j2",
            "dest": f"{tmp_path}/{{{{ item.0 }}}}-{{{{ item.1 }}}}",
            "lstrip_blocks": True,
        },
        "loop": f"{{{{ {cases} | product(['report.html', 'junit.xml']) }}}}",
        "vars": {
            "report_written": f"{{{{ lookup('ansible.builtin.file', '{tmp_path}/' ~ item.0 ~ '.json') | from_json }}}}"
        },
    }
    code, output = ansible(tmp_path, [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])
    assert code == 0, output
    for case in cases:
        page = Page((tmp_path / f"{case}-report.html").read_text())
        assert page.elements <= ELEMENTS
        assert not {"onclick", "src"} & page.attributes
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\uffff]", page.text)
        (suite,) = JUnitXml.fromfile(str(tmp_path / f"{case}-junit.xml"))
        assert suite.tests > 5


# ---- the page in a browser

# A frame is as wide as the screen that it stands for.
FRAMES = """<!DOCTYPE html><meta charset="utf-8"><title>frames</title>
<iframe id="phone" width="390" height="844" src="report.html"></iframe>
<iframe id="tablet" width="820" height="1180" src="report.html"></iframe>
<iframe id="desk" width="1280" height="900" src="report.html"></iframe>
<pre id="found"></pre>
<script>
// Of each screen: whether anything sticks out, and the least contrast of a text with what lies behind it.
function light(color) {
  const parts = color.match(/[\\d.]+/g).slice(0, 3).map(Number)
    .map(part => part / 255).map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
}
function ground(element, view) {
  for (; element; element = element.parentElement) {
    const color = view.getComputedStyle(element).backgroundColor;
    if (color !== "rgba(0, 0, 0, 0)") return color;
  }
  return "rgb(255, 255, 255)";
}
onload = () => {
  const found = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const view = frame.contentWindow, page = frame.contentDocument;
    const contrasts = [...page.body.querySelectorAll("*")]
      .filter(one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
      .map(one => [light(view.getComputedStyle(one).color), light(ground(one, view))])
      .map(pair => (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05));
    found[frame.id] = {
      scroll: page.documentElement.scrollWidth, width: frame.clientWidth,
      out: [...page.body.querySelectorAll("*")].filter(one => one.getBoundingClientRect().right > frame.clientWidth + 1)
        .map(one => one.outerHTML.slice(0, 80)),
      contrast: Math.min(...contrasts), ground: view.getComputedStyle(page.body).backgroundColor,
    };
  }
  document.getElementById("found").textContent = JSON.stringify(found);
};
</script>
"""
DARK = "--blink-settings=preferredColorScheme=0"


def look(chromium, site, page, *arguments):
    """What the browser finds in the page in each frame."""
    folder, address = site
    (folder / "report.html").write_text(page)
    (folder / "frames.html").write_text(FRAMES)
    shown, logged = chromium.run(f"{address}/frames.html", "--dump-dom", *arguments)
    assert logged == []
    return json.loads(
        re.search(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)[1].replace("&lt;", "<").replace("&gt;", ">")
    )


@pytest.mark.parametrize("case", CASES)
def test_it_fits_a_telephone_and_a_desk_and_logs_nothing(chromium, site, rendered, case):
    for screen in look(chromium, site, rendered(case).page).values():
        assert screen["scroll"] <= screen["width"]
        assert screen["out"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("case", ["passed", "different"])
def test_it_can_be_read_in_the_light_and_in_the_dark(chromium, site, rendered, scheme, case):
    found = look(chromium, site, rendered(case).page, *([DARK] if scheme == "dark" else []))
    assert all(screen["contrast"] >= 4.5 for screen in found.values()), found
    assert (found["desk"]["ground"] == "rgb(255, 255, 255)") == (scheme == "light")


def test_the_browser_shows_what_the_page_says_and_runs_nothing_of_it(chromium, rendered):
    shown, logged = chromium.run((rendered("passed").latest / "report.html").as_uri(), "--dump-dom")
    assert logged == []
    assert f"parked_volume_id={PARKED}" in shown
    assert "<title>Refresh of staging passed" in shown


def test_the_browser_tells_of_what_it_may_not_load(chromium, rendered, tmp_path):
    """That nothing is logged above means something."""
    spoilt = rendered("passed").page.replace("</body>", "<img src='http://127.0.0.1:9/x.png'><script>1</script></body>")
    (tmp_path / "spoilt.html").write_text(spoilt)
    _shown, logged = chromium.run((tmp_path / "spoilt.html").as_uri(), "--dump-dom")
    assert len(logged) == 2, logged


def test_it_can_be_printed(chromium, rendered, tmp_path):
    chromium.run(
        (rendered("passed").latest / "report.html").as_uri(), f"--print-to-pdf={tmp_path / 'report.pdf'}", DARK
    )
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert re.search(rb"/Type /Pages\n/Count [1-4]\n", printed)
