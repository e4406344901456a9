"""Metrics of aligned models on pairs of responses, one file each.

A file `<kind>.py` defines

    LABEL: str                  as tables and axes print it
    HIGHER_IS_BETTER: bool
    def scores(aligned, gold) -> np.ndarray
        aligned: `preferences.Aligned` of n items
        gold: [n], index of the better response; NaN where neither is
        returns [n], NaN of items that it cannot be said of; a metric is the mean over the others
"""
