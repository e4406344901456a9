#!/usr/bin/env bash
# What annobench needs and annobench itself, from the folder in which Snakemake runs.
set -euo pipefail
pip install --requirement envs/requirements.lock
pip install --no-deps --editable .
