"""Steps of SHALA-LLM, ours and TRL's: `python benchmarks/grpo.py --model FOLDER`.

All sides draw as many rollouts of the same prompts, score them by the same reward and train the
same layers. Each side runs in a process of its own, and which goes first alternates.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tabulate import tabulate
from turns import in_turns

from annobench.files import write_json

SIDES = ("annobench", "trl")
WARM_UP = 1
"""Steps that are not counted."""
EXAMPLE = "Which is the best pet?\n- a snake\n- a dog\n- a cat\n- a parrot"


def asked(given: argparse.Namespace) -> Any:
    """Questions about cities, below an example, without which a small model writes no percentages.

    People's distributions are drawn, some clear and some contested.
    """
    import numpy as np
    from grpo_peer import Asked

    from annobench.data import geo
    from annobench.models.settings import Model
    from annobench.models.tokens import written
    from annobench.percentages import request
    from annobench.questions import Example, Question

    count = (given.steps + WARM_UP) * given.prompts
    items = geo.items("geo", geo.Settings(train=count, test=1)).head(count)
    options = [list(own) for own in items["options"]]
    hints = request(options[0], "list")
    example = Example(f"{EXAMPLE}\n{hints}", (), "[4,71,20,5]")
    questions = [
        Question(row.item, row.prompt, tuple(row.options), examples=(example,), hints=hints)
        for row in items.itertuples()
    ]
    model = Model(source="path:benchmark")
    prompts = [written(question, model, listed=True)[0] for question in questions]
    return Asked(
        model=Path(given.model),
        prompts=prompts,
        options=options,
        human=np.random.default_rng(0).dirichlet([0.5] * len(options[0]), count),
        per_step=given.prompts,
        group=given.group,
        new_tokens=given.new_tokens,
        layers=given.layers,
        precision=given.precision,
    )


def measure(given: argparse.Namespace, begun: float) -> dict[str, Any]:
    """One side, in this process, which began at `begun`."""
    import torch
    from grpo_ours import ours
    from grpo_peer import trl

    from annobench.models.memory import peak_memory
    from annobench.percentages import read

    torch.set_num_threads(given.threads)
    side = {"annobench": ours, "trl": trl}[given.side]
    with TemporaryDirectory() as folder:
        ends, said = side(asked(given), Path(folder))
    texts = [text for step in said[WARM_UP:] for text in step]
    process = time.time() - begun
    on_device = torch.cuda.is_available()
    peak = peak_memory()
    seconds = ends[-1] - ends[WARM_UP - 1]
    counted = len(ends) - WARM_UP
    return {
        "side": given.side,
        "steps": counted,
        "rollouts": len(texts),
        "characters": sum(map(len, texts)),
        "readable": sum(read(text, ["A", "B", "C", "D"]) is not None for text in texts),
        "seconds_per_step": seconds / counted,
        "rollouts_per_second": counted * given.prompts * given.group / seconds,
        "process_seconds": process,
        "peak_memory_bytes": peak,
        "device": torch.cuda.get_device_name() if on_device else "cpu",
        "load_average": os.getloadavg()[0],
    }


def markdown(runs: list[dict[str, Any]]) -> str:
    """The median of each side's repeats."""
    rows = []
    for side in dict.fromkeys(run["side"] for run in runs):
        own = [run for run in runs if run["side"] == side]
        middle = {
            name: statistics.median(run[name] for run in own)
            for name in ("seconds_per_step", "rollouts_per_second", "process_seconds")
        }
        rows.append(
            {
                "side": side,
                "s/step": f"{middle['seconds_per_step']:.2f}",
                "rollouts/s": f"{middle['rollouts_per_second']:.2f}",
                "process s": f"{middle['process_seconds']:.1f}",
                "peak MiB": f"{max(run['peak_memory_bytes'] for run in own) / 2**20:.0f}",
            }
        )
    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)


def main() -> None:
    begun = time.time()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a folder")
    parser.add_argument("--steps", type=int, default=5, help=f"after {WARM_UP} to warm up")
    parser.add_argument("--prompts", type=int, default=8, help="of each step")
    parser.add_argument("--group", type=int, default=8, help="rollouts of each prompt")
    parser.add_argument("--new-tokens", type=int, default=16)
    parser.add_argument("--layers", type=int, default=4, help="trained, from the top")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/grpo.json"))
    parser.add_argument("--one", help=argparse.SUPPRESS)  # one side, as `in_turns` starts it
    given = parser.parse_args()
    if given.one:
        one = argparse.Namespace(**json.loads(given.one))
        write_json(Path(one.out), measure(one, begun))
        return
    runs = in_turns(Path(__file__), SIDES, given)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    chosen = {
        name: value for name, value in vars(given).items() if name not in ("one", "out", "model")
    }
    write_json(given.out, {"asked": chosen, "runs": runs})
    print(markdown(runs))


if __name__ == "__main__":
    main()
