# Every target works as the first command on a fresh clone: it installs what it needs.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
BUF_INSTALLED := node_modules/.installed
TYPESCRIPT := examples/typescript-tools
TYPESCRIPT_BUILT := $(TYPESCRIPT)/dist/.built

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-packaging test-parity test-requests test-browser test-gpu weights bench lint protos constraints audit sbom

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## Make .venv and install AutoFlow in it, with all extras and tools.

demo: $(INSTALLED)  ## Run one optimisation end to end; the results go to build/demo.
	$(BIN)/autoflow demo --out build/demo

test: $(INSTALLED) $(if $(shell command -v npm),$(TYPESCRIPT_BUILT))  ## Run the tests; without npm, none of TypeScript.
	$(BIN)/python -m pytest

test-packaging: $(INSTALLED)  ## Install the wheel with each extra alone, and use what it brings (minutes).
	$(BIN)/python -m scripts.test_packaging

test-parity: weights  ## Compare BERTScore of a real text encoder with the package bert_score (minutes).
	$(BIN)/python -m scripts.test_parity

# Ends with 3 where there is no GPU: then nothing was tested.
test-gpu: $(INSTALLED)  ## Test the scorer's engine on a CUDA GPU, and measure it there (minutes).
	$(BIN)/python -m scripts.test_gpu

test-requests: $(INSTALLED)  ## Send 10,000 generated requests to all methods and print what they answered.
	$(BIN)/python -m benchmarks.every_method

# Ends with 3 where there is no Chromium: then nothing was tested.
test-browser: $(INSTALLED)  ## Open the pages of runs in Debian's Chromium, at desktop and phone width.
	$(BIN)/pip install --disable-pip-version-check --quiet playwright==1.65.2
	$(BIN)/python -m scripts.test_browser

weights: $(INSTALLED)  ## Fetch the weights of a real text encoder into build/weights (90 MB).
	$(BIN)/python -m scripts.weights

# Figures mean little on a machine that does something else meanwhile.
bench: $(INSTALLED)  ## Measure against the baselines, into build/bench (minutes); bench-server: one service alone.
	$(BIN)/python -m benchmarks.report

bench-%: $(INSTALLED)
	$(BIN)/python -m benchmarks.report $*

lint: $(INSTALLED) $(BUF_INSTALLED) $(TYPESCRIPT_BUILT)  ## Check style, types, layers, generated code and contracts.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/generate_protos.py --check
	$(BIN)/python -m scripts.railroad_diagram --check
	node_modules/.bin/buf lint

protos: $(INSTALLED)  ## Generate the Python code of the contracts in protos/.
	$(BIN)/python scripts/generate_protos.py

constraints: $(INSTALLED)  ## Write constraints.txt from what is installed.
	$(BIN)/python -m scripts.requirements

# Ends with 1 where a version is vulnerable, and with 3 where no database could be asked about every version.
audit: $(INSTALLED)  ## Look the pinned versions up in a database of known vulnerabilities (needs network).
	$(BIN)/python -m scripts.audit

sbom: $(INSTALLED)  ## Write the bill of materials of .venv, CycloneDX JSON, to build/sbom.json.
	@mkdir -p build
	$(BIN)/cyclonedx-py environment --output-reproducible --validate --of JSON -o build/sbom.json $(BIN)/python

# Not compiled: most modules of the large libraries are never imported, and the others compile then.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "AutoFlow needs Python 3.11 or later")'
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --disable-pip-version-check --progress-bar off --no-compile -c constraints.txt -e '.[dev]'
	@touch $@

# Without install scripts: buf's only replaces its launcher by the binary, to start faster.
$(BUF_INSTALLED): package.json package-lock.json
	@command -v npm > /dev/null || { echo "make lint needs npm, for buf" >&2; exit 1; }
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Checks the types, too.
$(TYPESCRIPT_BUILT): $(addprefix $(TYPESCRIPT)/,package.json package-lock.json tsconfig.json) $(wildcard $(TYPESCRIPT)/src/*.ts) $(wildcard protos/autoflow/v1/*.proto)
	@command -v npm > /dev/null || { echo "the example in TypeScript needs npm" >&2; exit 1; }
	cd $(TYPESCRIPT) && npm ci --ignore-scripts --no-audit --no-fund && npm run --silent build
	@touch $@
