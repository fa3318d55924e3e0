# Everything a developer or CI does here. `make help` lists it; each target sets up what it needs.
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
JS := integration-tests/js
KAFKA := integration-tests/cluster/kafka
JOBS ?= $(shell nproc)
MINUTES ?= 3
PYTHONS ?= $(wildcard $(foreach v,3.10 3.11 3.12 3.13,/usr/bin/python$v /usr/local/bin/python$v $(HOME)/.pyenv/versions/$v.*/bin/python))
SOURCES := packages integration-tests docs conftest.py
say = @printf '\n\033[1m==> %s\033[0m\n'

.PHONY: help setup system system-demo run test lint format twins docs soak bench matrix screenshot lock clean

help:  ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: system .venv/installed $(JS)/node_modules/installed .cache/upstream-venv/installed .cache/dependents-venv/installed .cache/kafka/installed  ## Install everything that is needed (a second run is instant)

system:
	@integration-tests/tools/system-packages

system-demo:
	@integration-tests/tools/system-packages demo

# What the demo needs, in the locked versions; the tests add the rest to the same environment.
.venv/demo: requirements.lock packages/engineio/pyproject.toml packages/socketio/pyproject.toml | system-demo
	$(say) "Both packages from the source here into .venv, with what their fast path needs"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock editables hatchling
	$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock --no-build-isolation \
	    -e packages/engineio -e "packages/socketio[fast,asyncio-client]"
	@touch $@

.venv/installed: .venv/demo requirements.lock | system
	$(say) "Python packages of requirements.lock into .venv"
	@# uWSGI holds the Python that it was built with: a build for another one of the same version must not be reused
	@mkdir -p .cache
	grep '^uwsgi' requirements.lock >.cache/uwsgi.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-cache-dir -r .cache/uwsgi.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	@touch $@

$(JS)/node_modules/installed: $(JS)/package-lock.json | system-demo
	$(say) "Node packages of $(JS)/package-lock.json (the official client and server, a browser driver)"
	cd $(JS) && npm ci --no-audit --no-fund
	@touch $@

.cache/upstream-venv/installed: integration-tests/upstream/requirements.lock | system
	$(say) "Upstream's packages into .cache/upstream-venv (only a peer in tests and benchmarks)"
	$(PYTHON) -m venv .cache/upstream-venv
	.cache/upstream-venv/bin/python -m pip install -q --disable-pip-version-check -r $<
	@touch $@

.cache/dependents-venv/installed: integration-tests/dependents/requirements.lock | system
	$(say) "Flask-SocketIO, NiceGUI and frameworks into .cache/dependents-venv (tests run them on our wheels)"
	$(PYTHON) -m venv .cache/dependents-venv
	.cache/dependents-venv/bin/python -m pip install -q --disable-pip-version-check -r $<
	@touch $@

# Without it the Kafka tests are skipped, except in CI, where it has to be there.
.cache/kafka/installed: $(KAFKA)/pom.xml | system
	$(say) "Apache Kafka by Maven into .cache/kafka (a broker for the cluster tests)"
	@rm -rf $(@D)
	@if mvn -B -q -Dstyle.color=never -f $< -Djars=$(CURDIR)/$(@D)/jars dependency:copy-dependencies; then \
	    touch $@; \
	elif [ "$$CI" = true ]; then \
	    exit 1; \
	else \
	    echo "Maven's repository cannot be reached: the Kafka tests will be skipped." >&2; \
	fi

run: .venv/demo $(JS)/node_modules/installed  ## Serve the chat demo on http://127.0.0.1:5000
	$(say) "The chat demo: open http://127.0.0.1:5000 in two windows (Ctrl-C stops it)"
	$(BIN)/python docs/examples/chat/server.py

test: setup  ## All tests: unit, properties, real sockets, Node, browser
	$(say) "Unit and property tests"
	@mkdir -p .cache
	$(BIN)/python -m pytest packages -n $(JOBS) --cov --cov-context=test --cov-report=
	$(say) "Every _core module is fully covered by its own test file"
	$(BIN)/python integration-tests/tools/core_coverage.py
	$(say) "Behaviour over real sockets: servers x clients x transports, bad input, wheels, demo in a browser"
	$(BIN)/python -m pytest integration-tests --ignore=integration-tests/cluster -n $$((2 * $(JOBS)))
	$(say) "Clusters on real brokers, which mostly wait for them to come back"
	$(BIN)/python -m pytest integration-tests/cluster -n $$((2 * $(JOBS)))

docs: setup  ## Build the documentation into .cache/docs (warnings are errors)
	$(say) "Sphinx: the documentation into .cache/docs/index.html"
	$(BIN)/sphinx-build -q -W --keep-going -d .cache/doctrees docs .cache/docs

soak: setup  ## A few minutes of mixed load; fails unless memory stays flat (MINUTES=3)
	$(say) "Soak: clients come and go for $(MINUTES) minutes, then everything must be back at zero"
	$(BIN)/python integration-tests/soak/soak.py --minutes $(MINUTES)

bench: setup  ## Compare CPU, latency and memory with the peers (BENCH=--quick for two minutes)
	$(say) "Benchmarks: our servers, upstream's, Node's and bare ones, side by side"
	$(BIN)/python integration-tests/benchmarks/run.py $(BENCH)

matrix: setup  ## All tests on every Python that is installed, 3.10 to 3.13
	$(say) "All tests on: $(PYTHONS)"
	integration-tests/tools/matrix $(PYTHONS)

screenshot: setup  ## Draw the pictures in docs/images: the chat and the Admin UI
	$(say) "The chat demo and the Admin UI in Chromium"
	PYTHONPATH=integration-tests $(BIN)/python integration-tests/browser/screenshot.py

lint: setup docs  ## Style, types and layers; the documentation builds
	$(say) "ruff"
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(say) "The synchronous twins are what their sources give"
	$(BIN)/python packages/tools/make_twins.py --check
	$(say) "mypy --strict"
	$(BIN)/mypy
	$(say) "pyright, and the completeness of the public types"
	$(JS)/node_modules/.bin/pyright --pythonpath $(BIN)/python
	PATH=$(CURDIR)/$(BIN):$$PATH $(JS)/node_modules/.bin/pyright --verifytypes engineio --ignoreexternal
	PATH=$(CURDIR)/$(BIN):$$PATH $(JS)/node_modules/.bin/pyright --verifytypes socketio --ignoreexternal
	$(say) "Layers (import-linter)"
	$(BIN)/lint-imports

format: setup  ## Rewrite the source in the project's style
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

twins: setup  ## Make the synchronous twins of the asyncio façades
	$(say) "server.py from async_server.py, and so on"
	$(BIN)/python packages/tools/make_twins.py

lock: setup  ## Resolve requirements.in, the upstream peer's and the dependents' again
	$(say) "Newest versions into the lock files"
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.10 --no-header --no-emit-index-url \
	    --no-emit-package python-engineio --no-emit-package python-socketio requirements.in -o requirements.lock
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.10 --no-header --no-emit-index-url \
	    integration-tests/upstream/requirements.in -o integration-tests/upstream/requirements.lock
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.10 --no-header --no-emit-index-url \
	    --no-emit-package python-engineio --no-emit-package python-socketio \
	    integration-tests/dependents/requirements.in -o integration-tests/dependents/requirements.lock
	cd $(JS) && npm update --package-lock-only

clean:  ## Remove everything that setup and the tests made
	$(say) "Removing .venv, .cache, node_modules and tool caches"
	rm -rf .venv .cache $(JS)/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
