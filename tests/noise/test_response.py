from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from annobench import seeds, tables
from annobench.errors import AnnobenchError
from annobench.methods import Given
from annobench.noise import response
from annobench.noise.response import Settings
from annobench.registry import component
from annobench.stages.annotate import annotate
from annobench.training.rows import rows_of

RATES = (0.0, 0.3, 0.5, 0.7)
PLAIN = ("sft", "token-sft", "majority", "soft-labels", "label-smoothing",
         "generalised-cross-entropy", "symmetric-cross-entropy")  # fmt: skip


def drawn(items, rate, seed=0, dataset="d", name=None):
    """The annotations as a study with an entry of this name draws them."""
    entry = name or f"response-{rate}"
    return annotate(items, None, dataset, entry, "response", Settings(rate=rate), seed)[0]


def texts(rows):
    """Free-text training items of (type, accepted answers)."""
    return pd.DataFrame(
        {
            "item": [f"q{number}" for number in range(len(rows))],
            "task": [task for task, _ in rows],
            "split": "train",
            "prompt": "?",
            "options": [[] for _ in rows],
            "gold": pd.array([None] * len(rows), "Int64"),
            "answers": [answers for _, answers in rows],
        }
    )


@pytest.mark.parametrize(
    ("rate", "n", "count"),
    [(0.3, 10, 3), (0.7, 10, 7), (0.29, 100, 29), (0.57, 100, 57), (0.5, 7, 3), (0.999, 3, 2),
     (0.0, 5, 0), (1e-5, 10, 0)],
)  # fmt: skip
def test_the_count_is_exact_in_the_rate_as_it_is_written(rate, n, count, make_items):
    found = drawn(make_items([4] * n), rate)
    assert found["corrupted"].sum() == count
    assert len(found) == n


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    options=st.lists(st.integers(2, 6), min_size=1, max_size=40),
    thousandths=st.lists(st.integers(0, 999), min_size=2, max_size=4).map(sorted),
    seed=st.integers(0, 2**32),
)
def test_wrong_items_are_nested_and_wrong_in_the_same_way(options, thousandths, seed, make_items):
    items = make_items(options)
    before = None
    for mille in thousandths:
        found = drawn(items, mille / 1000, seed)
        wrong = found["label"] != items["gold"]
        assert found["item"].tolist() == items["item"].tolist()
        assert wrong.tolist() == found["corrupted"].tolist()
        assert wrong.sum() == len(options) * mille // 1000
        assert found["label"].between(0, np.array(options) - 1).all()
        if before is not None:
            mine, theirs = found[before["corrupted"]], before[before["corrupted"]]
            assert mine["corrupted"].all()
            assert mine["label"].tolist() == theirs["label"].tolist()
        before = found


def test_the_name_of_the_entry_does_not_matter_but_data_set_and_seed_do(make_items):
    items = make_items([5] * 50)
    one = drawn(items, 0.5)
    pd.testing.assert_frame_equal(one, drawn(items, 0.5, name="other"))
    for other in (drawn(items, 0.5, seed=1), drawn(items, 0.5, dataset="e")):
        assert other["corrupted"].tolist() != one["corrupted"].tolist()
        assert other["label"].tolist() != one["label"].tolist()


def test_wrong_labels_are_uniform_over_the_other_options(make_items):
    items = make_items([4] * 20_000, golds=[1, 3] * 10_000)
    found = drawn(items, 0.6).assign(gold=items["gold"])
    for gold in (1, 3):
        counts = found.loc[found["corrupted"] & (found["gold"] == gold), "label"].value_counts()
        assert sorted(counts.index) == sorted({0, 1, 2, 3} - {gold})
        # some 2,000 each of 6,000; standard deviation sqrt(6000 * 1/3 * 2/3) = 37
        assert (counts.sub(counts.sum() / 3).abs() < 4 * 37).all()


def test_every_item_is_equally_likely_to_be_wrong(make_items):
    items = make_items([2] * 10)
    hits = sum(drawn(items, 0.3, seed)["corrupted"].to_numpy(int) for seed in range(1_000))
    # 300 each; standard deviation sqrt(1000 * 0.3 * 0.7) = 14.5
    assert hits.sum() == 3_000
    assert (abs(hits - 300) < 4 * 14.5).all()


def test_only_training_items_with_a_gold_label_are_annotated(make_items):
    train = make_items([3, 3, 3, 3], golds=pd.array([0, None, 2, 1], "Int64"))
    test = make_items([3, 3], split="test").assign(item=["x", "y"])
    found = drawn(pd.concat([test, train]), 0.5)
    assert found["item"].tolist() == ["q0", "q2", "q3"]
    assert found["corrupted"].sum() == 1


def test_an_item_of_one_option_cannot_be_made_wrong(make_items):
    items = make_items([3, 1, 2, 2], tasks=("a",))
    with pytest.raises(
        AnnobenchError, match=r"^item 'q1': found no wrong answer .* allowed: two options or more$"
    ):
        drawn(items, 0.3)
    assert drawn(items, 0.2)["label"].tolist() == items["gold"].tolist()  # floor(0.8) = 0


ANSWERED = texts(
    [("number", ["3", "three"]), ("number", [" 3"]), ("number", ["4"]), ("number", ["Three", "3"]),
     ("span", ["Bern"]), ("span", ["bern ", "the city"]), ("span", ["Rome"])]
)  # fmt: skip


def test_a_wrong_text_is_that_of_another_item_of_the_type_and_is_not_accepted():
    """Three counts as right for q0 and q3 only."""
    wrong = Counter()
    for seed in range(300):
        found = drawn(ANSWERED, 0.99, seed)  # six of seven
        wrong.update(found.loc[found["corrupted"], ["item", "text"]].itertuples(index=False))
        kept = ~found["corrupted"]
        assert found["text"][kept].tolist() == ANSWERED["answers"].str[0][kept].tolist()
    assert set(wrong) == {("q0", "4"), ("q1", "4"), ("q1", "Three"), ("q2", "3"), ("q2", " 3"),
             ("q2", "Three"), ("q3", "4"), ("q4", "Rome"), ("q5", "Rome"), ("q6", "Bern"),
             ("q6", "bern ")}  # fmt: skip


def test_every_other_item_of_the_type_is_equally_likely_to_give_its_answer():
    items = texts([("number", [str(number % 4)]) for number in range(5_000)])
    found = drawn(items, 0.8)
    wrong = found[found["corrupted"] & (items["answers"].str[0] == "0")]["text"].value_counts()
    assert sorted(wrong.index) == ["1", "2", "3"]
    # some 333 each of 1,000; standard deviation sqrt(1000 * 1/3 * 2/3) = 15
    assert (wrong.sub(wrong.sum() / 3).abs() < 4 * 15).all()


def test_wrong_texts_are_nested_and_the_same_at_each_rate():
    items = texts([(f"type-{n % 2}", [str(n // 6), str(n)]) for n in range(40)])
    low, high = (drawn(items, rate).set_index("item") for rate in (0.3, 0.7))
    assert (low["corrupted"].sum(), high["corrupted"].sum()) == (12, 28)
    first = low.index[low["corrupted"]]
    assert high.loc[first, "corrupted"].all()
    assert high.loc[first, "text"].tolist() == low.loc[first, "text"].tolist()


def test_a_type_without_another_answer_is_an_error():
    items = texts([("number", ["3"]), ("number", ["4"]), ("date", ["May"]), ("date", ["may"])])
    with pytest.raises(
        AnnobenchError,
        match=r"^item 'q2': found no wrong answer .* allowed: another answer of type 'date'$",
    ):
        drawn(items, 0.3)
    assert not drawn(items, 0.2)["corrupted"].any()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("free_text", [False, True])
def test_the_tables_fit_their_schemas(rate, free_text, make_items, tmp_path):
    items = ANSWERED if free_text else make_items([2, 3, 4] * 4).assign(answers=None)
    tables.write(tmp_path / "items.parquet", items, tables.ITEMS)
    read = tables.read(tmp_path / "items.parquet", tables.ITEMS)
    before = read.copy(deep=True)
    found, truth = response.annotate(read, None, Settings(rate=rate), seeds.generator("test"))
    pd.testing.assert_frame_equal(read, before)
    assert truth.empty
    tables.write(tmp_path / "truth.parquet", truth, tables.TRUTH)
    tables.write(tmp_path / "a.parquet", found, tables.ANNOTATIONS)
    written = tables.read(tmp_path / "a.parquet", tables.ANNOTATIONS)
    assert written["corrupted"].dtype == bool
    assert written["annotator"].isna().all()
    assert written["label"].isna().all() == free_text
    assert written["text"].notna().all() == free_text
    again = response.annotate(items, None, Settings(rate=rate), seeds.generator("test"))[0]
    pd.testing.assert_frame_equal(found, again)


def test_it_knows_no_annotators_and_asks_no_model():
    settings = Settings(rate=0.3)
    assert not response.has_annotator_ids(settings)
    assert not response.has_truth(settings)
    assert response.judge(settings) is None


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1, float("nan"), "half", None])
def test_a_bad_rate_is_refused(rate):
    with pytest.raises(ValidationError, match="rate"):
        Settings(rate=rate)


@pytest.mark.parametrize("kind", PLAIN)
def test_a_method_that_asks_for_no_names_learns_from_it(kind, make_items, tmp_path):
    """Each target leans to the given label, and nothing is said of annotators."""
    items = make_items([2, 3, 4, 5] * 5, tasks=("a",))
    tables.write(tmp_path / "a.parquet", drawn(items, 0.3), tables.ANNOTATIONS)
    labels = tables.read(tmp_path / "a.parquet", tables.ANNOTATIONS)
    method = component("methods", kind)
    given, settings = Given(items, labels), method.Settings()
    targets = method.targets(given, settings)
    chosen = targets.set_index("item")["distribution"].map(np.argmax)
    assert chosen[labels["item"]].tolist() == labels["label"].tolist()
    tables.write(tmp_path / "t.parquet", targets, tables.TARGETS)
    rows = rows_of(
        tables.read(tmp_path / "t.parquet", tables.TARGETS), items, given.annotators, given.tasks
    )
    assert rows.annotator.eq(-1).all()
    parameters = method.parameters(given, settings)
    log_p = rows.distribution.clamp(min=0.01).log()
    assert method.loss(log_p, rows, parameters, settings).isfinite().all()
    assert method.expertise(given, targets, parameters, settings) is None
