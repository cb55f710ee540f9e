# Two commands matter: `make demo` and `make test`. Each makes its own environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(wildcard plugins/*/pyproject.toml)
MEMBERS := $(patsubst %/pyproject.toml,-e ./%,$(PLUGINS)) -e ./examples/third_party
STAMP := $(VENV)/installed

.PHONY: demo test ci bench lint types wheels installable methods format clean

demo: $(STAMP)
	$(BIN)/python examples/demo.py demo

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto -m "not wheels"

ci: lint types wheels test

bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks.report

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/pyright

wheels: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m wheels

installable: $(STAMP)
	$(BIN)/python -m tests.installable

methods: $(STAMP)
	$(BIN)/python -m tests.methods_page

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(STAMP): pyproject.toml constraints.txt $(PLUGINS) examples/third_party/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "imgredux needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt hatchling editables
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation -e ".[fast,repack,ray,eval,train,test,bench,dev]" $(MEMBERS)
	touch $(STAMP)

clean:
	rm -rf $(VENV) demo dist build
