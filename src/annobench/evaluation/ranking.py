"""Ranks that methods share when they cannot be told apart."""

from collections.abc import Mapping, Set

LEVEL = 0.05
"""A difference counts as one when its adjusted p is below this."""


def shared_ranks(
    means: Mapping[str, float], apart: Set[frozenset[str]], higher_is_better: bool
) -> dict[str, int]:
    """Rank of each method, best first.

    From the best mean downwards, the leader of a group has its position as its rank. The next
    method shares it unless the two are told apart; then it leads a new group. Methods of equal
    means keep the order of `means`.

    Args:
        means: method -> mean.
        apart: the pairs of methods whose difference is significant. A pair that was not compared
            has not been told apart.
    """
    order = sorted(means, key=lambda method: means[method], reverse=higher_is_better)
    ranks: dict[str, int] = {}
    leader = ""
    for position, method in enumerate(order, start=1):
        if not leader or frozenset((leader, method)) in apart:
            leader = method
            ranks[method] = position
        else:
            ranks[method] = ranks[leader]
    return ranks
