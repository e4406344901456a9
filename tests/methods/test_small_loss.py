import numpy as np
import pandas as pd
import pytest

from annobench.methods import Given, small_loss

NAMES = list("abcdefgh")
RIGHT = dict(zip(NAMES, [0.9, 0.1, 0.8, 0.2, 0.85, 0.15, 0.95, 0.05], strict=True))
"""The probability that both judges give to option 0, which every item is labelled."""


@pytest.fixture
def told(one_each, answers):
    def make(names=NAMES):
        items = pd.DataFrame(
            {
                "item": names,
                "task": "any",
                "split": "train",
                "prompt": "any ?",
                "options": [["yes", "no"]] * len(names),
            }
        )
        p = pd.DataFrame({"item": NAMES, "probabilities": [[q, 1 - q] for q in RIGHT.values()]})
        return Given(items, one_each(**dict.fromkeys(names, 0)), model=answers(fits=[p, p]))

    return make


def test_each_half_is_judged_by_the_other(one_each, answers, told):
    """The judges differ, so that a label's loss tells which of them it is from."""
    given = told()
    one = given.model.fits[0]
    other = one.assign(probabilities=[[1 - p, p] for p, _ in one["probabilities"]])
    given.model.fits[1] = other
    found = small_loss.targets(given, small_loss.Settings()).set_index("item")
    first, second = (set(targets["item"]) for targets, _, _ in given.model.taught)
    assert len(first) == len(second) == 4
    assert first | second == set(NAMES)
    loss = {name: -np.log(p if name in second else 1 - p) for name, p in RIGHT.items()}
    assert found["suspicion"].to_dict() == pytest.approx(loss)
    for half in (first, second):
        assert set(found.index[found["kept"]]) & half == set(sorted(half, key=loss.get)[:2])
    assert len({name for _, _, name in given.model.taught}) == 2


def test_the_two_components_of_each_half(told):
    """Labels of probability 0.8 and more are one component, 0.2 and less the other."""
    given = told()
    found = small_loss.targets(given, small_loss.Settings(keep=None, epochs=0.5))
    assert found["kept"].tolist() == [p > 0.5 for p in RIGHT.values()]
    assert set(found["reason"]) == {"small loss", "large loss"}
    assert [epochs for _, epochs, _ in given.model.taught] == [0.5, 0.5]


@pytest.mark.parametrize(("keep", "kept"), [(0.25, 2), (0.3, 4), (1.0, 8)])
def test_the_share_that_is_kept_is_rounded_up_in_each_half(told, keep, kept):
    found = small_loss.targets(told(), small_loss.Settings(keep=keep))
    assert found["kept"].sum() == kept
    assert [list(p) for p in found["distribution"]] == [[1, 0]] * 8


def test_the_halves_depend_on_the_items_alone(told, one_each):
    """Neither on the labels nor on the order of the items."""
    given, again = told(), told(NAMES[::-1])
    small_loss.targets(given, small_loss.Settings())
    small_loss.targets(
        Given(again.items, one_each(**dict.fromkeys(NAMES, 1)), model=again.model),
        small_loss.Settings(),
    )
    for (one, _, _), (other, _, _) in zip(given.model.taught, again.model.taught, strict=True):
        assert set(one["item"]) == set(other["item"])


def test_one_item_has_no_halves(told):
    with pytest.raises(ValueError, match="found 1; allowed: two or more"):
        small_loss.targets(told(["a"]), small_loss.Settings())
