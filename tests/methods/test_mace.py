from annobench.aggregation.mace import posterior
from annobench.methods import Given, mace
from annobench.targets import option_counts


def test_targets_are_the_posterior(few, labels, as_dicts):
    found = as_dicts(mace.targets(Given(few, labels), mace.Settings()))
    wanted = posterior(labels, option_counts(few))
    assert [row["item"] for row in found] == ["x", "y"]
    assert [row["distribution"] for row in found] == [list(d) for d in wanted["distribution"]]
    assert {row["reason"] for row in found} == {"posterior"}
