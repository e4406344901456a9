"""Token SFT: plain supervised fine-tuning on the answer's tokens, as most people run it.

    loss = - mean over annotations of the score of the label's tokens under the vocabulary softmax

It is `sft` without the restricted softmax: nothing pushes the other options down but the vocabulary
as a whole. The score of an option is the one that the model's key `score` names, the sum of its
tokens' log-probabilities or their mean, and it holds no end-of-text token. Predictions are
restricted to the options as for every method. Free text is learned in the same way, with an
end-of-text token behind it.
"""

from __future__ import annotations

from annobench.methods import Needs
from annobench.methods.sft import (
    Settings,
    expertise,
    learning_rate,
    loss,
    parameters,
    targets,
    weights,
)

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

NEEDS = Needs(annotations=True, options=False, softmax="vocabulary")
