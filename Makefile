PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
KERNELS := $(wildcard */*.cpp */*/*.cpp */*.h */*/*.h)

.PHONY: demo test lint clean

$(VENV)/.installed: pyproject.toml setup.py $(KERNELS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable ".[dev,detect,train,dtcwt]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/bench run

test: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist loadfile

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache
	find . -name '*.so' -not -path './$(VENV)/*' -delete
