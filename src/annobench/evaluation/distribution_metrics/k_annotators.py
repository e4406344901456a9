"""How many people's labels tell as much: the number of labels per item whose shares have the same
mean JS divergence from the human distribution as the prediction has.

The labels are drawn from the human distribution, and both are held against all of it (our
reconstruction). On ChaosNLI the mean divergence of 1, 3 and 5 labels is 0.265, 0.107 and 0.067; the
published 0.270, 0.113 and 0.072 are met by holding the labels against 50 others of the item's 100
(0.270, 0.113 and 0.073), which a prediction is not.
"""

import numpy as np

from annobench.distances import jsd_divergence
from annobench.evaluation.distribution_metrics import mean
from annobench.evaluation.distributions import DRAWN, Human

LABEL = "equivalent number of annotators"
HIGHER_IS_BETTER = True


def value(p: np.ndarray, human: Human, weights: np.ndarray) -> np.ndarray:
    """[..., items] weights -> [...] in [0, DRAWN], interpolated linearly between whole numbers.

    It is 0 where the prediction is no better than the uniform distribution, which stands for no
    label at all. One label can be worse than none: then values between 0 and 1 do not occur, nor
    those of labels worse than none. A prediction better than `DRAWN` labels counts as `DRAWN`.
    """
    model = mean(jsd_divergence(p, human.shares), weights)
    none = mean(human.from_uniform, weights)
    curve = weights @ human.drawn / weights.sum(-1)[..., None]
    fewer = (curve > model[..., None]).sum(-1)  # so many labels are worse, one more is not
    steps = np.concatenate([none[..., None], curve, curve[..., -1:]], axis=-1)
    above, below = (
        np.take_along_axis(steps, at[..., None], axis=-1)[..., 0] for at in (fewer, fewer + 1)
    )
    between = (fewer < DRAWN) & (model < none)
    part = np.divide(above - model, above - below, out=np.zeros_like(model), where=between)
    found: np.ndarray = np.where(model < none, fewer + part, 0.0)
    return found
