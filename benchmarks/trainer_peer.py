"""REALM with the plain Hugging Face Trainer: the peer that the engine is measured against.

What a careful user of the Trainer would write: one example per annotation, one sequence "prompt
option" per option, batches padded to their longest sequence, bf16 autocast, and REALM's loss in
`compute_loss`. The mixture, the optimizer's settings and the schedule are the engine's own.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import (
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from annobench.methods import Given, realm
from annobench.models.decoder import layer_stack
from annobench.models.settings import TopLayers, Tune
from annobench.models.tokens import TokenItem
from annobench.training.loop import schedule
from annobench.training.precision import pick_device, used
from annobench.training.settings import Training

NOT_AN_ANSWER = -100


@dataclass(frozen=True)
class Example:
    """One annotation."""

    sequences: list[list[int]]
    """The prompt followed by each option."""
    prompt_tokens: int
    label: int
    annotator: int


def examples(
    items: Sequence[TokenItem], annotations: Sequence[tuple[int, int, int]]
) -> list[Example]:
    """One example per (number of the item, label, number of the annotator)."""
    return [
        Example(
            [[*items[item].prompt, *option] for option in items[item].options],
            len(items[item].prompt),
            label,
            annotator,
        )
        for item, label, annotator in annotations
    ]


def collate(batch: Sequence[Example]) -> dict[str, Tensor]:
    """B examples with S sequences in all, the longest of L tokens.

    input_ids, attention_mask and labels are [S, L]; labels hold the answer token that follows
    each place, and NOT_AN_ANSWER elsewhere. options (how many), label and annotator are [B].
    """
    tokens, labels = [], []
    for example in batch:
        for sequence in example.sequences:
            answer = sequence[example.prompt_tokens :]
            tokens.append(torch.tensor(sequence))
            labels.append(
                torch.tensor(
                    [*[NOT_AN_ANSWER] * (example.prompt_tokens - 1), *answer, NOT_AN_ANSWER]
                )
            )
    ones = [torch.ones_like(sequence) for sequence in tokens]
    return {
        "input_ids": pad_sequence(tokens, batch_first=True),
        "attention_mask": pad_sequence(ones, batch_first=True),
        "labels": pad_sequence(labels, batch_first=True, padding_value=NOT_AN_ANSWER),
        "options": torch.tensor([len(example.sequences) for example in batch]),
        "label": torch.tensor([example.label for example in batch]),
        "annotator": torch.tensor([example.annotator for example in batch]),
    }


def freeze(model: PreTrainedModel, tune: Tune) -> None:
    """Leave to be trained what `tune` names, in a model of Llama's shape."""
    if isinstance(tune, TopLayers):
        model.requires_grad_(False)
        layer_stack(model)[-tune.layers :].requires_grad_(True)
        model.get_submodule(f"{model.base_model_prefix}.norm").requires_grad_(True)


def arguments(
    training: Training,
    batch_size: int,
    seed: int,
    folder: Path,
    kind: type[TrainingArguments] = TrainingArguments,
) -> TrainingArguments:
    """The study's training settings in the Trainer's words; nothing is logged, saved, evaluated."""
    return kind(
        output_dir=str(folder),
        num_train_epochs=training.epochs,
        per_device_train_batch_size=batch_size,
        max_grad_norm=training.gradient_clip,
        bf16=used(training.precision, pick_device()) == "bf16",
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        dataloader_num_workers=0,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        logging_strategy="no",
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


class RealmTrainer(Trainer):
    """A Trainer with REALM's loss, and with a parameter group of its own for omega."""

    def __init__(
        self,
        model: PreTrainedModel,
        given: Given,
        training: Training,
        settings: realm.Settings,
        **kwargs: Any,
    ) -> None:
        self.omega = nn.Parameter(realm.parameters(given, settings)["omega"])
        model.register_parameter("omega", self.omega)
        super().__init__(model=model, **kwargs)
        self.training = training
        self.settings = settings

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """- mean log q(y|x,a) over the batch's annotations."""
        output = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        tokens = cross_entropy(
            output.logits.flatten(0, 1),
            inputs["labels"].flatten(),
            ignore_index=NOT_AN_ANSWER,
            reduction="none",
        )
        scores = -tokens.view(inputs["labels"].shape).sum(-1)
        by_example = list(torch.split(scores, inputs["options"].tolist()))
        log_p = pad_sequence(by_example, True, -torch.inf).log_softmax(-1)
        chosen = log_p.gather(1, inputs["label"][:, None]).squeeze(1)
        omega = self.omega[inputs["annotator"]]
        loss = -realm.log_mixture(chosen, omega, inputs["options"]).mean()
        return (loss, output) if return_outputs else loss

    def create_optimizer(self, model: nn.Module | None = None) -> Optimizer:
        """AdamW over the model's trained parameters and, undecayed, omega."""
        assert self.model is not None
        own = [p for p in self.model.parameters() if p.requires_grad and p is not self.omega]
        decay = self.training.weight_decay
        groups = [
            {"params": own, "lr": self.training.lr, "weight_decay": decay},
            {"params": [self.omega], "lr": 1.0, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, fused=True)
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: Optimizer | None = None
    ) -> LambdaLR:
        """The engine's schedule; omega follows it at REALM's rate, after REALM's freeze."""
        per_epoch = len(self.get_train_dataloader())

        def share(step: int) -> float:
            return schedule(self.training, step, num_training_steps)

        def omega_rate(step: int) -> float:
            return share(step) * realm.learning_rate(step / per_epoch, self.settings)

        optimizer = optimizer or self.optimizer
        assert optimizer is not None
        self.lr_scheduler = LambdaLR(optimizer, [share, omega_rate])
        return self.lr_scheduler


@dataclass
class Clock(TrainerCallback):
    """Notes when each step ended, and ends the training after `limit` steps."""

    limit: int | None = None
    begun: float = 0.0
    ends: list[float] = field(default_factory=list)
    """Seconds since `begun`."""

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.ends.append(time.perf_counter() - self.begun)
        control.should_training_stop |= len(self.ends) == self.limit
