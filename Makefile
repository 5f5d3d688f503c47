# Two commands on a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet -c constraints.txt -e
# Tests with PyTorch (local models, training): 1 = yes, 0 = no, auto = where pip would take a build for the CPU.
TORCH ?= auto
# True where it is installed already, too. `pip install --dry-run` would say the same, but may download PyTorch for it.
CPU_TORCH = test "$$(uname -sm)" != 'Linux x86_64' || $(BIN)/pip show --quiet torch 2>/dev/null || \
  $(BIN)/pip index versions torch 2>/dev/null | grep -qF "$$(sed -n 's/^torch==//p' constraints.txt)+cpu"

.PHONY: demo test lint perf clean

demo: $(VENV)/.align
	$(BIN)/honne demo

test: lint $(VENV)/.torch-$(TORCH)
	$(BIN)/pytest -n 2 --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

perf: $(VENV)/.dev
	$(BIN)/python perf/engine.py
	$(BIN)/python perf/scorer_speed.py
	$(BIN)/pip install --quiet -c constraints.txt -e '.[oracle]'
	$(BIN)/python perf/align.py
	$(BIN)/python perf/annotate.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.align: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) '.[align,scorer]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) '.[dev]'
	touch $@

$(VENV)/.torch-1: $(VENV)/.dev
	$(INSTALL) '.[oracle]'
	touch $@

# No stamp when it is left out: the next `make test` says so again.
$(VENV)/.torch-auto: $(VENV)/.dev
	@if { $(CPU_TORCH); } && $(INSTALL) '.[oracle]'; then touch $@; else \
	  echo '*** No PyTorch: pip would bring gigabytes of CUDA, or failed. Its tests are skipped; to run them: make test TORCH=1'; fi

$(VENV)/.torch-0: ;

clean:
	rm -rf $(VENV) build dist runs
