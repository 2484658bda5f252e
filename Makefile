# make demo   sets everything up and runs the main job on the film that ships with scenelake
# make test   sets up what tests need and runs them
# make help   the rest

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Warnings of build tools are for packagers.
PIP    := PYTHONWARNINGS=ignore $(BIN)/python -m pip --disable-pip-version-check

# rapidocr-onnxruntime brings an OpenCV that wants a screen's libraries; the headless one
# is the same without, and the last one installed wins.
HEADLESS := "opencv-python-headless>=5,<6"

# Two at a time on two cores, each with one thread; files stay whole, for what their tests share.
WORKERS  ?= 2
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# What would be missing from a wheel: modules, entry points, prompts, profiles, the demo film.
WHEEL_TESTS := tests/schemas $(addprefix tests/pipeline/test_,cli.py doctor.py engines.py models.py \
	settings.py store.py) $(addprefix tests/workers/test_,describe.py answer.py sandbox.py)

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint format models test-models test-media test-tools wheel-test bench clean

help:
	@echo "make demo        install into $(VENV), fetch weights, run the demo film"
	@echo "make test        install what tests need, fetch test media, run the tests"
	@echo "make test-slow   the tests that take minutes"
	@echo "make lint        ruff, mypy --strict, import rules"
	@echo "make format      format the code"
	@echo "make wheel-test  build the wheel and run the tests of what it holds against it"
	@echo "make bench       measure for some hours; results go to tests/bench"
	@echo "make clean       remove build products (the lake, weights and media stay)"

demo: models
	@echo "== The main job on our own film"
	$(BIN)/scenelake demo

test: $(VENV)/.installed-test test-tools test-media test-models
	@echo "== Tests"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PARALLEL)

test-slow: $(VENV)/.installed-test test-tools test-media test-models
	# Some need ten minutes, and a look at where a busy process is can crash it (Python 3.11).
	$(BIN)/python -m pytest -m slow -o faulthandler_timeout=1800

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p build/types/scenelake
	for room in schemas workers pipeline; do ln -sfn ../../../$$room build/types/scenelake/$$room; done
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-bench test-tools test-media models
	$(BIN)/python tests/bench/decode.py
	$(BIN)/python tests/bench/all.py

models: $(VENV)/.installed
	@echo "== Model weights"
	$(BIN)/scenelake models fetch --profile embedded

test-models: models
	$(BIN)/scenelake models fetch --set cut.engine=transnetv2 --set speech.model=whisper-base

test-media: $(VENV)/.installed-test
	@echo "== Test media"
	$(BIN)/python tests/media/packages.py
	$(BIN)/scenelake eval own --fetch

# Tests make their films and voices with these.
test-tools:
	@if ! command -v ffmpeg >/dev/null || ! command -v espeak-ng >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "== Installing ffmpeg and espeak-ng" && apt-get update -qq && \
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq ffmpeg espeak-ng >/dev/null; \
		else \
			echo "The tests need ffmpeg and espeak-ng: sudo apt-get install ffmpeg espeak-ng"; exit 1; \
		fi; \
	fi

$(BIN)/python:
	@echo "== Making a virtual environment in $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade "pip>=24" "setuptools>=77,<82" wheel

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "== Installing scenelake and its libraries (torch is large: some minutes the first time)"
	$(PIP) install --quiet --editable .
	$(PIP) install --quiet --force-reinstall --no-deps $(HEADLESS)
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo "== Installing what tests and checks need"
	$(PIP) install --quiet --editable ".[test,dev]"
	$(PIP) install --quiet --force-reinstall --no-deps $(HEADLESS)
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-test
	$(PIP) install --quiet --editable ".[test,dev,bench]"
	$(PIP) install --quiet --force-reinstall --no-deps $(HEADLESS)
	@touch $@

# The wheel goes into an environment of its own that borrows the libraries of $(VENV), but
# not its editable scenelake.
wheel-test: $(VENV)/.installed-test test-tools test-media test-models
	rm -rf build/wheel-venv dist
	$(BIN)/python -m build --wheel --quiet
	$(PYTHON) -m venv --without-pip build/wheel-venv
	$(BIN)/python -m pip --python build/wheel-venv/bin/python install --quiet --no-deps dist/*.whl
	$(BIN)/python -c "import pathlib, site; \
		target = next(pathlib.Path('build/wheel-venv').glob('lib/python*/site-packages')); \
		(target / 'libraries.pth').write_text(site.getsitepackages()[0])"
	OMP_NUM_THREADS=1 build/wheel-venv/bin/python -m pytest $(PARALLEL) $(WHEEL_TESTS)

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
