"""Multi-task REALM: an annotator's expertise may differ from task to task (arXiv 2604.17289).

    q(y|x,a) = B[a, t] p(y|x) + (1 - B[a, t]) / K_t,    B = sigmoid(Omega), t the item's task

The matrix is the paper's, in words; its forms are our reconstruction:

    full         Omega[a, t] by itself; with one task it is `realm`
    rank-one     Omega[a, t] = u_a + v_t
    shared       Omega[a, t] = u_a

In the full matrix a pair without labels stays where it started, so expertise is returned for the
pairs that have labels, in all three forms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from annobench.methods import Given, realm
from annobench.methods.realm import NEEDS, learning_rate, log_mixture, responsibility
from annobench.methods.sft import targets

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from annobench.training.rows import Rows

__all__ = [
    "NEEDS",
    "Settings",
    "expertise",
    "labelled_pairs",
    "learning_rate",
    "loss",
    "parameters",
    "targets",
    "weights",
]


class Settings(realm.Settings):
    """REALM's keys, and the form of the matrix."""

    expertise: Literal["full", "rank-one", "shared"] = "full"
    """Expertise of annotator a in task t: `full`, one number for each pair; `rank-one`, one for
    each annotator plus one for each task, in logits; `shared`, one for each annotator."""


def parameters(given: Given, settings: Settings) -> dict[str, Tensor]:
    """The terms of Omega: pair [annotators, tasks], or annotator [annotators] and task [tasks]."""
    import torch

    own = realm.parameters(given, settings)["omega"]
    match settings.expertise:
        case "full":
            return {"pair": own[:, None].repeat(1, len(given.tasks))}
        case "rank-one":
            return {"annotator": own, "task": torch.zeros(len(given.tasks))}
        case "shared":
            return {"annotator": own}


def loss(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """- log q of each annotation. log_p and rows.distribution: [N, K] -> [N]."""
    omega = _omega(parameters, rows.annotator, rows.task)
    return -log_mixture(rows.expected_log_p(log_p), omega, rows.options)


def weights(log_p: Tensor, rows: Rows, parameters: dict[str, Tensor], settings: Settings) -> Tensor:
    """The responsibility of each annotation."""
    omega = _omega(parameters, rows.annotator, rows.task)
    return responsibility(rows.expected_log_p(log_p), omega, rows.options)


def expertise(
    given: Given,
    targets: pd.DataFrame,
    parameters: dict[str, Tensor],
    settings: Settings,
) -> pd.Series | None:
    """B of each (annotator, task) that has labels."""
    import pandas as pd
    import torch

    pairs = labelled_pairs(given)
    annotator = pd.Index(given.annotators).get_indexer(pairs.get_level_values("annotator"))
    task = pd.Index(given.tasks).get_indexer(pairs.get_level_values("task"))
    omega = _omega(parameters, torch.from_numpy(annotator), torch.from_numpy(task))
    return pd.Series(omega.sigmoid().double().numpy(), index=pairs)


def labelled_pairs(given: Given) -> pd.MultiIndex:
    """Every (annotator, task) that has labels, sorted."""
    import pandas as pd

    assert given.annotations is not None
    task = given.annotations["item"].map(given.items.set_index("item")["task"])
    pairs = pd.DataFrame({"annotator": given.annotations["annotator"], "task": task})
    return pd.MultiIndex.from_frame(pairs.drop_duplicates().sort_values(["annotator", "task"]))


def _omega(parameters: dict[str, Tensor], annotator: Tensor, task: Tensor) -> Tensor:
    """Omega[annotator, task], from the terms that there are. [N], [N] -> [N]."""
    if "pair" in parameters:
        return parameters["pair"][annotator, task]
    own = parameters["annotator"][annotator]
    return own + parameters["task"][task] if "task" in parameters else own
