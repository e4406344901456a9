import numpy as np
import pandas as pd
import pytest

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.evaluation.agreement import (
    Agreement,
    Known,
    Truth,
    expertise_spearman,
    over_tasks,
    target_accuracy,
    true_expertise,
    unread_answers,
)

ITEMS = pd.DataFrame(
    {
        "item": ["i", "j", "k"],
        "task": ["t", "t", "u"],
        "gold": pd.array([0, 1, None], "Int64"),
        "answers": None,
    }
)


def targets(rows):
    columns = ["item", "distribution", "weight", "kept", "text"]
    whole = [(*row, None)[: len(columns)] for row in rows]
    return pd.DataFrame(whole, columns=columns).assign(reason="", annotator=None)


def test_target_accuracy_by_hand():
    rows = [
        ("i", [0.9, 0.1], 1.0, True),
        ("j", [0.5, 0.5], 3.0, True),
        ("j", [1.0, 0.0], 9.0, False),  # dropped
        ("k", [1.0, 0.0], 9.0, True),  # no gold
    ]
    found = target_accuracy(targets(rows), Known(ITEMS))
    assert found == {"t": Agreement(pytest.approx((0.9 + 3 * 0.5) / 4), 2)}


def test_a_target_of_free_text_is_right_if_it_matches_exactly():
    items = ITEMS.assign(gold=None, answers=[["3"], ["17 May", "May"], ["Ada; Bob"]])
    rows = [
        ("i", [1.0], 1.0, True, "3.0"),
        ("j", [1.0], 3.0, True, "may"),
        ("j", [1.0], 2.0, True, "17"),
        ("k", [1.0], 1.0, True, "Bob; Ada"),
        ("k", [1.0], 9.0, False, None),
    ]
    found = target_accuracy(targets(rows), Known(items))
    assert found == {"t": Agreement(pytest.approx(4 / 6), 3), "u": Agreement(1.0, 1)}


def test_target_accuracy_of_nothing_kept_is_undefined():
    found = target_accuracy(targets([("i", [1.0, 0.0], 1.0, False)]), Known(ITEMS))["t"]
    assert found.value is None
    assert "kept" in found.reason


def annotators(learned, task="t"):
    names = [f"a{i}" for i in range(len(learned))]
    return pd.DataFrame({"annotator": names, "task": task, "expertise": learned, "annotations": 1})


def truth(true, tasks=("t",)):
    names = [f"a{i}" for i in range(len(true))]
    whole = {"annotator": names, "expertise": true, "accuracy": true}
    return Truth(pd.concat([pd.DataFrame(whole).assign(task=task) for task in tasks]))


def both(one, other):
    return Truth(pd.concat([one.table, other.table]))


def test_spearman_per_task():
    learned = pd.concat([annotators([0.1, 0.5, 0.7]), annotators([0.7, 0.5, 0.1], "u")])
    found = expertise_spearman(learned, truth([0.2, 0.3, 0.9], ["t", "u"]))
    assert found["t"] == Agreement(pytest.approx(1), 3)
    assert found["u"] == Agreement(pytest.approx(-1), 3)
    assert over_tasks(found) == Agreement(pytest.approx(0), 6)


def test_one_expertise_for_all_tasks_is_compared_with_the_mean_of_the_true_ones():
    true = both(truth([0.0, 0.5, 1.0], ["t"]), truth([1.0, 0.5, 0.8], ["u"]))
    found = true_expertise(annotators([0.3, 0.2, 0.9], "all"), true)
    assert found == pytest.approx([0.5, 0.5, 0.9])
    assert np.isnan(true_expertise(annotators([0.3, 0.2, 0.9, 0.1], "v"), true)).all()


def test_expertise_over_all_tasks_meets_the_mean_of_the_true_ones():
    true = both(truth([0.9, 0.4, 0.1]), truth([0.1, 0.8, 0.2], ["u"]))  # 0.5, 0.6, 0.15
    found = expertise_spearman(annotators([0.7, 0.9, 0.1], "all"), true)
    assert found == {"all": Agreement(pytest.approx(1), 3)}


def test_annotators_without_truth_have_no_agreement():
    assert expertise_spearman(annotators([0.1, 0.9]), Truth(tables.empty(tables.TRUTH))) == {}


def test_an_annotator_has_one_truth_in_a_task():
    with pytest.raises(AnnobenchError, match="found twice"):
        expertise_spearman(annotators([0.1, 0.9]), both(truth([0.1, 0.9]), truth([0.2])))


def test_spearman_with_ties_by_hand():
    # Mean ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
    found = expertise_spearman(annotators([0.1, 0.4, 0.4, 0.9]), truth([0.1, 0.2, 0.3, 0.4]))["t"]
    assert found.value == pytest.approx(4.5 / (4.5 * 5) ** 0.5)


@pytest.mark.parametrize(
    ("learned", "true", "word"),
    [
        ([0.5, 0.5], [0.1, 0.9], "learned"),
        ([0.1, 0.9], [0.99, 0.99], "true"),
        ([0.5], [0.9], "fewer"),
    ],
)
def test_undefined_is_null_with_its_reason(learned, true, word):
    found = expertise_spearman(annotators(learned), truth(true))
    assert found["t"].value is None
    assert word in found["t"].reason
    assert over_tasks(found).value is None


def test_answers_that_could_not_be_read_are_a_share_of_the_targets_that_rest_on_answers():
    targets = pd.DataFrame(
        {"reason": ["clean", "no answer", "relabelled", "no verdict"], "suspicion": [0.1] * 4}
    )
    assert unread_answers(targets) == Agreement(0.5, 4)
    assert unread_answers(targets.assign(reason="clean")) == Agreement(0.0, 4)
    assert unread_answers(targets.assign(reason="clean", suspicion=None)) is None
