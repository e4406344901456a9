import math

import numpy as np
import pandas as pd
import pytest
from crowdkit.aggregation import GLAD

from annobench.aggregation import glad, majority
from annobench.errors import AnnobenchError


def test_it_finds_the_good_annotators_where_the_majority_is_wrong(crowd, accuracy):
    annotations, gold = crowd(100, [0.95, 0.95, 0.25, 0.25, 0.25, 0.25, 0.25], 7)
    options = pd.Series(4, index=annotations["item"].unique())
    assert accuracy(majority.posterior(annotations, options), gold) < 0.88
    assert accuracy(glad.posterior(annotations, options), gold) > 0.9


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_it_is_crowd_kit_where_all_options_occur(crowd):
    annotations, _ = crowd(20, [0.9, 0.8, 0.5, 0.4], 3)
    options = pd.Series(4, index=annotations["item"].unique())
    found = glad.posterior(annotations, options)
    direct = GLAD().fit_predict_proba(
        annotations.rename(columns={"item": "task", "annotator": "worker"})
    )
    np.testing.assert_allclose(
        np.stack(found["distribution"]), direct.loc[found["item"], range(4)], atol=1e-3
    )


def test_options_that_nobody_chose_are_possible():
    """All say 0 of one item: by symmetry the other two options share what is left."""
    annotations = pd.DataFrame({"item": "a", "label": 0, "annotator": ["ann", "bob"]})
    (p,) = glad.posterior(annotations, pd.Series({"a": 3}))["distribution"]
    assert p[0] > 0.9
    assert p[1] == pytest.approx(p[2])
    assert p[1] > 0
    assert math.fsum(p) == pytest.approx(1)


def test_annotations_without_annotators_are_refused(crowd):
    annotations, _ = crowd(5, [0.9, 0.6], 2)
    annotations["annotator"] = None
    with pytest.raises(AnnobenchError, match="glad: found 10 of 10 annotations without"):
        glad.posterior(annotations, pd.Series(4, index=annotations["item"].unique()))
