# Two commands are enough: `make lab` opens the course, `make test` proves that everything works.
# Both create .venv first. `make` alone lists the other targets.

PYTHON ?= python3
VENV   := .venv
JOBS   ?= 2
BIN    := $(VENV)/bin
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help lab test hostile bench mutants notebooks book doctor lint clean

help:           ## list the targets
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

lab: $(VENV)/course.stamp           ## open the course in JupyterLab
	@$(BIN)/dlcourse lab

test: $(VENV)/test.stamp            ## check style and types, run every test and every notebook
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

hostile: $(VENV)/test.stamp         ## only the grader's tests: hostile and friendly submissions
	$(BIN)/python -m pytest tests/grading tests/grading_run

bench: $(VENV)/test.stamp           ## time and weigh training steps against PyTorch (on a quiet machine)
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.memory

mutants: $(VENV)/test.stamp         ## plant faults into the engine and list those that no test notices
	$(BIN)/python -m tests.mutation

notebooks: $(VENV)/test.stamp       ## run what is stale, write notebooks/, solutions/, exercises/
	$(BIN)/python book/make_references.py
	$(BIN)/python book/make_notebooks.py

book: $(VENV)/test.stamp            ## build the site from the stored outputs into book/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -j auto -c book . book/_build/html
	@echo "open book/_build/html/index.html"

doctor: $(VENV)/course.stamp        ## say what is wrong with this environment, and how to mend it
	@$(BIN)/dlcourse doctor

lint: $(VENV)/test.stamp            ## style and types only; mends what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

clean:          ## remove what was built, keep .venv and all notebooks
	rm -rf book/_build build dist .pytest_cache .mypy_cache .ruff_cache

# ---- the environment ----------------------------------------------------------------------------

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "The course needs Python 3.11 or newer. Install it, or name it: make lab PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing. On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/course.stamp: $(BIN)/pip pyproject.toml constraints.txt
	@echo "Installing the course into $(VENV) (a few minutes the first time) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[course]'
	@touch $@

$(VENV)/test.stamp: $(BIN)/pip pyproject.toml constraints.txt
	@echo "Installing the course and its tests into $(VENV) (a few minutes the first time) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/course.stamp
