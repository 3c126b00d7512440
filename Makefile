# The commands of the project. All of them work on a clean checkout: what is missing is installed.
#
#   make run      serve examples/hello.py
#   make test     lint, the tests with sanitizers, then all tests
#   make bench    measure freastal and its rivals (bench/README.md)
#   make lint     ruff, mypy, clang-format
#   make clean    remove what was built, and .venv

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
C_FILES = $(shell find src tests bench -name '*.[ch]' -not -path 'bench/rivals/*' -not -path 'bench/build/*')

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.NOTPARALLEL:
.PHONY: run build test sanitized versions bench lint format clean

run: build
	$(BIN)/freastal --bind 127.0.0.1:8000 --app-dir examples hello:app

build: $(VENV)/.ready
	$(BIN)/python setup.py -q build_ext --inplace

test: build lint sanitized $(if $(CI),versions)
	$(BIN)/python -m pytest

# Again, with the extension built for AddressSanitizer and UndefinedBehaviourSanitizer.
sanitized: $(VENV)/.test
	tools/sanitized $(BIN) tests/gateway tests/wire tests/command tests/applications tests/leaks

# Again, from a wheel, with every other version of Python that this machine has.
versions: $(VENV)/.test
	tools/versions $(BIN) tests/gateway -- tests/command

bench: build
	tools/system-packages --bench $(BIN)/python
	$(BIN)/python -m pip install -q matplotlib
	$(BIN)/python bench/run.py

lint: $(VENV)/.test
	$(BIN)/ruff check --output-format concise
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	@echo clang-format; $(BIN)/clang-format --dry-run --Werror $(C_FILES)

format: $(VENV)/.test
	$(BIN)/ruff format
	@echo clang-format; $(BIN)/clang-format -i $(C_FILES)

clean:
	rm -rf build dist $(VENV) *.egg-info freastal/*.so .pytest_cache .mypy_cache .ruff_cache

# Called before the environment exists and again inside it: Python 3.10 cannot read TOML before that.
$(VENV)/.ready: pyproject.toml setup.py vendor/versions.toml
	tools/system-packages $(PYTHON)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q 'setuptools>=77' 'tomli; python_version < "3.11"'
	tools/system-packages $(BIN)/python
	$(BIN)/python -m pip install -q --no-build-isolation --config-settings editable_mode=compat --editable .
	touch $@

$(VENV)/.test: $(VENV)/.ready
	tools/system-packages --test $(BIN)/python
	$(BIN)/python -m pip install -q --no-build-isolation --config-settings editable_mode=compat --editable '.[test,applications,lint]'
	touch $@
