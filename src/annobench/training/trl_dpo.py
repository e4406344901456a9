"""DPO by TRL: its trainer prepares the comparisons and computes their loss, and `descend` takes the
steps, so that checkpoints, schedules and the order of items are those of every other method."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from annobench.models.decoder import DecoderScorer
from annobench.models.learner import policy_model
from annobench.models.loading import load_tokenizer
from annobench.models.settings import Model
from annobench.models.tokens import TokenItem
from annobench.models.tuning import recompute_activations
from annobench.training.loop import Checkpointing, Objective, batches, descend
from annobench.training.precision import arithmetic, used
from annobench.training.settings import Training

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LEAST_SURE = 1e-6
"""1 - 2 eps, by which TRL divides, is at least this."""


def by_trl(
    folder: Path,
    model: Model,
    tokens: list[TokenItem],
    objective: Objective,
    training: Training,
    stream: tuple[str | int, ...],
    saving: Checkpointing,
) -> tuple[dict[str, Tensor], list[dict[str, float]], int]:
    """The trained parameters as `tuned` names them, a row of `tables.HISTORY` for each step, and
    the most tokens in a row.

    `objective` holds the comparisons and the reference: every target row is an example of TRL's,
    all of one weight. The loss is TRL's and not its method's.

    Raises:
        AnnobenchError: the model cannot be loaded or tuned.
        DivergedError: the loss or the gradient is NaN or infinite.
        MemoryError: a comparison does not fit.
    """
    whole, places = policy_model(folder, model, training.precision, stream)
    if training.gradient_checkpointing:
        recompute_activations(whole)
    item, shares = objective.rows.item.numpy(), objective.rows.distribution.double().numpy()
    of_item = pd.Series(item).groupby(item).indices
    settings: Any = objective.settings
    assert objective.reference is not None
    examples = [
        _example(tokens[number], objective.reference[number].tolist(), int(chosen))
        for number, chosen in zip(item, shares.argmax(1), strict=True)
    ]
    padded = np.array([2 * _longer(tokens[number]) for number in item])
    smoothing = _smoothing(shares.min(1))
    scorer = DecoderScorer(whole, tokens, "sum", training.row_tokens, whole.device)
    with TemporaryDirectory() as scratch, torch.random.fork_rng():  # the trainer seeds torch
        trainer = _trainer(whole, folder, examples, settings.beta, training.precision, scratch)

    def gradients(step: int, numbers: np.ndarray) -> dict[str, float]:
        chosen = np.concatenate([of_item[number] for number in numbers])
        total = 0.0
        for chunk in _chunks(chosen, padded[chosen], scorer.row_tokens):
            batch = trainer.data_collator([trainer.train_dataset[int(n)] for n in chunk])
            batch = {name: value.to(whole.device) for name, value in batch.items()}
            trainer.label_smoothing = smoothing[chunk].to(whole.device)
            with arithmetic(whole.device, training.precision):
                loss = trainer.compute_loss(whole, batch) * (len(chunk) / len(chosen))
            loss.backward()
            total += loss.item()
        return {"loss": total}

    plan = batches(objective.items, training, stream)
    history = descend(scorer, gradients, plan, len(objective.items), training, saving)
    learned = {name: p.detach().cpu() for name, p in places.items()}
    return learned, history, scorer.row_tokens


def _example(item: TokenItem, reference: list[float], chosen: int) -> dict[str, Any]:
    return {
        "prompt_ids": list(item.prompt),
        "chosen_ids": list(item.options[chosen]),
        "rejected_ids": list(item.options[1 - chosen]),
        "ref_chosen_logps": reference[chosen],
        "ref_rejected_logps": reference[1 - chosen],
    }


def _longer(item: TokenItem) -> int:
    """Tokens of the longer text."""
    return len(item.prompt) + max(map(len, item.options))


def _smoothing(eps: np.ndarray) -> Tensor:
    """What TRL's loss `robust` calls label smoothing, e, so that it is label-smoothed DPO.

    With the losses L of a comparison and L' of its reverse, TRL computes
    ((1 - e) L - e L') / (1 - 2 e). For e = -eps / (1 - 2 eps) that is (1 - eps) L + eps L'.
    """
    sure = np.maximum(1 - 2 * eps, LEAST_SURE)
    return torch.tensor((sure - 1) / 2 / sure, dtype=torch.float32)


def _chunks(numbers: np.ndarray, padded: np.ndarray, row_tokens: int) -> list[np.ndarray]:
    """The longest first, and as many together as their padded texts leave room for; one at least.
    `padded`: the tokens of both texts of each if both were as long as the longer one."""
    order = np.argsort(-padded, kind="stable")
    chunks = []
    while len(order):
        size = max(1, row_tokens // int(padded[order[0]]))
        chunks.append(numbers[order[:size]])
        order = order[size:]
    return chunks


def _trainer(
    whole: "PreTrainedModel",
    folder: Path,
    examples: list[dict[str, Any]],
    beta: float,
    precision: str,
    scratch: str,
) -> Any:
    """TRL's trainer of these examples, which hold all that it would compute of them beforehand."""
    from datasets import Dataset
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    class Prepared(DPOTrainer):
        def _prepare_dataset(self, dataset: Dataset, *args: Any) -> Dataset:
            return dataset

        def _precompute_ref_logps(self, dataset: Dataset, *args: Any) -> Dataset:
            return dataset

    arguments = DPOConfig(
        output_dir=scratch,
        beta=beta,
        loss_type=["robust"],
        bf16=used(precision, whole.device) == "bf16",
        use_cpu=whole.device.type == "cpu",
        precompute_ref_log_probs=True,
        gradient_checkpointing=False,
        max_length=None,
        disable_tqdm=True,
        save_strategy="no",
        report_to=[],
    )
    return Prepared(
        model=whole,
        args=arguments,
        train_dataset=Dataset.from_list(examples),
        processing_class=load_tokenizer(folder),
    )
