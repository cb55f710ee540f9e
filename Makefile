# Two commands matter: `make demo` and `make test`. Each makes its own environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# CompressAI pins NumPy below 2: its plugin has an environment of its own, beside the first, whose libraries it borrows.
APART := plugins/compressai/pyproject.toml
PLUGINS := $(filter-out $(APART),$(wildcard plugins/*/pyproject.toml))
MEMBERS := $(patsubst %/pyproject.toml,-e ./%,$(PLUGINS)) -e ./examples/third_party
STAMP := $(VENV)/installed
ZOO := .venv-compressai

.PHONY: demo test ci browser bench compressai lint types wheels platforms installable methods cli docs format clean

demo: $(STAMP)
	$(BIN)/python examples/demo.py demo

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto -m "not wheels and not browser"

ci: lint types wheels test browser docs compressai

bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks.report

compressai: $(ZOO)/installed
	OMP_NUM_THREADS=1 $(ZOO)/bin/python -m pytest plugins/compressai

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/pyright

browser: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m browser tests/browser

wheels: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m wheels

platforms: $(STAMP)
	$(BIN)/python -m tests.platforms

installable: $(STAMP)
	$(BIN)/python -m tests.installable

methods: $(STAMP)
	$(BIN)/python -m tests.methods_page

cli: $(STAMP)
	$(BIN)/python -m tests.cli_page

docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 OMP_NUM_THREADS=1 $(BIN)/mkdocs build --strict --quiet

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(STAMP): pyproject.toml constraints.txt $(PLUGINS) examples/third_party/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "imgredux needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt hatchling editables
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation -e ".[fast,repack,heif,export,ray,eval,train,browser,test,bench,dev]" $(MEMBERS)
	touch $(STAMP)

$(VENV)/docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation -e ".[docs]"
	touch $@

$(ZOO)/installed: $(STAMP) $(APART) plugins/compressai/constraints.txt
	test -x $(ZOO)/bin/python || $(BIN)/python -m venv $(ZOO)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $$($(ZOO)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/borrowed.pth
	$(ZOO)/bin/python -m pip install --quiet --constraint plugins/compressai/constraints.txt compressai "numpy<2"
	$(ZOO)/bin/python -m pip install --quiet --no-build-isolation --no-deps -e . -e ./plugins/jndlc -e ./plugins/compressai
	touch $@

clean:
	rm -rf $(VENV) $(ZOO) demo dist build site
