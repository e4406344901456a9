"""MACE: each annotator knows the answer or spams by a habit of their own (crowd-kit).

D. Hovy et al., Learning Whom to Trust with MACE, NAACL 2013; variational EM from random starts, of
which the likeliest is kept. The starts are drawn from a named stream, always the same one, so that
the same annotations have the same posterior.

Two faults of crowd-kit 1.4.2 are kept from biting. Given a number as its random state it starts
every restart at the same place; it is given a generator here. And it numbers annotators and labels
as they first appear, but reads their habits back in sorted order; both orders are one here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench.aggregation import count, crowd_kit

if TYPE_CHECKING:
    import pandas as pd

RESTARTS = 10


def posterior(annotations: pd.DataFrame, options: pd.Series[int]) -> pd.DataFrame:
    """See `annobench.aggregation`.

    Raises:
        AnnobenchError: a label has no annotator, or is not one of its item's options.
    """
    import numpy as np
    import pandas as pd
    from crowdkit.aggregation import MACE

    from annobench.seeds import generator

    votes = count(annotations, options, signed="mace")
    if not len(votes.names):
        return votes.posterior(votes.shares)
    order = np.argsort(votes.annotator, kind="stable")
    label, positions = pd.factorize(votes.label[order])
    frame = pd.DataFrame(
        {"task": votes.item[order], "worker": votes.annotator[order], "label": label}
    )
    mace = MACE(n_restarts=RESTARTS, random_state=generator("mace"))
    p = np.zeros_like(votes.shares)
    p[:, positions] = crowd_kit(mace.fit_predict_proba, frame, len(positions))
    return votes.posterior(p)
