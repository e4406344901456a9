"""Text generated side by side or one by one: `python benchmarks/generation.py [--model FOLDER]`.

Asks a model about capitals, countries and continents by the backend that generates, and by the
plain loop over transformers' `generate`, one question at a time with the same prompts, temperature
and length. Prints tokens per second of both and their ratio, and writes them as JSON.
"""

import argparse
import os
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from tabulate import tabulate

from annobench import layout
from annobench.assets import Source, fetch_model
from annobench.data import geo
from annobench.files import write_json
from annobench.models.asking import Asker, turn
from annobench.models.settings import Model, Views
from annobench.questions import Question
from annobench.study import read_study
from annobench.training.precision import arithmetic, pick_device
from annobench.training.settings import Training


def questions(count: int) -> list[Question]:
    items = geo.items("geo", geo.Settings(train=count, test=1)).head(count)
    return [Question(row.item, row.prompt, tuple(row.options)) for row in items.itertuples()]


def ours(asker: Asker, asked: list[Question]) -> list[str]:
    return [str(said) for said in asker.ask(asked, "generate")["said"]]


def one_by_one(asker: Asker, asked: list[Question]) -> list[str]:
    """The peer: what a script would do with a chat model, with our model and prompts."""
    model, tokenizer = asker._loaded
    said = []
    for question in asked:
        turns = [{"role": "user", "content": turn(question, asker.model)}]
        inputs = tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_dict=True, return_tensors="pt"
        ).to(model.device)
        with arithmetic(model.device, asker.training.precision):
            whole: Any = model.generate(
                **inputs,
                max_new_tokens=asker.views.new_tokens,
                do_sample=True,
                temperature=asker.views.temperature,
                top_k=0,
            )
        new = whole[0, inputs["input_ids"].shape[1] :]
        said.append(tokenizer.decode(new, skip_special_tokens=True))
    return said


def timed(side: Any, asker: Asker, asked: list[Question]) -> dict[str, Any]:
    """Tokens are counted in the texts that were said, the same way for both sides."""
    begun = time.perf_counter()
    said = side(asker, asked)
    seconds = time.perf_counter() - begun
    encode = asker._loaded[1]
    tokens = sum(len(encode(text, add_special_tokens=False).input_ids) for text in said)
    return {
        "side": side.__name__,
        "texts": len(said),
        "tokens": tokens,
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "load_average": os.getloadavg()[0],
    }


def fetched() -> Path:
    """The folder of the quick study's model, where a study keeps it."""
    entry = read_study(Path("config.yaml")).models["smollm2-135m"]
    folder = Path(layout.MODEL.format(asset=layout.asset(entry.source))).with_suffix("")
    if not folder.exists():
        fetch_model(Source.parse(entry.source), entry.sha256, folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a folder; the quick study's without")
    parser.add_argument("--questions", type=int, default=32)
    parser.add_argument("--new-tokens", type=int, default=16)
    parser.add_argument("--side-by-side", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/generation.json"))
    given = parser.parse_args()
    torch.manual_seed(0)
    asker = Asker(
        given.model or fetched(),
        Model(source="path:benchmark", answer="letter"),
        Views(new_tokens=given.new_tokens, side_by_side=given.side_by_side),
        Training(precision=given.precision, threads=given.threads),
        ("benchmark",),
    )
    asked = questions(given.questions)
    sides = (ours, one_by_one)
    for side in sides:
        side(asker, asked[:2])  # to warm up
    runs = [timed(side, asker, asked) for _ in range(given.repeats) for side in sides]
    speed = {
        side.__name__: median(
            run["tokens_per_second"] for run in runs if run["side"] == side.__name__
        )
        for side in sides
    }
    ratio = speed["ours"] / speed["one_by_one"]
    shown = [{name: run[name] for name in list(run)[:-1]} for run in runs]
    print(tabulate(shown, headers="keys", tablefmt="github", floatfmt=".1f"))
    print(f"\n{given.side_by_side} side by side: {ratio:.1f} times the tokens per second")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    write_json(
        given.out,
        {
            "device": str(pick_device()),
            "threads": given.threads,
            "precision": given.precision,
            "new_tokens": given.new_tokens,
            "side_by_side": given.side_by_side,
            "runs": runs,
            "ratio": ratio,
        },
    )


if __name__ == "__main__":
    main()
