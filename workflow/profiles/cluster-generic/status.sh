#!/usr/bin/env bash
# status.sh JOB: `running`, `success` or `failed`, from PBS (-x: also of a job that has ended). Where
# the server keeps no history (job_history_enable), a job that has ended is unknown: `failed`. Torque
# keeps its own, and -x is XML there: take it out.
set -uo pipefail
# PBS may not answer now; Snakemake asks again.
found=$(qstat -x -f "$1" 2>&1) || true
awk -F ' = ' '
  $1 ~ /^ *job_state$/ { state = $2 }
  $1 ~ /^ *Exit_status$/ { status = $2 }
  /^qstat: Unknown Job Id/ { state = "F" }
  END { print state !~ /^[FC]$/ ? "running" : status == "0" ? "success" : "failed" }' <<< "$found"
