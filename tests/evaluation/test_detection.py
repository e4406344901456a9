import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from annobench import tables
from annobench.evaluation.agreement import LABELS, UNPARSED, UNREAD_ANSWERS, Agreement
from annobench.evaluation.detection import explained, hard_items, judged, measures
from annobench.reporting.labels import AGREEMENTS

FREE = ["q0", "q1", "q2", "q3", "q4", "q5"]


def frame(schema, **columns):
    return pd.DataFrame({name: columns.get(name) for name in schema.names})


def as_read(rows, schema, folder):
    tables.write(folder / "t.parquet", rows, schema)
    return tables.read(folder / "t.parquet", schema)


@pytest.fixture
def items(tmp_path):
    """Six training items of two options whose gold is 0, and a test item."""
    rows = frame(
        tables.ITEMS,
        item=[*FREE, "test"],
        task="t",
        split=["train"] * 6 + ["test"],
        prompt="?",
        options=[["a", "b"]] * 7,
        gold=0,
    )
    return as_read(rows, tables.ITEMS, tmp_path)


@pytest.fixture
def labels(tmp_path):
    """q0, q1 and q2 are wrong."""
    wrong = np.arange(6) < 3
    rows = frame(tables.ANNOTATIONS, item=FREE, label=wrong.astype(int), corrupted=wrong)
    return as_read(rows, tables.ANNOTATIONS, tmp_path)


@pytest.fixture
def targets(tmp_path):
    """targets(on 0, kept, ...): of the items in reverse order."""

    def make(on_gold, kept=True, weight=1.0, **more):
        order = slice(None, None, -1)
        rows = frame(
            tables.TARGETS,
            item=FREE,
            distribution=[[p, 1 - p] for p in on_gold],
            weight=weight,
            kept=kept,
            reason="",
            **more,
        )
        return as_read(rows[order].reset_index(drop=True), tables.TARGETS, tmp_path)

    return make


def view(tmp_path, **columns):
    return as_read(frame(tables.VIEW, **columns), tables.VIEW, tmp_path)


def test_by_hand(labels, targets, items, tmp_path):
    """q0 relabelled rightly, q1 dropped, q2 trusted; q3 relabelled wrongly, q4 dropped, q5 kept."""
    asked = view(tmp_path, item=[*FREE, "test"], answer=[0, 1, 0, 1, 0, 1, 0])
    found = judged(
        labels,
        targets(
            [1, 0, 0, 0.1, 1, 0.9],
            kept=[True, False, True, True, False, True],
            suspicion=[0.9, 0.4, 0.3, 0.5, 0.2, 0.1],
            nll=[1.0, None, None, 2.0, None, None],
        ),
        items,
        hard_items(asked, items),
    )
    assert found["item"].tolist() == FREE
    assert found["corrupted"].tolist() == [True] * 3 + [False] * 3
    assert found["verdict"].tolist() == [
        "relabelled", "dropped", "trusted", "relabelled", "dropped", "trusted",
    ]  # fmt: skip
    assert found["right"].tolist() == [True, pd.NA, False, False, pd.NA, True]
    assert found["hard"].tolist() == [False, True, False, True, False, True]
    assert measures(found) == {
        "detection-precision": Agreement(0.5, 4),
        "detection-recall": Agreement(pytest.approx(2 / 3), 3),
        # of 9 pairs 0.9 wins three, 0.4 two and 0.3 two
        "detection-auc": Agreement(pytest.approx(7 / 9), 6),
        "relabel-accuracy": Agreement(0.5, 2),
        "lost-correct": Agreement(pytest.approx(2 / 3), 3),
        "lost-hard": Agreement(0.5, 2),
    }
    assert explained(found)


OF_USERS = ("attentiveness-mae", "filter-precision", "filter-recall", "filter-auc")


def test_the_measures_are_those_that_a_table_may_show(labels, targets, items):
    found = measures(judged(labels, targets([1] * 6), items))
    assert [*LABELS] == [*AGREEMENTS]
    assert [*found, UNREAD_ANSWERS, UNPARSED, *OF_USERS] == [*LABELS][2:]
    assert [name for name, higher in AGREEMENTS.items() if not higher] == [
        "lost-correct", "lost-hard", UNREAD_ANSWERS, UNPARSED, "attentiveness-mae",
    ]  # fmt: skip


def test_a_method_that_believes_every_label_detects_nothing(labels, targets, items):
    sft = targets([0, 0, 0, 1, 1, 1])
    assert measures(judged(labels, sft, items)) == {}
    smoothed = targets([0.1, 0.1, 0.1, 0.9, 0.9, 0.9], weight=0.7)
    assert measures(judged(labels, smoothed, items)) == {}
    assert not explained(judged(labels, smoothed, items))
    undecided = judged(labels, targets([0.5] * 6), items)
    assert measures(undecided) == {}
    assert undecided["right"].tolist() == [False] * 3 + [True] * 3


def test_a_method_that_keeps_nothing_detects_nothing(labels, targets, items):
    assert measures(judged(labels, targets([1] * 6, kept=False), items)) == {}


def test_weights_that_differ_rank_the_labels(labels, targets, items):
    weighed = targets([0, 0, 0, 1, 1, 1], weight=[0.1, 0.2, 0.9, 0.8, 0.9, 1.0])
    found = measures(judged(labels, weighed, items))
    assert found["detection-auc"] == Agreement(pytest.approx((3 + 3 + 1.5) / 9), 6)
    assert found["detection-recall"] == Agreement(0.0, 3)
    assert found["lost-correct"] == Agreement(0.0, 3)
    assert found["detection-precision"] == Agreement(None, 0, "no label was flagged")
    assert found["relabel-accuracy"] == Agreement(None, 0, "no label was changed")
    # A label that is not kept has no weight.
    dropped = weighed.assign(kept=weighed["item"] != "q2")
    found = measures(judged(labels, dropped, items))
    assert found["detection-auc"] == Agreement(1.0, 6)
    assert found["detection-precision"] == Agreement(1.0, 1)


def test_selection_alone_is_no_ranking(labels, targets, items):
    found = measures(judged(labels, targets([1] * 6), items))
    assert found["detection-auc"].value is None
    assert found["detection-recall"].value == 1
    assert found["lost-hard"].value is None
    assert found["lost-hard"].reason


def test_doubt_counts_where_the_method_has_any(labels, targets, items):
    doubt = [np.inf, None, 0.0, 0.0, -np.inf, None]
    found = measures(judged(labels, targets([0, 0, 0, 1, 1, 1], suspicion=doubt), items))
    assert found["detection-auc"] == Agreement(pytest.approx(3.5 / 4), 4)


@pytest.mark.parametrize(("wrong", "word"), [(False, "right"), (True, "wrong")])
def test_labels_of_one_sort_cannot_be_told_apart(wrong, word, labels, targets, items):
    alike = labels.assign(corrupted=wrong)
    found = measures(judged(alike, targets([0] * 5 + [1], suspicion=range(6)), items))
    assert found["detection-auc"] == Agreement(None, 6, f"all labels are {word}")
    undefined = "detection-recall" if word == "right" else "lost-correct"
    assert found[undefined].value is None
    assert found[undefined].reason.startswith("no label is ")


def test_a_label_without_target_was_dropped(labels, targets, items):
    some = targets([0, 0, 0, 1, 1, 1])
    found = judged(labels, some[some["item"] != "q1"], items)
    assert found.loc[found["verdict"] == "dropped", "item"].tolist() == ["q1"]
    assert measures(found)["detection-precision"] == Agreement(1.0, 1)


def test_only_training_labels_of_known_truth_count(labels, targets, items):
    unknown = labels.assign(corrupted=labels["corrupted"].astype(object))
    unknown.loc[0, "corrupted"] = None
    more = pd.concat([unknown, labels.iloc[:1].assign(item="test")])
    assert judged(more, targets([1] * 6), items)["item"].tolist() == FREE[1:]


def test_targets_that_name_annotators_are_met_by_both(items, tmp_path):
    given = frame(
        tables.ANNOTATIONS,
        item=["q0", "q0", "q1"],
        label=[0, 1, 1],
        annotator=["ann", "bob", None],
        corrupted=[False, True, True],
    )
    given = as_read(given, tables.ANNOTATIONS, tmp_path)
    signed = frame(
        tables.TARGETS,
        item=["q1", "q0", "q0"],
        annotator=[None, "bob", "ann"],
        distribution=[[0, 1], [0, 1], [1, 0]],
        weight=1.0,
        kept=[True, False, True],
        reason="",
    )
    found = judged(given, as_read(signed, tables.TARGETS, tmp_path), items)
    assert found["verdict"].tolist() == ["trusted", "dropped", "trusted"]
    voted = signed[:2].assign(annotator=None, kept=True)
    found = judged(given, as_read(voted, tables.TARGETS, tmp_path), items)
    assert found["verdict"].tolist() == ["relabelled", "trusted", "trusted"]
    assert found["right"].tolist() == [False, False, False]


def test_free_text_is_compared_as_it_is_scored(tmp_path):
    items = frame(
        tables.ITEMS,
        item=FREE,
        task="span",
        split="train",
        prompt="?",
        options=[[]] * 6,
        answers=[["Bern", "the city of Bern"]] * 6,
    )
    items = as_read(items, tables.ITEMS, tmp_path)
    given = frame(
        tables.ANNOTATIONS,
        item=FREE,
        text=["Rome", "Rome", "Rome", "Bern", "Bern", "Bern"],
        corrupted=[True] * 3 + [False] * 3,
    )
    learned = frame(
        tables.TARGETS,
        item=FREE,
        distribution=[[1.0]] * 6,
        weight=1.0,
        kept=[True] * 5 + [False],
        reason="",
        text=["the rome", "city of bern", "Oslo", "bern.", "City of Bern", "Bern"],
    )
    said = view(tmp_path, item=FREE, text=[None, "Bern", "Rome", "BERN", "Oslo", "a bern"])
    found = judged(
        as_read(given, tables.ANNOTATIONS, tmp_path),
        as_read(learned, tables.TARGETS, tmp_path),
        items,
        hard_items(said, items),
    )
    assert found["verdict"].tolist() == [
        "trusted", "relabelled", "relabelled", "trusted", "relabelled", "dropped",
    ]  # fmt: skip
    assert found["right"].tolist() == [False, True, False, True, True, pd.NA]
    assert found["hard"].tolist() == [True, False, True, False, True, False]


def test_the_hard_items_are_those_that_the_view_answers_wrong_or_not_at_all(items, tmp_path):
    scored = view(tmp_path, item=["test", *FREE[:3]], answer=[1, 0, 1, None])
    assert hard_items(scored, items).to_dict() == {
        "q0": False, "q1": True, "q2": True, "test": True,
    }  # fmt: skip
    read = view(tmp_path, item=FREE[:3], answer=[0, 1, None])
    assert hard_items(read, items).tolist() == [False, True, True]
    no_gold = items.assign(gold=pd.array([0, *[None] * 6], "Int64"))
    assert hard_items(scored, no_gold).to_dict() == {"q0": False}


@hypothesis_settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["trusted", "relabelled", "dropped"]),
                  st.integers(0, 5)),
        min_size=1, max_size=30,
    )
)  # fmt: skip
def test_flagged_labels_are_counted_once(rows):
    found = pd.DataFrame(rows, columns=["corrupted", "verdict", "suspicion"]).assign(
        suspicion=lambda frame: frame["suspicion"].astype(float), weight=1.0, nll=np.nan,
        right=pd.array([True] * len(rows), "boolean"), hard=False,
    )  # fmt: skip
    measured = measures(found)
    flagged = (found["verdict"] != "trusted").sum()
    if not measured:
        assert found["verdict"].eq("dropped").all()
        return
    precision, recall, lost = (
        measured[name] for name in ("detection-precision", "detection-recall", "lost-correct")
    )
    assert precision.n == flagged
    assert recall.n + lost.n == len(found)
    hits = (precision.value or 0) * precision.n
    assert hits == pytest.approx((recall.value or 0) * recall.n)
    assert flagged - hits == pytest.approx((lost.value or 0) * lost.n)
    pairs = [
        (a > b) + (a == b) / 2
        for a in found.loc[found["corrupted"], "suspicion"]
        for b in found.loc[~found["corrupted"], "suspicion"]
    ]
    auc = measured["detection-auc"].value
    assert auc == (pytest.approx(np.mean(pairs)) if pairs else None)
