"""Steps of DPO, ours and TRL's: `python benchmarks/dpo.py [--model FOLDER]`.

All sides train the same layers on the same comparisons of the same pairs. Each side runs in a
process of its own, and which goes first alternates.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from generation import fetched
from tabulate import tabulate
from turns import in_turns

from annobench.files import write_json

SIDES = ("packed", "by-trl", "trl")
WARM_UP = 1
"""Steps that are not counted."""
SAID = (
    "The answer is {}.",
    "I am not quite sure, but from what I remember of maps and books it may well be {}.",
)


def asked(given: argparse.Namespace) -> Any:
    """Questions about places, each with a short right and a long wrong answer; drawn choices."""
    import numpy as np
    from dpo_peer import Asked

    from annobench.data import geo
    from annobench.models.loading import load_tokenizer
    from annobench.models.responses import pair_tokens
    from annobench.models.settings import Model

    count = (given.steps + WARM_UP) * given.pairs
    items = geo.items("geo", geo.Settings(train=count, test=1)).head(count)
    tokenizer, template = load_tokenizer(Path(given.model)), Model(source="path:any").template
    tokens = [
        pair_tokens(
            tokenizer,
            row.item,
            row.prompt,
            [
                said.format(row.options[(row.gold + wrong) % len(row.options)])
                for wrong, said in enumerate(SAID)
            ],
            template,
            False,
        )
        for row in items.itertuples()
    ]
    return Asked(
        model=Path(given.model),
        tokens=tokens,
        labels=np.random.default_rng(0).integers(0, 2, (count, given.comparisons)).tolist(),
        per_step=given.pairs,
        layers=given.layers,
        precision=given.precision,
    )


def measure(given: argparse.Namespace, begun: float) -> dict[str, Any]:
    """One side, in this process, which began at `begun`."""
    import torch
    from dpo_ours import by_trls_loss, packed
    from dpo_peer import trl

    from annobench.models.memory import peak_memory

    torch.set_num_threads(given.threads)
    side = {"packed": packed, "by-trl": by_trls_loss, "trl": trl}[given.side]
    with TemporaryDirectory() as folder:
        ends, trained = side(asked(given), Path(folder))
    process, counted = time.time() - begun, len(ends) - WARM_UP
    seconds = ends[-1] - ends[WARM_UP - 1]
    return {
        "side": given.side,
        "steps": counted,
        "pairs": counted * given.pairs,
        "comparisons": counted * given.pairs * given.comparisons,
        "trained_parameters": trained,
        "items_per_second": counted * given.pairs / seconds,
        "before_seconds": process - ends[-1],
        "process_seconds": process,
        "peak_memory_bytes": peak_memory(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "load_average": os.getloadavg()[0],
    }


def markdown(runs: list[dict[str, Any]]) -> str:
    """The median of each side's repeats, and its ratio to TRL's."""
    own = {side: [run for run in runs if run["side"] == side] for side in SIDES}
    speed = {
        side: statistics.median(run["items_per_second"] for run in of_side)
        for side, of_side in own.items()
    }
    rows = [
        {
            "side": side,
            "items/s": f"{speed[side]:.2f}",
            "x TRL": f"{speed[side] / speed['trl']:.2f}",
            "before s": f"{statistics.median(run['before_seconds'] for run in of_side):.1f}",
            "process s": f"{statistics.median(run['process_seconds'] for run in of_side):.1f}",
            "peak MiB": f"{max(run['peak_memory_bytes'] for run in of_side) / 2**20:.0f}",
        }
        for side, of_side in own.items()
    ]
    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)


def main() -> None:
    begun = time.time()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a folder; the quick study's without")
    parser.add_argument("--steps", type=int, default=3, help=f"after {WARM_UP} to warm up")
    parser.add_argument("--pairs", type=int, default=8, help="of each step")
    parser.add_argument("--comparisons", type=int, default=3, help="of each pair")
    parser.add_argument("--layers", type=int, default=4, help="trained, from the top")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/dpo.json"))
    parser.add_argument("--one", help=argparse.SUPPRESS)  # one side, as `in_turns` starts it
    given = parser.parse_args()
    if given.one:
        one = argparse.Namespace(**json.loads(given.one))
        write_json(Path(one.out), measure(one, begun))
        return
    given.model = given.model or fetched()
    runs = in_turns(Path(__file__), SIDES, given)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    chosen = {
        name: value for name, value in vars(given).items() if name not in ("one", "out", "model")
    }
    write_json(given.out, {"asked": chosen, "runs": runs})
    print(markdown(runs))


if __name__ == "__main__":
    main()
