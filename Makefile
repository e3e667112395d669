# The commands of this repository. `make` or `make help` lists them.
# Everything is installed into .venv. Empty stamp files in there remember what is installed, so that
# a second run installs nothing and needs no network.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# `make test CONSTRAINTS=` takes the newest versions instead of the tested ones.
CONSTRAINTS ?= -c constraints.txt
INSTALL ?= $(BIN)/python -m pip install --quiet $(CONSTRAINTS)
BOOK := book --config _config.yml --toc _toc.yml --path-output .
PAGE := _build/html/index.html
N ?= 5
ONLY ?=
URL ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
ifeq ($(shell uname),Darwin) # where programs are not on the PATH
export CHROMIUM ?= /Applications/Google Chrome.app/Contents/MacOS/Google Chrome
endif
export KERAS_BACKEND := tensorflow
export TF_CPP_MIN_LOG_LEVEL := 2

.PHONY: help book test lab notebooks seeds checkpoints check home bench links constraints clean chromium
.NOTPARALLEL:

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1@\2/p' Makefile | awk -F@ '{printf "%-18s %s\n", $$1, $$2}'

book: $(VENV)/.book ## build the site from the committed notebooks
	$(BIN)/jupyter-book build $(BOOK) -W -n --keep-going
	@echo "The site is in $(PAGE)"

test: $(VENV)/.test chromium ## run every test: package, notebooks, exercises, site
	$(BIN)/python -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=60 \
		--durations=40 --cov=companion --cov-report=term tests book

lab: $(VENV)/.test ## open the chapters in JupyterLab
	$(BIN)/jupyter lab book

notebooks: $(VENV)/.test ## run chapters anew and save their outputs [ONLY=path]
	$(BIN)/python -m tools.notebooks run $(ONLY)

seeds: $(VENV)/.test ## check the claims under N other seeds [N=5] [ONLY=path]
	$(BIN)/python -m tools.notebooks seeds --n $(N) $(ONLY)

checkpoints: $(VENV)/.test ## train the weights that come along anew
	@for file in tools/checkpoints/[!_]*.py; do \
		$(BIN)/python -m tools.checkpoints.$$(basename $$file .py) || exit 1; \
	done

check: $(VENV)/.test ## format, lint and fast tests, before a commit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -q -m "not browser and not slow" tests

home: $(VENV)/.book ## set the repository's address everywhere: URL=https://…
	@test -n "$(URL)" || { echo "Say which: make home URL=https://github.com/you/large-models-small"; exit 2; }
	$(BIN)/python -m tools.notebooks home $(URL)

bench: $(VENV)/.test ## compare speeds side by side; writes benchmarks/results.json
	@rm -f $(VENV)/bench.json; missed=0; \
	for file in benchmarks/[!_]*.py; do \
		name=$$(basename $$file .py); \
		test $$name = side_by_side || $(BIN)/python -m benchmarks.$$name --json $(VENV)/bench.json || missed=1; \
	done; \
	mv $(VENV)/bench.json benchmarks/results.json && exit $$missed

links: $(VENV)/.book ## check the links to other sites (needs the network)
	$(BIN)/jupyter-book build $(BOOK) --builder custom --custom-builder linkcheck

constraints: ## write constraints.txt anew, with the newest versions but the same torch
	$(PYTHON) -m venv $(VENV)/fresh
	$(VENV)/fresh/bin/pip install --quiet --upgrade "pip>=25.1"
	$(VENV)/fresh/bin/pip install --quiet "$$(grep '^torch==' constraints.txt)" ".[all]" --group test
	{ head -n 1 constraints.txt; $(VENV)/fresh/bin/pip freeze --all --exclude pip \
		--exclude large-models-companion | sed 's/[+].*//' | tr '[:upper:]_' '[:lower:]-' | \
		LC_ALL=C sort -t= -k1,1; } > $(VENV)/constraints.txt
	mv $(VENV)/constraints.txt constraints.txt
	rm -r $(VENV)/fresh

clean: ## remove what the other commands made, except .venv
	rm -rf _build book/appendix/api build *.egg-info .pytest_cache .ruff_cache .hypothesis .coverage htmlcov
	find companion tests tools benchmarks book -name __pycache__ -exec rm -rf {} +

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name another one with: make … PYTHON=python3.13"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
		{ echo "python3 cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" # the first with --group
	@touch $@

$(VENV)/.book: $(VENV)/.pip pyproject.toml constraints.txt
	@echo "Installing what the site needs. This happens once."
	@$(INSTALL) --group book
	@touch $@

# The wheelhouse lets a test install the companion into a bare environment without the network.
$(VENV)/.test: $(VENV)/.pip pyproject.toml constraints.txt
	@echo "Installing everything, PyTorch and TensorFlow included. This happens once and takes minutes."
	@$(INSTALL) -e ".[all]" --group test
	@$(BIN)/python -m pip download --quiet $(CONSTRAINTS) -d $(VENV)/wheelhouse \
		matplotlib numpy pillow safetensors scikit-learn scipy tqdm setuptools
	@touch $(VENV)/.book $@

chromium:
	@for name in "$$CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable; do \
		if command -v "$$name" > /dev/null; then exit 0; fi; \
	done; \
	if test "$$(id -u)" = 0; then as_root=; else as_root="sudo -n"; fi; \
	if command -v apt-get > /dev/null && $$as_root true 2> /dev/null; then \
		echo "Installing Chromium for the tests of the site. This happens once."; \
		$$as_root apt-get update -qq && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium > /dev/null && exit 0; \
	fi; \
	echo "The tests of the site need Chromium or Chrome: install it, or set CHROMIUM to its program."
