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
    sed -e "/^ *#/d" -e "s|THREADS|\"$2\"|" -e "s|MEMORY|$3|" -e "s|SECONDS|$(($4 * 60))|" \
      -e "s|GPUS|\"$5\"|" -e "s|SCRIPT|$6|" -e "s|FOLDER|$PWD|" \
      -e "s|VOLUME|${ANNOBENCH_VOLUME:-$PWD}|" "$here"/job.yaml \
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
