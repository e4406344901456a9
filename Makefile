# `make demo` runs the quick study, `make test` the tests; both in .venv, made on first use.

PYTHON ?= python3
STUDY ?= config.yaml
ENVIRONMENT := .venv/installed
# The real small model's files for the tests that need it; fetched on first use.
export ANNOBENCH_TEST_ASSETS ?= $(CURDIR)/.venv/test-assets
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: demo test slurm torture fuzz check audit format clean

# `make fuzz TARGETS="study tables" INPUTS=1000000`
INPUTS ?= 100000
TARGETS ?= study labels-csv labels-jsonl labels-parquet items-csv items-jsonl items-parquet \
  comparisons responses published chaosnli msp-podcast tables tensors records wheel gguf answers

demo: $(ENVIRONMENT)
	snakemake --cores all --configfile $(STUDY)
	annobench show $(STUDY)

# Three processes for two cores, since tests of what waits wait; a file of tests at a time, in the
# order of tests/conftest.py; bytecode is kept whatever the environment says, since tests start
# hundreds of processes.
test: $(ENVIRONMENT)
	PYTHONDONTWRITEBYTECODE= python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# A study on a Slurm of one node, and its accidents; needs Debian's slurm-wlm and munge.
slurm: $(ENVIRONMENT)
	python -m pytest --numprocesses 2 --dist loadfile -rP -m 'slow or not slow' \
	  tests/workflow/clusters

# Accidents at length, in a quarter of an hour; `make test` runs a few of each.
torture: $(ENVIRONMENT)
	ANNOBENCH_KILLS=50 python -m pytest -rP -m 'slow or not slow' \
	  tests/workflow/torture tests/workflow/test_trouble.py

check: $(ENVIRONMENT)
	ruff format --check
	ruff check
	mypy
	snakefmt --check Snakefile workflow
	snakemake --lint

fuzz: $(ENVIRONMENT)
	python -m pip install --quiet --disable-pip-version-check --requirement envs/fuzz.lock
	for target in $(TARGETS); do python tests/fuzz/run.py $$target $(INPUTS) || exit 1; done
	ANNOBENCH_FUZZ_INPUTS=$(INPUTS) python -m pytest tests/fuzz/test_values.py

# pip-audit needs a network that reaches its database; in an environment of its own.
audit: $(ENVIRONMENT)
	python envs/audit.py
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip install --quiet --requirement envs/audit.lock
	.venv/audit/bin/pip-audit --no-deps --disable-pip --requirement envs/requirements.lock

format: $(ENVIRONMENT)
	ruff check --fix
	ruff format
	snakefmt Snakefile workflow

clean:
	rm -rf .venv results assets .snakemake

$(ENVIRONMENT): envs/requirements.lock envs/clusters.lock pyproject.toml
	$(PYTHON) -m venv .venv
	python -m pip install --quiet --disable-pip-version-check --requirement envs/requirements.lock \
	  --requirement envs/clusters.lock
	python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@
