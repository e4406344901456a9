"""This engine against transformers' Seq2SeqTrainer on models of Flan-T5's shape, side by side.

Weights, prompts and labels are random: only speed is measured. Both sides train the same module
(all weights, or adapters beside weights that are stored in bf16) for as many optimizer steps on as
many annotations; each runs in a process of its own, and which goes first alternates.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tabulate import tabulate

from annobench.files import read_json, write_json

FLAN = {
    "vocab_size": 32128,
    "d_kv": 64,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
    "dropout_rate": 0.1,
    "decoder_start_token_id": 0,
}
SIZES = {
    "tiny": FLAN | {"vocab_size": 64, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2},
    "small": FLAN | {"d_model": 512, "d_ff": 1024, "num_layers": 8, "num_heads": 6},
    "base": FLAN | {"d_model": 768, "d_ff": 2048, "num_layers": 12, "num_heads": 12},
    "large": FLAN | {"d_model": 1024, "d_ff": 2816, "num_layers": 24, "num_heads": 16},
}
"""T5Config of Flan-T5 in three sizes, and one for tests."""
LETTERS = (41, 42, 43, 44)
"""The options' tokens."""
ANNOTATORS = 8
WARM_UP = 1
"""Steps that are not counted."""


def data(given: argparse.Namespace) -> tuple[list[Any], Any, Any]:
    """Random token items, and their items and annotations as a method is given them."""
    import numpy as np
    import pandas as pd

    from annobench.models.tokens import TokenItem

    rng = np.random.default_rng(0)
    count = (given.steps + WARM_UP) * given.items_per_batch
    lengths = np.clip(rng.lognormal(math.log(given.tokens), 0.5, count).astype(int), 4, 512)
    options = tuple((letter,) for letter in LETTERS)
    names = [f"q{number:06d}" for number in range(count)]
    tokens = [
        TokenItem(name, tuple(rng.integers(45, 60, length).tolist()), options)
        for name, length in zip(names, lengths, strict=True)
    ]
    items = pd.DataFrame({"item": names, "task": "any", "options": [list("ABCD")] * count})
    annotations = pd.DataFrame(
        {
            "item": np.repeat(names, given.labels),
            "label": rng.integers(0, len(LETTERS), count * given.labels),
            "annotator": [
                f"a{number}"
                for _ in range(count)
                for number in rng.choice(ANNOTATORS, given.labels, replace=False)
            ],
        }
    )
    return tokens, items, annotations


def module(given: argparse.Namespace) -> Any:
    """The model that both sides train, on its device."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    from annobench.models.settings import Full, Lora, Model
    from annobench.models.tuning import tuned
    from annobench.training.precision import pick_device, store_frozen

    torch.manual_seed(0)
    model = T5ForConditionalGeneration(T5Config(**SIZES[given.size]))
    tune = Lora() if given.tune == "lora" else Full()
    trained = tuned(model, Model(source="path:random", tune=tune)).to(pick_device())
    store_frozen(trained, given.precision)
    return trained


def settings(given: argparse.Namespace) -> Any:
    from annobench.training.settings import Training

    return Training(
        epochs=1,
        items_per_batch=given.items_per_batch,
        precision=given.precision,
        row_tokens=given.row_tokens,
    )


def engine(given: argparse.Namespace) -> tuple[list[float], list[Any]]:
    """Seconds at which each step ended, and the token items of each step's forward pass."""
    from annobench.methods import Given, sft
    from annobench.models.encoder_decoder import EncoderDecoderScorer
    from annobench.training.loop import Checkpointing, Objective, batches, fit
    from annobench.training.precision import pick_device
    from annobench.training.rows import rows_of

    tokens, items, annotations = data(given)
    scorer = EncoderDecoderScorer(module(given), tokens, "sum", given.row_tokens, pick_device())
    known = Given(items, annotations)
    rows = rows_of(sft.targets(known, sft.Settings()), items, known.annotators, known.tasks)
    objective = Objective(sft, sft.Settings(), known, rows)
    training, stream = settings(given), ("random", 0)
    never = Checkpointing(Path("none.safetensors"), math.inf, "")
    _, history = fit(scorer, objective, training, stream, never)
    plan = batches(objective.items, training, stream)
    seen = [[tokens[number] for number in numbers] for _, numbers in plan]
    return [row["seconds"] for row in history], seen


def trainer(given: argparse.Namespace) -> tuple[list[float], list[Any]]:
    """The same of the Seq2SeqTrainer: one example per annotation, batches padded to their longest.

    The items of a step are those that it was given, in the order of its sampler.
    """
    import torch
    from torch.nn.utils.rnn import pad_sequence
    from trainer_peer import Clock, arguments
    from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments

    tokens, items, annotations = data(given)
    by_name = dict(zip(items["item"], tokens, strict=True))
    examples = [
        (by_name[item], LETTERS[label])
        for item, label in zip(annotations["item"], annotations["label"], strict=True)
    ]
    seen = []

    def collate(batch: list[Any]) -> dict[str, Any]:
        seen.append([item for item, _ in batch])
        prompts = [torch.tensor(item.prompt) for item, _ in batch]
        return {
            "input_ids": pad_sequence(prompts, batch_first=True),
            "attention_mask": pad_sequence([torch.ones_like(p) for p in prompts], batch_first=True),
            "labels": torch.tensor([[letter] for _, letter in batch]),
        }

    class SyncedClock(Clock):
        """A step ends when the device has done it."""

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            super().on_step_end(*args, **kwargs)

    clock = SyncedClock()
    batch_size = given.items_per_batch * given.labels
    with TemporaryDirectory() as folder:
        chosen = arguments(settings(given), batch_size, 0, Path(folder), Seq2SeqTrainingArguments)
        peer = Seq2SeqTrainer(
            module(given),
            chosen,
            data_collator=collate,
            train_dataset=examples,
            callbacks=[clock],
        )
        clock.begun = time.perf_counter()
        peer.train()
    return clock.ends, seen[: len(clock.ends)]


def step_flops(model: Any, items: list[Any]) -> float:
    """Floating-point operations that these items' forward and backward passes need.

    Two per weight of a linear layer and token in the forward pass, two for the gradient of what
    enters, and two for the weight's own gradient if it is trained. Padding, attention's products of
    states, norms and recomputation are not counted.
    """
    import torch

    encoder_tokens = sum(len(item.prompt) for item in items)
    flops = 0.0
    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear):
            reads_encoder = name.startswith("encoder.") or (
                ".EncDecAttention.k" in name or ".EncDecAttention.v" in name
            )
            per_weight = 6 if layer.weight.requires_grad else 4
            tokens = encoder_tokens if reads_encoder else len(items)
            flops += per_weight * layer.weight.numel() * tokens
    return flops


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """One side, in this process."""
    import torch

    from annobench.models.memory import peak_memory

    torch.set_num_threads(given.threads)
    ends, seen = engine(given) if given.side == "engine" else trainer(given)
    on_device = torch.cuda.is_available()
    peak = peak_memory()
    seconds = ends[-1] - ends[WARM_UP - 1]
    counted = len(ends) - WARM_UP
    model = module(given)
    flops = sum(step_flops(model, items) for items in seen[WARM_UP:])
    return {
        "size": given.size,
        "tune": given.tune,
        "side": given.side,
        "steps": counted,
        "seconds": seconds,
        "items_per_second": counted * given.items_per_batch / seconds,
        "peak_memory_bytes": peak,
        "flops_per_second": flops / seconds,
        "utilisation": (
            flops / seconds / (given.peak_tflops * 1e12) if given.peak_tflops else None
        ),
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "device": torch.cuda.get_device_name() if on_device else "cpu",
        "load_average": os.getloadavg()[0],
    }


def compare(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Both sides for each way of tuning and repeat, taking turns to go first."""
    runs = []
    for tune in given.tunes:
        for repeat in range(given.repeats):
            sides = ["engine", "trainer"]
            for side in sides if repeat % 2 == 0 else reversed(sides):
                with TemporaryDirectory() as folder:
                    out = Path(folder) / "run.json"
                    asked = vars(given) | {"side": side, "tune": tune, "out": str(out)}
                    command = [sys.executable, __file__, "--one", json.dumps(asked, default=str)]
                    subprocess.run(
                        command,
                        check=True,
                        env=os.environ | {"OMP_NUM_THREADS": str(given.threads)},
                    )
                    runs.append(read_json(out))
    return runs


def markdown(runs: list[dict[str, Any]]) -> str:
    """Every run, and the engine's items per second over the trainer's."""
    rows = [
        {
            "size": run["size"],
            "tune": run["tune"],
            "side": run["side"],
            "items/s": f"{run['items_per_second']:.1f}",
            "peak MiB": f"{run['peak_memory_bytes'] / 2**20:.0f}",
            "TFLOP/s": f"{run['flops_per_second'] / 1e12:.2f}",
            "utilisation": "" if run["utilisation"] is None else f"{run['utilisation']:.1%}",
        }
        for run in runs
    ]
    lines = [tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True), ""]
    for tune in dict.fromkeys(run["tune"] for run in runs):
        rates = {
            side: statistics.median(
                run["items_per_second"]
                for run in runs
                if (run["tune"], run["side"]) == (tune, side)
            )
            for side in ("engine", "trainer")
        }
        ratio = rates["engine"] / rates["trainer"]
        lines.append(f"{tune}: {ratio:.1f} times the trainer's items per second (medians).")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--tunes", nargs="+", choices=["full", "lora"], default=["full", "lora"])
    parser.add_argument("--steps", type=int, default=50, help=f"after {WARM_UP} to warm up")
    parser.add_argument("--labels", type=int, choices=range(1, ANNOTATORS + 1), default=3)
    parser.add_argument("--items-per-batch", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=128, help="median length of a prompt")
    parser.add_argument("--row-tokens", type=int, default=16384)
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--peak-tflops", type=float, help="of the device, in that precision, dense")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--out", type=Path, default=Path("results/benchmarks/t5_vs_seq2seq_trainer.json")
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)  # one side, as `compare` starts it
    given = parser.parse_args()
    if given.one:
        asked = argparse.Namespace(**json.loads(given.one))
        write_json(Path(asked.out), measure(asked))
        return
    runs = compare(given)
    asked = {name: value for name, value in vars(given).items() if name not in ("one", "out")}
    write_json(given.out, {"asked": asked, "runs": runs})
    print(markdown(runs))


if __name__ == "__main__":
    main()
