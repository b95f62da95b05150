# Two commands set everything up on a fresh machine: `make demo` shows the product, `make test` proves it.
# Rust itself is the one thing to have before: https://rustup.rs

CARGO ?= cargo
# Components of the plugins, their registry, journal and compile cache: inside the checkout, for the demo and the tests.
HOME_DIR := $(CURDIR)/.cleargate
TARGET_DIR := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
CLEARGATE := $(TARGET_DIR)/debug/cleargate
# What the demo runs, and all first-party plugins. Those with an interpreter take a minute to build once.
DEMO_PLUGINS := lockfile package-risk secret-guard
PLUGINS := $(DEMO_PLUGINS) pii-redactor regex-guard csv text-split blocklist-guard schema-guard jq \
  archive-list injection-guard html-to-markdown yaml web-fetch math json-tools markdown web-search openai-chat kv-cache \
  diff sql datetime code-js code-python

# Not the user's own home: `plugins` makes its registry anew.
export CLEARGATE_HOME := $(HOME_DIR)

.PHONY: demo test lint bench bench-gate bench-baseline soak fuzz plugins build help

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

build: ## the command, with optimized dependencies
	@$(CARGO) build --quiet -p cleargate-cli

plugins: build ## the first-party plugins: built, tested, published to the directory registry
	@# Packages of others that plugins take in, as their lock files pin them. No script of a package runs.
	@for lock in $(wildcard $(PLUGINS:%=plugins/%/package-lock.json)); do folder=$$(dirname $$lock); \
	  test $$folder/node_modules -nt $$lock || (cd $$folder && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
	    && touch node_modules) || exit 1; done
	@for list in $(wildcard $(PLUGINS:%=plugins/%/requirements.txt)); do folder=$$(dirname $$list); \
	  test $$folder/packages -nt $$list || (rm -rf $$folder/packages && PIP_ROOT_USER_ACTION=ignore python3 -m pip install \
	    --quiet --target $$folder/packages --requirement $$list --require-hashes --only-binary=:all: --no-deps --no-compile \
	    --disable-pip-version-check && touch $$folder/packages) || exit 1; done
	@$(CLEARGATE) plugin build --install $(addprefix plugins/,$(PLUGINS)) >/dev/null
	@# Made anew: what is in the checkout is what runs, also when a plugin changed under the same version.
	@rm -rf $(HOME_DIR)/registry $(HOME_DIR)/locks
	@$(CLEARGATE) --quiet plugin publish --if-new $(addprefix plugins/,$(PLUGINS))

demo: PLUGINS := $(DEMO_PLUGINS)
demo: plugins ## reviews the dependencies of this repository, and of a real package-lock.json
	@$(CLEARGATE) run dependency_review --input lockfile=@Cargo.lock
	@$(CLEARGATE) run dependency_review --input lockfile=@sdk/examples/dependency_review/samples/package-lock.json

test: plugins ## everything that is promised, in one run
	@$(CARGO) nextest --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-nextest
	@for plugin in $(PLUGINS); do $(CLEARGATE) plugin test plugins/$$plugin || exit 1; done
	@$(CARGO) nextest run --workspace
	@test "$$(uname)" != Linux || CLEARGATE_RING=process $(CARGO) nextest run -p cleargate-runtime

lint: ## formatting, lints, documentation, licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet
	@if $(CARGO) deny --version >/dev/null 2>&1; then for workspace in . plugins sdk/rust; do \
	  $(CARGO) deny --manifest-path $$workspace/Cargo.toml --config deny.toml check --hide-inclusion-graph \
	    --allow license-not-encountered bans licenses sources || exit 1; done; \
	else echo "licences and sources are not checked: cargo install --locked cargo-deny"; fi

bench: ## figures as ratios against this machine's own limits, explained in a table
	$(CARGO) build --release --quiet -p cleargate-cli
	$(CARGO) run --release --quiet -p cleargate-bench -- --table

bench-gate: ## fails when a figure is 25 % worse against the machine's limit, in two runs of three
	$(CARGO) build --release --quiet -p cleargate-cli
	$(CARGO) run --release --quiet -p cleargate-bench -- --gate tests/bench/baseline.json

bench-baseline: ## measures anew what the gate compares with; commit the file with the reason
	$(CARGO) build --release --quiet -p cleargate-cli
	$(CARGO) run --release --quiet -p cleargate-bench -- --write tests/bench/baseline.json

soak: plugins fuzz ## the slow proofs, some two hours: a thousand kills, long random histories, wide races, a hundred thousand components
	CLEARGATE_SOAK=1 $(CARGO) nextest run --profile soak -p cleargate-flow -p cleargate-store -p cleargate-executor -p cleargate-power
	CLEARGATE_SOAK=1 $(CARGO) nextest run --profile soak -p cleargate-runtime -E 'test(/wa_(19|24|25|28)_/)'
	CLEARGATE_SOAK=1 $(CARGO) nextest run --profile soak -p cleargate-cli -E 'test(killed_runs) or test(/^go::/) or test(requests_and_httpx) or test(/^work::/)'

fuzz: ## millions of damaged inputs for each boundary where a stranger's bytes come in, some ten minutes
	CLEARGATE_SOAK=1 $(CARGO) nextest run --profile soak -p cleargate-fuzz
