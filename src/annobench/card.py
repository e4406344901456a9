"""The model card of an exported model: what it is, how to ask it, how it was made."""

import json
import re
from string import Template
from typing import Any

import pandas as pd
import yaml

from annobench.assets import Source
from annobench.evaluation.distributions import TERCILES
from annobench.models.settings import Model
from annobench.models.tokens import written
from annobench.questions import Question
from annobench.reporting.formats import markdown_text

CARD = Template("""\
---
$front---

# $title

$base, fine-tuned by annobench with the method `$method` on the data set `$dataset`$labels.$seed

## Files

- $weights
- `predictions.csv`: every item with its split, gold label where known, the most likely option, and
  the probability of each option in the item's order
- `annotators.csv`: what the method learned of each annotator, if it learns that: expertise, the
  number of labels, the 95 % interval (`low`, `high`) and `agreement` that the trained model gives,
  and whether they are no better than guessing

## Measured

$metrics

## How to ask it

The model was trained to choose among an item's options. The text before the answer is the template

$fence
$template
$fence

with the question for `{prompt}`$letters. An option's score is the $score of the log-probabilities
of its tokens, and a softmax over the item's options gives their probabilities. Run in this folder,
this gives those of item $item:

```python
$snippet```

A study that computes in bf16 (`precision` in the recipe) rounds more coarsely than this program, so
`predictions.csv` then differs a little.

## Recipe

```json
$recipe
```

Made with $versions on $device.
""")

WHOLE = "the model (all parameters, fp32 safetensors) and its tokenizer, as transformers loads them"
ADAPTER = """\
a PEFT adapter (fp32 safetensors), which transformers loads together with the base model that
  `adapter_config.json` names, and the tokenizer"""

DECODER = """\
import os

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

prompt = {prompt!r}
answers = {answers!r}

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForCausalLM.from_pretrained(".", dtype=torch.float32).eval()


def tokens(text):
    ids = tokenizer(text).input_ids
    return ids[:-1] if len(ids) > 1 and ids[-1] == tokenizer.eos_token_id else ids


sequences = [tokens(f"{{prompt}} {{answer}}") for answer in answers]
start = len(os.path.commonprefix([tokens(prompt), *sequences]))
scores = []
for ids in sequences:
    with torch.no_grad():
        log_p = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    steps = [log_p[place - 1, ids[place]] for place in range(start, len(ids))]
    scores.append(torch.stack(steps).{score}())
probabilities = torch.stack(scores).softmax(-1).tolist()
print(dict(zip(answers, probabilities)))
"""

ENCODER_DECODER = """\
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

prompt = {prompt!r}
answers = {answers!r}

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForSeq2SeqLM.from_pretrained(".", dtype=torch.float32).eval()

question = torch.tensor([tokenizer(prompt).input_ids])
scores = []
for answer in answers:
    ids = torch.tensor([tokenizer(answer, add_special_tokens=False).input_ids])
    with torch.no_grad():
        log_p = model(input_ids=question, labels=ids).logits.log_softmax(-1)
    scores.append(log_p.gather(-1, ids[..., None]).{score}())
probabilities = torch.stack(scores).softmax(-1).tolist()
print(dict(zip(answers, probabilities)))
"""


def card(
    key: dict[str, Any],
    run: dict[str, Any],
    metrics: pd.DataFrame,
    model: Model,
    item: pd.Series,
    encoder_decoder: bool,
    adapter: bool,
) -> str:
    """The card as Markdown with YAML front matter.

    `key` names the cell's axes, `run` is its run.json, `metrics` its rows of `tables.METRICS`, and
    `item` (a row of `tables.ITEMS`) the one that the program asks for. `adapter` says that the
    folder holds a PEFT adapter and no whole model.
    """
    source = Source.parse(model.source)
    front = {
        "license": "unknown",
        "library_name": "peft" if adapter else "transformers",
        "tags": ["annobench", key["method"]],
    }
    if source.kind == "hub":
        front["base_model"] = source.name
    prompt, answers = written(Question(item["item"], item["prompt"], tuple(item["options"])), model)
    snippet = ENCODER_DECODER if encoder_decoder else DECODER
    letters = (
        ", below it a line `A. ` and its text for each option, and the answers are the letters"
        if model.answer == "letter"
        else ""
    )
    return CARD.substitute(
        front=yaml.safe_dump(front, sort_keys=False),
        title=" ".join(str(key[axis]) for axis in ("model", "method", "dataset")),
        base=code(model.source),
        method=key["method"],
        dataset=key["dataset"],
        labels="" if key["noise"] is None else f" with the annotations `{key['noise']}`",
        seed="" if key["seed"] is None else f" Seed {key['seed']}.",
        weights=ADAPTER if adapter else WHOLE,
        metrics=_measured(metrics),
        fence="`" * max(3, 1 + _ticks(model.template)),
        template=model.template,
        letters=letters,
        score=model.score,
        item=code(item["item"]),
        snippet=snippet.format(prompt=prompt, answers=answers, score=model.score),
        recipe=json.dumps(run["recipe"], indent=2, ensure_ascii=False, sort_keys=True),
        versions=", ".join(f"{name} {found}" for name, found in run["versions"].items()),
        device=f"{run['device']} ({run['processor']})",
    )


def code(text: str) -> str:
    """Text on one line that Markdown shows as code, whatever it holds."""
    line = " ".join(text.split())
    ticks = "`" * (1 + _ticks(line))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def _ticks(text: str) -> int:
    """The most backticks in a row."""
    return max(map(len, re.findall("`+", text)), default=0)


def _measured(metrics: pd.DataFrame) -> str:
    """On all test items and on those of each task; not on each third of entropy."""
    third = metrics["metric"].map(lambda name: name.endswith(TERCILES)).astype(bool)
    known = metrics[metrics["value"].notna() & ~third]
    if known.empty:
        return (
            "Nothing: there was neither a gold label nor a held-out annotation to measure against."
        )
    rows = [
        f"| {markdown_text(str(row.metric))} | {row.value:.4f} | {row.n} |"
        for row in known.itertuples(index=False)
    ]
    return "\n".join(["| metric | value | rests on |", "| --- | --- | --- |", *rows])
