from annobench.aggregation.glad import posterior
from annobench.methods import Given, glad
from annobench.targets import option_counts


def test_targets_are_the_posterior(few, labels, as_dicts):
    found = as_dicts(glad.targets(Given(few, labels), glad.Settings()))
    wanted = posterior(labels, option_counts(few))
    assert [row["item"] for row in found] == ["x", "y"]
    assert [row["distribution"] for row in found] == [list(d) for d in wanted["distribution"]]
    assert {row["reason"] for row in found} == {"posterior"}
