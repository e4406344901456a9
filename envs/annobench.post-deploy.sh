#!/usr/bin/env bash
# The environment of every rule, for `snakemake --sdm conda`: what annobench needs and annobench
# itself, from the folder in which Snakemake runs. annobench.yaml holds the lock's SHA-256, so that
# other pins are another environment; it is short because it goes into the record of every file.
set -euo pipefail
pip install --requirement envs/requirements.lock
pip install --no-deps --editable .
