"""GLAD: EM over true labels, one ability per annotator and one difficulty per item (crowd-kit).

P(label = truth) = 1 / (1 + exp(-ability * exp(-difficulty))), every wrong option equally likely;
J. Whitehill et al., Whose Vote Should Count More, NeurIPS 2009. The truth is uniform over all
option positions beforehand, whether they were chosen or not. Nothing is drawn.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from annobench.aggregation import count

if TYPE_CHECKING:
    import pandas as pd


def posterior(annotations: pd.DataFrame, options: pd.Series[int]) -> pd.DataFrame:
    """See `annobench.aggregation`.

    Raises:
        AnnobenchError: a label has no annotator, or is not one of its item's options.
    """
    import numpy as np
    import pandas as pd
    from crowdkit.aggregation import GLAD

    votes = count(annotations, options, signed="glad")
    if not len(votes.names):
        return votes.posterior(votes.shares)
    K = votes.shares.shape[1]
    frame = pd.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.label})
    glad = GLAD(labels_priors=pd.Series(1 / K, index=range(K)))
    with warnings.catch_warnings():
        # crowd-kit 1.4.2 passes an argument that pandas 4 will drop
        warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
        found = glad.fit_predict_proba(frame)
    return votes.posterior(found.sort_index()[list(range(K))].to_numpy(np.float64))
