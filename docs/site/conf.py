"""Sphinx's configuration. The sources are the repository's own files, brought by docs/site/build.py."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from docutils import nodes

_GALAXY = yaml.safe_load((Path(__file__).resolve().parents[2] / "galaxy.yml").read_text(encoding="utf-8"))

project = f"{_GALAXY['namespace']}.{_GALAXY['name']}"
author = ", ".join(_GALAXY["authors"])
release = version = _GALAXY["version"]
project_copyright = f"2026, {author}"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
# Code that says nothing of its language is commands or a file's contents.
highlight_language = "none"
nitpicky = True

# As GitHub makes anchors of headings, so that a link is right in both places.
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
antsibull_ext_color_scheme = "default-autodark"

# Labels of Ansible's own documentation that antsibull-docs refers to; to ask for its inventory would take a network.
_ANSIBLE = "https://docs.ansible.com/ansible/latest/"
_LABELS = {
    "action_plugins": "plugins/action.html#action-plugins",
    "ansible_configuration_settings": "reference_appendices/config.html#ansible-configuration-settings",
    "callback_plugins": "plugins/callback.html#callback-plugins",
    "common_return_values": "reference_appendices/common_return_values.html#common-return-values",
}
_PLUGIN = re.compile(r"ansible_collections\.(\w+)\.(\w+)\.(\w+)")


def _of_ansible(_app, _env, node, shown):
    """A link to Ansible's documentation for a label that is not of this site; None leaves it a warning."""
    label = node["reftarget"]
    plugin = _PLUGIN.fullmatch(label)
    page = _LABELS.get(label)
    if plugin and f"{plugin[1]}.{plugin[2]}" != project:
        page = f"collections/{plugin[1]}/{plugin[2]}/{plugin[3]}.html"
    return nodes.reference("", "", shown, internal=False, refuri=_ANSIBLE + page) if page else None


def _nested(_app, page, source):
    """The decisions stand below their list, which is a table for a reader of the repository."""
    if page == "docs/decisions/README":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n0*\n```\n"


def setup(app):
    app.connect("missing-reference", _of_ansible)
    app.connect("source-read", _nested)
