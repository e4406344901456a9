from annobench.evaluation.ranking import shared_ranks


def pairs(*found: str) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in found}


def test_methods_told_apart_have_their_positions():
    means = {"a": 0.5, "b": 0.9, "c": 0.7}
    assert shared_ranks(means, pairs("ab", "bc", "ac"), True) == {"b": 1, "c": 2, "a": 3}


def test_a_method_shares_the_rank_of_the_leader_it_is_not_told_apart_from():
    means = {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6}
    assert shared_ranks(means, pairs("ac", "ad"), True) == {"a": 1, "b": 1, "c": 3, "d": 3}


def test_only_the_leader_counts():
    """c is apart from b but not from the leader a."""
    means = {"a": 0.9, "b": 0.8, "c": 0.7}
    assert shared_ranks(means, pairs("bc"), True) == {"a": 1, "b": 1, "c": 1}


def test_lower_is_better():
    means = {"a": 0.9, "b": 0.2}
    assert shared_ranks(means, pairs("ab"), False) == {"b": 1, "a": 2}


def test_nothing_to_rank():
    assert shared_ranks({}, set(), True) == {}
