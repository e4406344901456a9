#!/usr/bin/env bash
# Between Snakemake's generic executor and kubectl.
#
#   kubernetes.sh submit THREADS MEMORY_MB MINUTES GPUS SCRIPT    prints the Job's name
#   kubernetes.sh status JOB                                      running, success or failed
#
# ANNOBENCH_VOLUME: where the volume is mounted, here as in the jobs; by default this folder.
set -euo pipefail
here=$(dirname "$0")

case $1 in
  submit)
    # A string of JSON is one of YAML, whatever the name of a folder is.
    threads=$2 memory=$3M seconds=$(($4 * 60)) gpus=$5 script=$6 folder=$PWD \
      volume=${ANNOBENCH_VOLUME:-$PWD} python3 -c '
import json, os, string, sys
words = {name: v if v.isdigit() else json.dumps(v) for name, v in os.environ.items()}
print(string.Template(sys.stdin.read()).substitute(words))' < "$here"/job.yaml \
      | kubectl create --filename - --output 'jsonpath={.metadata.name}{"\n"}'
    ;;
  status)
    # Kubernetes may not answer now; Snakemake asks again.
    found=$(kubectl get job "$2" --ignore-not-found \
      --output 'jsonpath={.metadata.name} {.status.conditions[?(@.status=="True")].type}') \
      || found=unknown
    case $found in
      *Failed* | '') echo failed ;; # or deleted
      *Complete*) echo success ;;
      *) echo running ;;
    esac
    ;;
esac
