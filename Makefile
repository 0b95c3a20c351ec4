# Every target sets up .venv first, once, and again whenever the pins change.
SCALE ?= quick
CORES ?= $(shell nproc)
PYTHON ?= python3.11
PORT ?= 5000
VENV := .venv
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" MLFLOW_DISABLE_TELEMETRY=true

.PHONY: help setup reproduce test lint bench ui deps docs clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(VENV)/.ready: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "setting up $(VENV) (a few minutes, once)"
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --no-warn-script-location --editable '.[dev]' --constraint constraints.txt 2>pip.log \
		|| { cat pip.log; rm -f pip.log; exit 1; }
	@rm -f pip.log
	@touch $@

setup: $(VENV)/.ready  ## make the environment in .venv

reproduce: setup  ## run the whole pipeline at SCALE (default: quick)
	@$(RUN) snakemake --cores $(CORES) --config scale=$(SCALE) -- all
	@$(RUN) isthmus scorecard --scale $(SCALE)
	@echo "report: $(CURDIR)/reports/$(SCALE)/index.html"

test: setup lint  ## lint, then run the tests
	@$(RUN) pytest -n 2 --dist loadfile

lint: setup  ## ruff, mypy, snakefmt, snakemake --lint
	@$(RUN) ruff check src tests
	@$(RUN) ruff format --check src tests
	@$(RUN) mypy
	@$(RUN) snakefmt --check --compact-diff Snakefile workflow
	@$(RUN) snakemake --lint

bench: setup  ## every performance statement, as a ratio measured in one run
	@$(VENV)/bin/pip install --quiet --editable '.[bench]' --constraint constraints.txt
	@$(RUN) sh -c 'for each in benchmarks/*.py; do python $$each || exit 1; done'

ui: setup  ## serve the runs in the MLflow UI
	@$(RUN) isthmus ui --port $(PORT)

deps: setup  ## rewrite the source-file lines of dvc.yaml from the imports
	@$(RUN) python workflow/scripts/code_deps.py

docs: setup  ## rewrite config/README.md from the schema
	@$(RUN) python -c "from isthmus.config.reference import reference; open('config/README.md', 'w').write(reference())"

clean:  ## remove everything the pipeline made (keeps .venv and downloads)
	rm -rf runs reports logs .snakemake .isthmus mlflow.db mlartifacts .dvc/cache .dvc/tmp benchmarks/*/
