#!/usr/bin/env bash
# annobench itself, from the folder in which Snakemake runs.
set -euo pipefail
pip install --no-deps --editable .
