"""A million comparisons: `python benchmarks/attentiveness.py [--repeats R] [--out F]`.

Simulates 1,000,000 comparisons by 50,000 users, of whom some look before they choose, and estimates
who does with every kind of estimator, each in a process of its own. Peers on the same choices: the
likelihood of two types as scipy's optimizer climbs it, comparison by comparison, and crowd-kit's
Dawid-Skene, to which each comparison is a task of two labels. Prints a table of seconds (the
fastest run), peak memory and ratios to the peers, and writes it as JSON.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from annobench.attentiveness import Choices
from annobench.estimators import Estimator, estimate
from annobench.files import read_json, write_json
from annobench.registry import kinds

USERS, COMPARISONS = 50_000, 1_000_000
Q, MU = 0.6, 0.7


def simulate(users: int, comparisons: int) -> Choices:
    """Attentive users with probability Q, else coins; everyone has one comparison and the rest are
    dealt out unevenly. An attentive choice follows the scores, whose gap has a mean of logit MU."""
    rng = np.random.default_rng(0)
    extra = rng.multinomial(comparisons - users, rng.dirichlet(np.ones(users)))
    user = rng.permutation(np.repeat(np.arange(users), 1 + extra))
    gap = rng.normal(np.log(MU / (1 - MU)), 1, comparisons)
    attentive = (rng.random(users) < Q)[user]
    stronger = rng.random(comparisons) < np.where(attentive, 1 / (1 + np.exp(-gap)), 0.5)
    return Choices(user, stronger, users, rng.random(comparisons) < 0.5, gap)


def ours(kind: str, mu: str) -> Callable[[Choices], dict[str, float]]:
    settings = TypeAdapter(Estimator).validate_python({"kind": kind, "mu": mu})

    def job(choices: Choices) -> dict[str, float]:
        found = estimate(choices, settings)
        return {"share": found.share, "log_likelihood": float(found.log_likelihood[-1])}

    return job


def scipy_peer(choices: Choices) -> dict[str, float]:
    """The same maximum of the likelihood of (q, mu) by L-BFGS-B."""
    from scipy.optimize import minimize

    def loss(parameters: Any) -> float:
        q, mu = parameters
        attentive = np.where(choices.stronger, np.log(mu), np.log1p(-mu))
        of_users = [
            np.bincount(choices.user, each, choices.users)
            for each in (attentive, np.full(len(attentive), np.log(0.5)))
        ]
        return -float(np.logaddexp(np.log(q) + of_users[0], np.log1p(-q) + of_users[1]).sum())

    bounds = [(1e-6, 1 - 1e-6), (0.5 + 1e-6, 1 - 1e-6)]
    found = minimize(loss, [0.5, 0.75], bounds=bounds)
    return {"share": float(found.x[0]), "log_likelihood": -float(found.fun)}


def crowd_kit_peer(choices: Choices) -> dict[str, float]:
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    votes = {"task": np.arange(len(choices.user)), "worker": choices.user}
    frame = pd.DataFrame(votes | {"label": choices.stronger.astype(int)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
        DawidSkene().fit_predict_proba(frame)
    return {}


PEERS: dict[str, Callable[[Choices], dict[str, float]]] = {
    "two types, scipy": scipy_peer,
    "Dawid-Skene, crowd-kit": crowd_kit_peer,
}
JOBS = {
    f"{kind}, mu: {mu}": ours(kind, mu)
    for mu in ("joint", "scores")
    for kind in kinds("attentiveness")
} | PEERS


def work(job: str, users: int, comparisons: int) -> dict[str, float]:
    """One job in this process; seconds are of the job alone, memory of the whole process."""
    choices = simulate(users, comparisons)
    JOBS[job](simulate(100, 4000))  # what it imports is not timed
    begun = time.perf_counter()
    found = JOBS[job](choices)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "peak_memory_bytes": peak} | found


def run(job: str, size: list[int], folder: Path, repeats: int) -> dict[str, Any]:
    """The fastest of some runs of a job, each in a process of its own."""
    out = folder / "out.json"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    users, comparisons = map(str, size)
    command = [sys.executable, __file__, "--job", job, "--out", str(out)]
    runs = []
    for _ in range(repeats):
        sized = [*command, "--users", users, "--comparisons", comparisons]
        subprocess.run(sized, check=True, env=environment)
        runs.append(read_json(out))
    best = min(runs, key=lambda found: found["seconds"])
    return {"job": job, "all": [found["seconds"] for found in runs]} | best


def markdown(rows: list[dict[str, Any]]) -> str:
    """A row for each job; a ratio is the peer's seconds over the job's."""
    peers = [next(row for row in rows if row["job"] == peer) for peer in PEERS]
    names = " | ".join(f"{peer} / this" for peer in PEERS)
    lines = [f"| job | s | peak GiB | {names} |", "| --- | ---: | ---: |" + " ---: |" * len(PEERS)]
    for row in rows:
        ratios = " | ".join(f"{peer['seconds'] / row['seconds']:.1f}" for peer in peers)
        memory = row["peak_memory_bytes"] / 2**30
        lines.append(f"| {row['job']} | {row['seconds']:.2f} | {memory:.2f} | {ratios} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--comparisons", type=int, default=COMPARISONS)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/attentiveness.json"))
    parser.add_argument("--job", choices=list(JOBS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        write_json(given.out, work(given.job, given.users, given.comparisons))
        return
    size = [given.users, given.comparisons]
    with TemporaryDirectory() as name:
        rows = [run(job, size, Path(name), given.repeats) for job in JOBS]
    machine = {"cpus": os.cpu_count(), "python": platform.python_version()}
    machine |= {"load": os.getloadavg()[0]}
    scale = {"users": given.users, "comparisons": given.comparisons}
    write_json(given.out, {"rows": rows} | scale | machine)
    print(markdown(rows))
    same = {row["job"]: row["log_likelihood"] for row in rows if "log_likelihood" in row}
    print(
        f"\nlog-likelihood of two types: ours {same['two-types, mu: joint']:.3f}, scipy"
        f" {same['two types, scipy']:.3f}; load average {machine['load']:.1f}"
    )


if __name__ == "__main__":
    main()
