"""Jobs in Slurm's queue whose submitter is gone. Snakemake takes its jobs back when it is told to
end, but not when it is killed; the next run of the study would make the same files beside them."""

import logging
import os
import subprocess
import time

from annobench.errors import AnnobenchError, one_line

log = logging.getLogger(__name__)

SECONDS = 60.0
"""Slurm takes its KillWait, by default 30 s, to end a running job."""


def cancel(study: str) -> None:
    """Cancel what an earlier run of the study in this folder left in Slurm's queue, and log it.

    Raises: AnnobenchError, if Slurm does not answer or a job does not go.
    """
    if found := leftovers(_queue(), study, os.getcwd()):
        log.warning("Slurm's queue: cancel jobs of an earlier run: %s", ", ".join(found))
        _ask("scancel", "--quiet", *found)  # quiet about those that have just ended
    end = time.monotonic() + SECONDS
    while left := leftovers(_queue(), study, os.getcwd()):
        if time.monotonic() > end:
            raise AnnobenchError(
                f"Slurm's queue: found jobs of an earlier run, {', '.join(left)}, that do not end; "
                "allowed: none"
            )
        time.sleep(0.5)


def leftovers(queue: str, study: str, folder: str) -> list[str]:
    """Ids of the study's jobs that were submitted from the folder.

    queue: lines of id|folder|comment. snakemake-executor-plugin-slurm's comment is
    rule_RULE_wildcards_VALUES, values joined by `_`, and the first is the study; of a group of
    cells it is rule_GROUP_train, and docs/clusters.md has the group named like the study. Jobs that
    fetch or draw do not name it, and are left to end.
    """
    found = []
    for line in queue.splitlines():
        job, submitted_from, comment = line.split("|", 2)
        values = comment.partition("_wildcards_")[2].split("_")
        ours = values[0] == study or comment == f"rule_{study}_train"
        if ours and os.path.realpath(submitted_from) == os.path.realpath(folder):
            found.append(job)
    return found


def _queue() -> str:
    return _ask("squeue", "--me", "--noheader", "--format", "%A|%Z|%k")


def _ask(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        said = one_line(done.stderr) or f"exit status {done.returncode}"
        raise AnnobenchError(f"{command[0]}: found {said}; allowed: an answer")
    return done.stdout
