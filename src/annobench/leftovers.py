"""Jobs in Slurm's queue whose submitter is gone. Snakemake takes its jobs back when it is told to
end, but not when it is killed; the next run of the study would make the same files beside them."""

import os
import subprocess
import time

from annobench.errors import AnnobenchError

SECONDS = 60.0
"""Slurm takes its KillWait, by default 30 s, to end a running job."""


def cancel(study: str) -> list[str]:
    """Cancel what an earlier run of the study in this folder left in Slurm's queue; the ids.

    Raises: AnnobenchError, if a job does not go.
    """
    cancelled = leftovers(_queue(), study, os.getcwd())
    if cancelled:
        subprocess.run(["scancel", *cancelled], check=True)
    end = time.monotonic() + SECONDS
    while left := leftovers(_queue(), study, os.getcwd()):
        if time.monotonic() > end:
            raise AnnobenchError(
                f"Slurm's queue: found jobs of an earlier run, {', '.join(left)}, that do not end; "
                "allowed: none"
            )
        time.sleep(0.5)
    return cancelled


def leftovers(queue: str, study: str, folder: str) -> list[str]:
    """Ids of the study's jobs that were submitted from the folder.

    queue: lines of id|folder|comment. snakemake-executor-plugin-slurm's comment is
    rule_RULE_wildcards_VALUES, values joined by `_`, and the first is the study.
    """
    found = []
    for line in queue.splitlines():
        job, submitted_from, comment = line.split("|", 2)
        values = comment.partition("_wildcards_")[2].split("_")
        if os.path.realpath(submitted_from) == os.path.realpath(folder) and values[0] == study:
            found.append(job)
    return found


def _queue() -> str:
    command = ["squeue", "--me", "--noheader", "--format", "%A|%Z|%k"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
