"""Metrics of predictions against gold labels, one file each.

A file `<kind>.py` defines

    LABEL: str                  as tables and axes print it
    HIGHER_IS_BETTER: bool
    def value(probabilities, gold, weights) -> np.ndarray
        probabilities: [items, K], each row sums to 1 (0 where an item has fewer options)
        gold: [items], index of the correct option
        weights: [..., items], how often an item counts (bootstrap resamples are weights)
        returns [...]: the metric of each weighting; the weights of each must not all be 0
"""
