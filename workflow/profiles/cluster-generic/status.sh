#!/usr/bin/env bash
# status.sh JOB: `running`, `success` or `failed`, from PBS (-x: also of a job that has ended).
set -uo pipefail
# PBS may not answer now; Snakemake asks again.
found=$(qstat -x -f "$1") || found=
awk -F ' = ' '
  $1 ~ /^ *job_state$/ { state = $2 }
  $1 ~ /^ *Exit_status$/ { status = $2 }
  END { print state !~ /^[FC]$/ ? "running" : status == "0" ? "success" : "failed" }' <<< "$found"
