# The two commands: `make sync` and `make test`. The rest are their parts.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/stagesync
VENV := $(CACHE)/venv-$(shell sha256sum requirements-dev.txt | cut -c1-12)
READY := $(VENV)/.ready
LINK := .cache/collections/ansible_collections/stagesync/aws
LABCTL := STAGESYNC_PYTHON=$(VENV)/bin/python tests/lab/labctl
# What the lab needs of Debian; the suite's own release is the pin.
PACKAGES := curl debootstrap iproute2 procps systemd-container util-linux xfsprogs
# What only the tests need: they look at the report in a browser and check its HTML.
TEST_PACKAGES := chromium-headless-shell tidy

export PATH := $(VENV)/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# Its name holds the hash of the requirements, so that it never has to be made again.
$(READY):
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo 'Installing python3-venv'; apt-get update -qq; apt-get install -y -qq python3-venv >/dev/null; }
	@echo 'Installing the pinned Python packages into $(VENV)'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-compile --requirement requirements-dev.txt
	@touch $@

# The checkout under its collection's name; ansible.cfg looks for it there.
$(LINK):
	@mkdir -p $(dir $(LINK))
	@ln -sfn ../../../.. $(LINK)

# The masking engine for the machines that the hosts may be; the pinned compiler makes them all, and for an old glibc.
NATIVE := roles/host_python/files/native
$(NATIVE)/masker-%.so: native/masker.c | $(READY)
	@mkdir -p $(NATIVE)
	@python -m ziglang cc -std=c11 -O2 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -s -target $*-linux-gnu.2.17 -o $@ $<

# This machine's own, for the tests, where a host has it.
ENGINE := $(VENV)/lib/stagesync/masker.so
$(ENGINE): $(NATIVE)/masker-$(shell uname -m).so
	@install -D $< $@

.PHONY: tools packages lab sync rollback down
tools: $(READY) $(LINK) $(NATIVE)/masker-x86_64.so $(NATIVE)/masker-aarch64.so $(ENGINE)

packages:
	@[ "$$(id -u)" = 0 ] || { echo 'The lab makes hosts and block devices: run this as root, for example with sudo.' >&2; exit 1; }
	@missing=$$(for name in $(PACKAGES); do dpkg-query -W -f='$${Status}' "$$name" 2>/dev/null | grep -q 'ok installed' || echo "$$name"; done); \
	if [ -n "$$missing" ]; then \
	  echo 'Installing Debian packages:' $$missing; \
	  apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

lab: tools packages ## bring the lab up and fill it with data
	@$(LABCTL) up
	@$(LABCTL) seed --if-empty

ifdef INVENTORY
sync rollback: tools
playbook = ansible-playbook -i $(INVENTORY)
else
sync rollback: lab
# Writes go on at the lab's primary meanwhile, so that the snapshot really is crash-consistent.
sync: writer = $(LABCTL) writer start --seconds 600; trap '$(LABCTL) writer stop' EXIT;
playbook = eval "$$($(LABCTL) env)"; $(writer) ansible-playbook -i inventories/lab
endif

sync: ## refresh staging from production (INVENTORY=inventories/aws for a real account)
	@$(playbook) playbooks/sync.yml $(ARGS)

rollback: ## swap staging back (ARGS='-e snapshot_id=snap-…' rebuilds it from a snapshot)
	@$(playbook) playbooks/rollback.yml $(ARGS)

down: tools ## take the lab down
	@$(LABCTL) down

.PHONY: test test-unit test-sanity test-lint test-integration test-molecule
test: PACKAGES += $(TEST_PACKAGES)
test: tools packages ## every test: unit, sanity, lint, documentation, integration, Molecule
	@$(LABCTL) down
	@$(LABCTL) up
	@$(LABCTL) seed --scale 0.1
	@eval "$$($(LABCTL) env)"; python tests/run.py

test-unit test-real test-sanity test-lint test-build test-docs: test-%: tools ## one kind of test alone (also real, sanity, lint, build, docs)
	@python tests/run.py $*

test-integration test-molecule: test-%: lab ## (also test-molecule) one kind on the lab
	@eval "$$($(LABCTL) env)"; python tests/run.py $*

.PHONY: bench
bench: tools ## speed, memory and growth of copy and comparison, recall of the detectors (SCALE=1: the sizes of docs/benchmarks.md)
	@python tests/bench/run.py $(ARGS)
	@python tests/bench/detectors.py

.PHONY: chaos
chaos: lab ## the campaign of faults: hours; ARGS='--cases 10' plays so many (tests/chaos/run.py --help)
	@$(LABCTL) seed --scale 0.02
	@PYTHONPATH=tests/lab:tests/chaos python tests/chaos/run.py $(ARGS)

.PHONY: env
env: ## the tools for a shell: eval "$$(make env)"
	@echo 'export PATH=$(VENV)/bin:$$PATH ANSIBLE_CONFIG=$(CURDIR)/ansible.cfg'

.PHONY: docs
docs: tools ## the documentation as a site in .cache/docs/site
	@python docs/site/build.py

.PHONY: build clean
build: tools ## the collection as a tarball
	@ansible-galaxy collection build --force

clean: ## remove what the tests and builds left in the checkout
	rm -rf .cache reports *.tar.gz .pytest_cache .ruff_cache $(NATIVE)
