"""What a study will cost, estimated before it runs: hours on each known device, and disk.

The rates are items trained per second, in `rates.csv`, each with its source; what was not measured
says "assumed". From a rate follows the device's speed in floating-point operations, and from that
the time of other models and data, so an estimate is good to a factor of about two. Operations per
trained item, with N the parameters that a token passes through (Kaplan et al. 2020, 2.1: 2 N
forwards, 4 N backwards, of which 2 N are the gradients of weights, which LoRA's frozen weights do
not have):

    full          6 (N_token tokens + N_item)
    lora          4 (N_token tokens + N_item)
    top-layers    6 (share of the layers * N_token tokens + N_item)

`models.csv` has N_token, what each token of the prompt passes through (an encoder-decoder's
encoder), and N_item, what an item's answer does (the vocabulary head, an encoder-decoder's
decoder); `tokens.csv` has the tokens of an item's prompt and options, by kind of data.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from annobench.assets import Source
from annobench.models.settings import TopLayers
from annobench.registry import component

if TYPE_CHECKING:
    from annobench.models.settings import Model
    from annobench.study import Cell, Study

START_SECONDS = 5.0
"""A cell's time beside training and prediction: Python's imports, the model's load."""
ITEM_BYTES = 400
"""What an item adds to a cell's tables."""
WEIGHT_BYTES = 4


@dataclass(frozen=True)
class Estimate:
    """Hours on each device of `rates.csv` with one cell at a time; `unknown` is not in them."""

    hours: dict[str, float]
    disk_bytes: float
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Size:
    """Parameters of a model, see the module."""

    parameters: int
    per_token: int
    per_item: int
    layers: int

    def passed(self, tokens: float, layers: int) -> float:
        """Parameters that an item passes through in the last `layers` layers and at its answer."""
        return layers / self.layers * self.per_token * tokens + self.per_item


def estimate(study: Study) -> Estimate:
    """The sum over all cells, as if nothing were done yet."""
    hours = dict.fromkeys(_speeds(), 0.0)
    disk = 0.0
    unknown: dict[str, None] = {}
    cells = study.cells()
    for cell in cells:
        data = study.datasets[cell.dataset]
        items = component("data", data.kind).size(data)
        model = _sizes().get(_name(study.models[cell.model]))
        if items is None:
            unknown[f"the number of items of data set {cell.dataset}"] = None
        if model is None:
            unknown[f"the size of model {cell.model}"] = None
        if study.views_of(cell) or study.method(cell).NEEDS.model:
            unknown["what untrained models are asked"] = None
        if study.views.verbal:
            unknown["what models write: distributions and rollouts"] = None
        if items is None or model is None:
            continue
        operations = _operations(study, cell, model, items)
        for device, speed in _speeds().items():
            hours[device] += (START_SECONDS + operations / speed) / 3600
        disk += ITEM_BYTES * sum(items.values())
    sources = {_name(study.models[cell.model]) for cell in cells}
    disk += sum(WEIGHT_BYTES * _sizes()[name].parameters for name in sources if name in _sizes())
    return Estimate(hours, disk, tuple(unknown))


def _operations(study: Study, cell: Cell, model: Size, items: dict[str, int]) -> float:
    """Of one cell's training and of its prediction of all items."""
    tune = study.models[cell.model].tune
    passed = model.passed(
        _tokens()[study.datasets[cell.dataset].kind],
        tune.layers if isinstance(tune, TopLayers) else model.layers,
    )
    operations = 2 * passed * sum(items.values())
    if study.method(cell).NEEDS.training:
        epochs = study.training_of(cell).epochs
        operations += _per_parameter(tune.kind) * passed * epochs * items["train"]
    return operations


def _per_parameter(tune: str) -> int:
    """Operations of a training step for each parameter that is passed."""
    return 4 if tune == "lora" else 6


@cache
def _speeds() -> dict[str, float]:
    """Device -> operations per second, by its rate."""
    speeds = {}
    for row in _rows("rates.csv"):
        model = _sizes()[row["model"]]
        passed = model.passed(float(row["tokens"]), int(row["layers"] or model.layers))
        operations = _per_parameter(row["tune"]) * passed
        speeds[f"{row['device']} ({row['basis']})"] = float(row["items_per_second"]) * operations
    return speeds


@cache
def _sizes() -> dict[str, Size]:
    """A model's source without its version -> its size."""
    columns = ("parameters", "per_token", "per_item", "layers")
    return {
        row["model"]: Size(**{name: int(row[name]) for name in columns})
        for row in _rows("models.csv")
    }


@cache
def _tokens() -> dict[str, float]:
    """A data set's kind -> tokens of an item."""
    return {row["kind"]: float(row["tokens"]) for row in _rows("tokens.csv")}


def _name(model: Model) -> str:
    source = Source.parse(model.source)
    return f"{source.kind}:{source.name}"


def _rows(name: str) -> list[dict[str, str]]:
    text = files(__name__).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
