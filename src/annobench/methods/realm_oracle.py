"""REALM with oracle expertise: the annotators' true expertise is given, only the model learns.

    omega[a, t] = logit of the true expertise of annotator a in task t, and it never moves

What is left of REALM's error when nothing about annotators has to be learned. Only a simulation
knows the truth. True expertise is read as REALM's beta, the share of labels that are not guessed,
and is kept within [1e-6, 1 - 1e-6], so that its logit is finite (our reconstruction).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench import settings as _settings
from annobench.errors import AnnobenchError
from annobench.methods import Given, Needs
from annobench.methods.realm_tasks import expertise, labelled_pairs, loss, weights
from annobench.methods.sft import learning_rate, targets

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "NEEDS",
    "Settings",
    "expertise",
    "learning_rate",
    "loss",
    "parameters",
    "targets",
    "weights",
]

NEEDS = Needs(annotations=True, annotator_ids=True, truth=True)


class Settings(_settings.Settings):
    """No keys."""


def parameters(given: Given, settings: Settings) -> dict[str, Tensor]:
    """pair: [annotators, tasks], the logit of the true expertise; 0 for a pair without labels.

    Raises:
        AnnobenchError: an annotator has labels in a task and no true expertise there.
    """
    import torch

    assert given.truth is not None
    truth = given.truth.set_index(["annotator", "task"])["expertise"]
    known = truth.reindex(labelled_pairs(given))
    if known.isna().any():
        annotator, task = known.index[known.isna()][0]
        raise AnnobenchError(
            f"truth: found no expertise of annotator {annotator!r} in task {task!r}; allowed for"
            " realm-oracle: one for every annotator and task with labels"
        )
    beta = known.unstack("task").reindex(index=given.annotators, columns=given.tasks).fillna(0.5)
    return {"pair": torch.tensor(beta.to_numpy(), dtype=torch.float32).logit(eps=1e-6)}
