"""KL of the aligned model from the model before training, in nats per response.

The mean log-ratio of its own sampled responses, as far as `views.response_tokens` lets them go and
at `views.temperature`: an unbiased estimate, so one of few items may be below 0.
"""

import numpy as np

from annobench.evaluation.preferences import Aligned

LABEL = "KL from the start (nats)"
HIGHER_IS_BETTER = False


def scores(aligned: Aligned, gold: np.ndarray) -> np.ndarray:
    """[n] log-ratios; no gold label is needed."""
    return aligned.kl
