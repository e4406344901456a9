"""Users only: how attentive each user is, and what would be kept; nothing is trained.

The targets and the estimates are those of `dpo-users`; predictions are the model's as it comes.
"""

from __future__ import annotations

from annobench.methods import Needs
from annobench.methods.dpo_users import expertise, targets
from annobench.preferences import Estimated

__all__ = ["NEEDS", "Settings", "expertise", "targets"]


class Settings(Estimated):
    pass


NEEDS = Needs(annotations=True, annotator_ids=True, training=False, preferences=True)
