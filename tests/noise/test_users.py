import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import beta

from annobench import seeds, tables
from annobench.errors import AnnobenchError
from annobench.noise import users
from annobench.noise.users import Settings

ALWAYS, NEVER = ({"kind": "bernoulli", "q": q} for q in (1.0, 0.0))
HALF = {"kind": "bernoulli", "q": 0.5}


def pairs(count, gaps=(1.0,), tasks=("t",)):
    """Items whose option 0 is better than option 1 by each gap in turn; those of gap 0 tie."""
    gap = np.resize(gaps, count)
    return pd.DataFrame(
        {
            "item": [f"q{number}" for number in range(count)],
            "task": np.resize(tasks, count),
            "split": "train",
            "prompt": "?",
            "options": [["one", "other"]] * count,
            "gold": pd.array([None if g == 0 else int(g < 0) for g in gap], "Int64"),
            "scores": [[g, 0.0] for g in gap],
        }
    )


def annotate(items, seed=0, **keys):
    found, truth = users.annotate(items, None, Settings(**keys), seeds.generator("test", seed))
    return found.merge(items[["item", "task", "gold"]], on="item"), truth


def close(found, expected, n):
    """Within four standard errors of a share."""
    return abs(found - expected) <= 4 * np.sqrt(expected * (1 - expected) / n)


def test_label_accuracy():
    eta = np.array([0.0, 0.5, 1.0, 0.0, 0.5])
    adversarial = np.array([False, False, False, True, True])
    attentive = np.array([0.6, 1.0])
    # attentive choices are right 0.8 of the time, coins 0.5 and their opposites 0.2
    found = users.label_accuracy(eta, attentive, adversarial)
    assert found.tolist() == pytest.approx([0.5, 0.65, 0.8, 0.2, 0.5])


def test_attentive_users_choose_the_gold_response():
    found, truth = annotate(pairs(40, gaps=(1, -1)), attentiveness=ALWAYS)
    assert (found["label"] == found["gold"]).all()
    assert truth["expertise"].tolist() == truth["accuracy"].tolist() == [1.0] * 200


def test_users_of_habit_position_choose_what_is_first():
    items = pairs(100)
    found, truth = annotate(items, attentiveness=NEVER, position=1.0, users=400)
    assert (found["label"] == found["first"]).all()
    assert close(found["first"].mean(), 0.5, len(found))
    assert truth["accuracy"].tolist() == [0.5] * 400
    found, _ = annotate(items, attentiveness=HALF, position=1.0)
    assert ((found["label"] == found["first"]) | (found["label"] == found["gold"])).all()


def test_adversarial_users_choose_the_opposite():
    found, truth = annotate(pairs(40, gaps=(1, -1)), attentiveness=NEVER, adversarial=1.0)
    assert (found["label"] != found["gold"]).all()
    assert truth["accuracy"].tolist() == [0.0] * 200


def test_careless_users_toss_a_coin():
    found, truth = annotate(pairs(100), attentiveness=NEVER, users=400)
    assert close(found["label"].mean(), 0.5, len(found))
    assert close((found["label"] == found["first"]).mean(), 0.5, len(found))
    assert truth["accuracy"].tolist() == [0.5] * 400


def test_habits_have_their_shares():
    keys = {"users": 4000, "comparisons": 16, "attentiveness": NEVER}
    found, _ = annotate(pairs(40), **keys, position=0.3, adversarial=0.2)
    of_user = found.groupby("annotator")
    position = of_user.apply(lambda rows: (rows["label"] == rows["first"]).all())
    adversarial = of_user.apply(lambda rows: (rows["label"] == 1).all())
    assert close(position.mean(), 0.3, 4000)
    assert close(adversarial.mean(), 0.2, 4000)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_bradley_terry_draws_from_the_scores(scale):
    gaps = (0.5, -1.0, 2.0)
    found, truth = annotate(
        pairs(60, gaps), attentiveness=ALWAYS, choice="bradley-terry", scale=scale,
        users=1000, comparisons=60,
    )  # fmt: skip
    place = found["item"].str[1:].astype(int) % 3
    for n, gap in enumerate(gaps):
        expected = 1 / (1 + np.exp(-scale * gap))
        assert close((found["label"][place == n] == 0).mean(), expected, 20_000)
    right = np.mean([1 / (1 + np.exp(-scale * abs(gap))) for gap in gaps])
    assert truth["accuracy"].tolist() == pytest.approx([right] * 1000)


@pytest.mark.parametrize("choice", ["gold", "bradley-terry"])
def test_choices_are_right_as_often_as_computed(choice):
    """By user and task, of users of every habit and of unequal attentiveness."""
    items = pairs(6000, gaps=(0.3, 1.0, -2.0, -0.7), tasks=("a", "b"))
    found, truth = annotate(
        items, users=12, comparisons=6000, choice=choice, position=0.3, adversarial=0.4,
        attentiveness={"kind": "beta", "a": 1, "b": 1},
    )  # fmt: skip
    right = (found["label"] == found["gold"]).groupby([found["annotator"], found["task"]]).mean()
    expected = truth.set_index(["annotator", "task"])["accuracy"]
    assert len(expected) == len(right) == 24
    for who, accuracy in expected.items():
        assert close(right[who], accuracy, 3000)
    assert expected.min() < 0.5 < expected.max()


def test_attentiveness_is_drawn_as_asked():
    items = pairs(4)
    _, truth = annotate(items, users=10_000, comparisons=2, attentiveness=HALF | {"q": 0.3})
    assert set(truth["expertise"]) == {0.0, 1.0}
    assert close(truth["expertise"].mean(), 0.3, 10_000)
    drawn = {"kind": "beta", "a": 2, "b": 3}
    _, truth = annotate(items, users=10_000, comparisons=2, attentiveness=drawn)
    for point in (0.2, 0.4, 0.7):
        assert close((truth["expertise"] < point).mean(), beta(2, 3).cdf(point), 10_000)


def test_another_q_changes_only_whom_it_makes_attentive():
    items = pairs(50)
    (few, before), (many, after) = (
        annotate(items, attentiveness=HALF | {"q": q}, position=0.3) for q in (0.3, 0.6)
    )
    assert (before["expertise"] <= after["expertise"]).all()
    assert (before["expertise"] < after["expertise"]).any()
    assert few[["item", "annotator", "first"]].equals(many[["item", "annotator", "first"]])
    same = before.set_index("annotator")["expertise"].eq(after.set_index("annotator")["expertise"])
    kept = few["annotator"].map(same)
    assert few["label"][kept].equals(many["label"][kept])


def test_more_users_leave_the_first_ones_as_they_were():
    items = pairs(50)
    few, many = (annotate(items, users=users, position=0.3)[0] for users in (100, 150))
    first = many[many["annotator"] < "a100"]
    assert len(few) == len(first) == 2000
    named = few["annotator"].str.replace("a", "a0")
    assert named.tolist() == first["annotator"].tolist()
    for column in ("item", "first", "label"):
        assert few[column].tolist() == first[column].tolist()


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    count=st.integers(2, 40),
    number=st.integers(1, 30),
    skew=st.sampled_from([0, 0.4, 1, 10]),
    choice=st.sampled_from(["gold", "bradley-terry"]),
    seed=st.integers(0, 2**32),
    data=st.data(),
)
def test_users_compare_different_items_evenly(count, number, skew, choice, seed, data):
    mean = data.draw(st.integers(2, count))
    items = pairs(count, tasks=("a", "b"))
    found, truth = annotate(
        items, seed, users=number, comparisons=mean, skew=skew, choice=choice, position=0.5
    )
    assert not found.duplicated(["item", "annotator"]).any()
    loads = found["annotator"].value_counts()
    assert loads.sum() == number * mean
    assert len(loads) == number
    assert loads.min() >= 2
    assert skew or set(loads) == {mean}
    uses = found["item"].value_counts().reindex(items["item"]).fillna(0)
    assert uses.max() - uses.min() <= 1
    assert found[["label", "first"]].isin([0, 1]).all(axis=None)
    assert truth["accuracy"].between(0, 1).all()
    assert len(truth) == 2 * number
    assert not truth.duplicated(["annotator", "task"]).any()


def test_items_that_tie_and_test_items_are_left_out():
    items = pairs(30, gaps=(1, 0, -1)).assign(split=["train"] * 24 + ["test"] * 6)
    found, _ = annotate(items, comparisons=16)
    assert found["gold"].notna().all()
    assert set(found["item"]) == set(items["item"][items["gold"].notna()][:16])
    with pytest.raises(AnnobenchError, match="comparisons: found 17; allowed: at most 16, the tra"):
        annotate(items, comparisons=17)


@pytest.mark.parametrize(
    ("hole", "keys", "said"),
    [
        ({"options": [["a", "b", "c"]] * 3}, {}, "item 'q0': found no two responses; allowed for"),
        ({"options": [[]] * 3}, {}, "item 'q0': found no two responses; allowed for noise of kind"),
        (
            {"scores": [[1.0, 0.0], None, [0.0, 1.0]]},
            {"choice": "bradley-terry"},
            "item 'q1': found no scores of its responses; allowed with `choice: bradley-terry`",
        ),
        (
            {"scores": [[1.0, 0.0], [0.0, 1.0], [0.0, np.nan]]},
            {"choice": "bradley-terry"},
            "item 'q2': found no scores",
        ),
    ],
)
def test_items_that_cannot_be_compared(hole, keys, said):
    with pytest.raises(AnnobenchError, match=re.escape(said)):
        annotate(pairs(3).assign(**hole), comparisons=2, **keys)


def test_scores_are_not_needed_to_choose_the_gold_response():
    found, _ = annotate(pairs(3).drop(columns="scores"), comparisons=2, attentiveness=ALWAYS)
    assert (found["label"] == found["gold"]).all()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"position": 0.6, "adversarial": 0.5}, "found 0.6 and 0.5; allowed: shares that sum to 1"),
        ({"comparisons": 1}, "comparisons"),
        ({"attentiveness": {"kind": "normal"}}, "bernoulli"),
        ({"attentiveness": {"kind": "bernoulli", "q": 1.2}}, "q"),
        ({"attentiveness": {"kind": "beta", "a": 0}}, "greater than 0"),
        ({"anonymous": True}, "anonymous"),
    ],
)
def test_settings_that_are_refused(keys, said):
    with pytest.raises(ValidationError, match=said):
        Settings(**keys)


def test_it_says_what_it_needs():
    settings = Settings(attentiveness={"kind": "beta", "a": 2, "b": 2}, skew=1)
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert users.PAIRS
    assert users.has_annotator_ids(settings)
    assert users.has_truth(settings)
    assert users.judge(settings) is None


def test_tables_from_files_give_the_same_tables(tmp_path):
    items = pairs(30)
    tables.write(tmp_path / "items.parquet", tables.frame(items.to_dict("records"), tables.ITEMS),
                 tables.ITEMS)  # fmt: skip
    read = tables.read(tmp_path / "items.parquet", tables.ITEMS)
    settings = Settings(choice="bradley-terry")
    one, other = (
        users.annotate(frame, None, settings, seeds.generator("test")) for frame in (items, read)
    )
    for name, first, second in zip(("annotations", "truth"), one, other, strict=True):
        schema = {"annotations": tables.ANNOTATIONS, "truth": tables.TRUTH}[name]
        pd.testing.assert_frame_equal(first, second)
        tables.write(tmp_path / f"{name}.parquet", first, schema)
    different = users.annotate(items, None, settings, seeds.generator("test", 1))
    assert not one[0]["label"].equals(different[0]["label"])


def test_many_users_are_no_trouble():
    found, truth = annotate(pairs(2000), users=20_000, comparisons=20, skew=0.5)
    assert len(found) == 400_000
    assert len(truth) == 20_000
