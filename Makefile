# `make reproduce` and `make test` set up .venv themselves, once. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= $(shell command -v python3.11 || command -v python3)
WORKERS ?= 2
SEEDS ?= 3
PROFILE ?= wiki
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: reproduce figures test verify lint notebooks goldens benchmarks clean

reproduce: .venv/ready  ## every table and figure, from real text
	$(BIN)/mt2st reproduce --profile $(PROFILE) --seeds $(SEEDS) --workers $(WORKERS)

figures: .venv/ready  ## tables, figures and page from the committed record, in a minute or two
	$(BIN)/mt2st figures --profile $(PROFILE)

test: lint  ## the code: style, types, borders between rooms, unit tests, notebooks at the smoke scale
	$(BIN)/python -m pytest -n 2 --dist loadscope
	$(BIN)/python tests/golden/check.py

verify: .venv/ready  ## the results: all committed tables, README blocks and notebooks once more from the records
	$(BIN)/python -m pytest -n 2 --dist loadgroup tests/verify
	$(BIN)/python tests/verify/notebooks.py

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

notebooks: .venv/ready  ## step through the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

goldens: .venv/ready  ## make the golden notebooks anew, after a change that is meant to change them
	$(BIN)/python tests/golden/make.py

benchmarks: .venv/ready  ## speed, side by side; writes benchmarks/README.md
	$(BIN)/python benchmarks/run.py

.venv/ready: pyproject.toml constraints.txt
	@echo "setting up .venv with pinned packages (one to three minutes, once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --use-pep517 --constraint constraints.txt --editable '.[notebooks,gradients,test]'
	@touch $@

clean:
	rm -rf .venv results data/cache
