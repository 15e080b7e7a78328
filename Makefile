# Needs Python 3.11 or newer and make; everything else is set up in .venv.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint docs test-addons test-clients clean

demo: $(VENV)/.installed  ## Searches, evaluates and exports on synthetic data.
	$(BIN)/python examples/train_regdb.py --preset=demo

# Three processes keep two cores busy: some tests wait for servers and programs.
test: $(VENV)/.installed-test  ## Runs all tests.
	$(BIN)/python -m pytest --numprocesses=3 --dist=loadfile \
		--no-loadscope-reorder

lint: $(VENV)/.installed-test  ## Checks style, changes nothing.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

docs: $(VENV)/.installed-docs  ## Builds the documentation into site/.
	$(BIN)/python -m mkdocs build --strict

test-addons: $(VENV)/.installed-test  ## Compares with tensorflow-addons.
	tests_addons/run.sh $(BIN)/python

test-clients: $(VENV)/.installed-test  ## Asks with clients of others.
	tests_clients/run.sh $(BIN)/python

# The stamps keep a second `make` from installing anything.
$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo \
	"No Python 3.11 or newer found. Name one: make PYTHON=/path/to/python3"; \
	exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.created requirements.txt setup.py
	$(BIN)/python -m pip install -r requirements.txt
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed requirements-test.txt
	$(BIN)/python -m pip install -r requirements-test.txt
	touch $@

$(VENV)/.installed-docs: $(VENV)/.created requirements-docs.txt
	$(BIN)/python -m pip install -r requirements-docs.txt
	touch $@

clean:
	rm -rf $(VENV) .venv-addons .venv-clients build site *.egg-info .pytest_cache .ruff_cache
