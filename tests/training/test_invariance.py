"""However a run is laid out, it is one trajectory.

Two numbers tell: the largest difference of two trajectories, and their mean signed difference.
Rounding makes differences of both signs, whose mean is far smaller than the largest; a wrong weight
or a wrong scale makes differences of one sign, whose mean is not. Runs that were interrupted are in
test_checkpoint.py, GRPO is in test_policy.py and DPO in test_trl_dpo.py.
"""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pytest
import torch

from annobench.models.decoder import frozen_states, plain_scores
from annobench.models.settings import Full, Lora, Model, TopLayers
from annobench.models.tuning import recompute_activations, scorer_of, tuned
from annobench.training.checkpoint import trained
from annobench.training.loop import fit
from annobench.training.precision import arithmetic, store_frozen
from annobench.training.settings import Training

pytestmark = pytest.mark.usefixtures("in_bf16")

STREAM = ("model", 0)
CPU = torch.device("cpu")


@dataclass
class OneByOne:
    """A scorer that packs nothing, pads nothing and shares nothing: each option is a text."""

    model: torch.nn.Module
    items: list
    row_tokens: int = 1
    device: torch.device = CPU

    def chunks(self, numbers):
        for number in numbers:
            item = self.items[number]
            if self.model.config.is_encoder_decoder:
                scores = torch.stack([self._score(item.prompt, option) for option in item.options])
            else:
                scores = plain_scores(self.model, item, "sum")
            yield np.array([number]), scores[None]

    def _score(self, prompt, option):
        start = self.model.config.decoder_start_token_id
        inputs = torch.tensor([prompt]), torch.tensor([[start, *option[:-1]]])
        logits = self.model(input_ids=inputs[0], decoder_input_ids=inputs[1]).logits[0].float()
        return logits.log_softmax(-1)[range(len(option)), list(option)].sum()

    def shortest(self):
        return 1


@pytest.fixture
def run(objective, saving):
    """run(scorer, kind, precision): losses, and all trained numbers after the last step."""

    def trajectory(scorer, kind="sft", precision="fp32", **changes):
        goal = objective(kind, **({"freeze_epochs": 1} if kind == "realm" else {}))
        training = Training(precision=precision, items_per_batch=4, lr=1e-3, **changes)
        extra, history = fit(scorer, goal, training, STREAM, saving)
        return [row["loss"] for row in history], numbers(scorer.model, extra)

    return trajectory


def numbers(model, extra=MappingProxyType({})):
    """All that is trained, in one row."""
    learned = [*trained(model).values(), *extra.values()]
    return torch.cat([p.detach().flatten() for p in learned]).numpy()


WHOLE = Model(source="path:any", tune=Full())
TUNES = [("llama", Full()), ("t5", Full()), ("llama", Lora(rank=2))]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", ["sft", "realm"])
@pytest.mark.parametrize(("family", "tune"), TUNES, ids=["llama", "t5", "llama-lora"])
def test_every_layout_of_a_batch_gives_one_trajectory(
    scorer, run, one_trajectory, family, tune, kind, precision
):
    """A step's four items in one row, in several whose gradients add up, one in a row, or each
    option as a text of its own; with activations kept or computed again."""
    whole = scorer(family, tune=tune)
    start = numbers(whole.model)
    wanted = run(whole, kind, precision)
    assert np.abs(wanted[1][: len(start)] - start).mean() > (1e-3 if tune == Full() else 1e-4)
    thrifty = scorer(family, tune=tune)
    recompute_activations(thrifty.model)
    layouts = {
        "an item a row": scorer(family, 1, tune=tune),
        "few items a row": scorer(family, 12, tune=tune),
        "a text a row": OneByOne(scorer(family, tune=tune).model, whole.items),
        "computed again": thrifty,
    }
    for what, other in layouts.items():
        one_trajectory(run(other, kind, precision), wanted, precision, what)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", ["sft", "realm"])
def test_a_cached_trunk_gives_the_trajectory_of_the_whole_model(
    build, token_items, run, one_trajectory, kind, precision
):
    """The same two layers and norm, from stored states, from these in small rows, and from the
    tokens."""
    frozen = build("llama").requires_grad_(False)
    store_frozen(frozen, precision)
    with arithmetic(CPU, precision):
        states = frozen_states(frozen, token_items, 2, 1000)
    whole = build("llama")
    for name, parameter in whole.named_parameters():
        top = ("model.layers.1.", "model.layers.2.", "model.norm.")
        parameter.requires_grad_(name.startswith(top))

    def trajectory(module, states, row_tokens):
        store_frozen(module, precision)
        scorer = scorer_of(module, WHOLE, token_items, states, row_tokens, CPU)
        return run(scorer, kind, precision)

    wanted = trajectory(whole, None, 1000)
    for row_tokens in (1000, 12):
        top = tuned(build("llama"), Model(source="path:any", tune=TopLayers(layers=2)))
        found = trajectory(top, states, row_tokens)
        one_trajectory(found, wanted, precision, f"states, rows of {row_tokens}")


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_what_a_process_has_done_before_changes_nothing(scorer, run, family):
    """To the last bit, with dropout: as where one process trains cell after cell, whose models it
    still holds."""
    dropout = {"gpt2": {"resid_pdrop": 0.1}, "t5": {"dropout_rate": 0.1}}[family]
    losses, learned = run(scorer(family, **dropout), "realm")
    kept = [run(scorer(family, 12, **dropout), kind, "bf16") for kind in ("realm", "sft")]
    again, relearned = run(scorer(family, **dropout), "realm")
    assert again == losses
    assert (relearned == learned).all()
    assert all(other != losses for other, _ in kept)


def test_a_difference_of_one_sign_is_noticed(scorer, run, one_trajectory):
    """Far below the largest difference that rounding makes."""
    losses, learned = run(scorer())
    one_trajectory((losses, learned + 1e-7 * (-1) ** np.arange(len(learned))), (losses, learned))
    with pytest.raises(AssertionError, match="fp32 numbers"):
        one_trajectory((losses, learned + 1e-7), (losses, learned))
