# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""As much of AWX's REST API as the modules use here: it keeps what is posted, and refuses what refers to nothing."""

from __future__ import annotations

import itertools
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlparse

TOKEN = "of-the-test"
# What a field refers to.
REFERENCES = {
    "organization": "organizations",
    "credential_type": "credential_types",
    "default_environment": "execution_environments",
    "execution_environment": "execution_environments",
    "credential": "credentials",
    "project": "projects",
    "source_project": "projects",
    "inventory": "inventories",
    "workflow_job_template": "workflow_job_templates",
    "unified_job_template": "unified_job_templates",
}
NOTIFICATIONS = {f"notification_templates_{when}": "notification_templates" for when in ("started", "success", "error")}
NODES = dict.fromkeys(("success_nodes", "failure_nodes", "always_nodes"), "workflow_job_template_nodes")
# What can be associated with an object of a kind, and of which kind that is; AWX knows no other such address.
ASSOCIATIONS = {
    "job_templates": {"credentials": "credentials", **NOTIFICATIONS},
    "workflow_job_templates": {"notification_templates_approvals": "notification_templates", **NOTIFICATIONS},
    "workflow_job_template_nodes": NODES,
    "projects": NOTIFICATIONS,
    "inventory_sources": NOTIFICATIONS,
    "inventories": {},
    "schedules": {},
}
UNIFIED = ("projects", "job_templates", "workflow_job_templates", "inventory_sources", "workflow_approval_templates")
WITH_SURVEY = ("job_templates", "workflow_job_templates")


class Refused(Exception):
    """An answer that is not 2xx."""

    def __init__(self, status: int, detail: str):
        super().__init__(detail)
        self.status = status


class FakeAWX:
    """The objects by kind and id; `requests` is what was asked for, in order."""

    def __init__(self):
        self.kinds = {
            kind: {} for kind in {*REFERENCES.values(), *ASSOCIATIONS, *UNIFIED, "notification_templates", "schedules"}
        }
        del self.kinds["unified_job_templates"]
        self.requests: list[tuple[str, str]] = []
        self._numbers = itertools.count(1)
        self._add("organizations", {"name": "Default"})
        fake = self

        class Handler(BaseHTTPRequestHandler):
            """Passes requests on."""

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or "{}")
                url = urlparse(self.path)
                fake.requests.append((self.command, url.path))
                try:
                    if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                        raise Refused(401, "no token")
                    status, found = fake.handle(self.command, url.path, dict(parse_qsl(url.query)), body)
                except Refused as refused:
                    status, found = refused.status, {"detail": str(refused)}
                text = b"" if found is None else json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do_DELETE = answer

            def log_message(self, *_arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def named(self, kind: str) -> dict[str, dict]:
        """The objects of a kind by their names, or identifiers."""
        return {item.get("name") or item["identifier"]: item for item in self.all(kind).values()}

    def handle(self, method: str, path: str, query: dict, body: dict):
        """Status and answer of one request."""
        match = re.fullmatch(r"/api/v2/(\w+)/(?:(\d+)/)?(?:(\w+)/)?", path)
        kind = match and match[1]
        if not match or (kind not in self.kinds and kind != "unified_job_templates"):
            raise Refused(404, "no such address")
        if match[2] is None:
            return self._collection(method, kind, query, body)
        item = self.all(kind).get(int(match[2]))
        if item is None:
            raise Refused(404, "no such object")
        if match[3] is not None:
            return self._below(method, kind, item, match[3], body)
        if method == "PATCH":
            self._check(body)
            item.update(body)
        elif method != "GET":
            raise Refused(405, "not here")
        return 200, self._shown(item)

    def _collection(self, method, kind, query, body):
        if method == "POST":
            self._check(body)
            return 201, self._shown(self._add(kind, body))
        found = [
            self._shown(item)
            for item in self.all(kind).values()
            if all(str(item.get(key)) == value for key, value in query.items())
        ]
        return 200, {"count": len(found), "next": None, "results": found}

    def _below(self, method, kind, item, name, body):
        if name == "survey_spec" and kind in WITH_SURVEY:
            if method == "POST":
                self._check_survey(body)
                item["_survey"] = body
            return 200, item.get("_survey", {})
        if name == "create_approval_template" and kind == "workflow_job_template_nodes" and method == "POST":
            made = self._add("workflow_approval_templates", body)
            item["unified_job_template"] = made["id"]
            item["related"]["unified_job_template"] = made["url"]
            return 201, self._shown(made)
        if name not in ASSOCIATIONS.get(kind, {}):
            raise Refused(404, f"{kind} have no {name}")
        there = item.setdefault("_associations", {}).setdefault(name, [])
        if method == "POST":
            if body["id"] not in self.all(ASSOCIATIONS[kind][name]):
                raise Refused(400, f"no {name} {body['id']}")
            there.remove(body["id"]) if body.get("disassociate") else there.append(body["id"])
            return 204, None
        return 200, {"count": len(there), "next": None, "results": [{"id": number} for number in there]}

    def all(self, kind: str) -> dict[int, dict]:
        """The objects of a kind by their numbers."""
        kinds = UNIFIED if kind == "unified_job_templates" else (kind,)
        return {number: item for one in kinds for number, item in self.kinds[one].items()}

    def _add(self, kind, body):
        number = next(self._numbers)
        url = f"/api/v2/{kind}/{number}/"
        related = {"survey_spec": f"{url}survey_spec/"} if kind in WITH_SURVEY else {}
        singular = "inventory" if kind == "inventories" else kind[:-1]
        extra = {"scm_revision": "", "summary_fields": {}} if kind == "projects" else {}
        self.kinds[kind][number] = {"type": singular, **body, **extra, "id": number, "url": url, "related": related}
        return self.kinds[kind][number]

    def _check(self, body):
        for field, kind in REFERENCES.items():
            if body.get(field) is not None and body[field] not in self.all(kind):
                raise Refused(400, f"{field} {body[field]} is not there")

    @staticmethod
    def _check_survey(body):
        """What AWX demands of a survey."""
        if not {"name", "description", "spec"} <= body.keys() or not body["spec"]:
            raise Refused(400, "a survey needs name, description and spec")
        for question in body["spec"]:
            if not {"type", "question_name", "variable", "required"} <= question.keys():
                raise Refused(400, "a question lacks something")
            if question["type"] == "multiplechoice" and question.get("default") not in ("", *question["choices"]):
                raise Refused(400, "the default is no choice")

    @staticmethod
    def _shown(item):
        return {key: value for key, value in item.items() if not key.startswith("_")}
