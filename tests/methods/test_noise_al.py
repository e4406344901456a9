import numpy as np
import pandas as pd
import pytest

from annobench.methods import Given, noise_al

STRONG = {"a": 0.9, "b": 0.92, "c": 0.55, "d": 0.9, "e": 0.48}
WEAK = {"a": 0.9, "b": 0.92, "c": 0.55, "d": 0.1, "e": 0.45}
LABELS = {"a": 0, "b": 0, "c": 1, "d": 0, "e": 1}
"""a and b: both models say the label; c: both say another; d: they differ; e: both say it, barely.
The probabilities are of option 0 of two."""


@pytest.fixture
def told(view, one_each, answers):
    """told(relabelled, *fits): seen from the kept a and b, b is nearest to c and a to e."""
    items = pd.DataFrame(
        {
            "item": list("abcde"),
            "task": "any",
            "split": "train",
            "prompt": [f"{name} ?" for name in "abcde"],
            "options": [["yes", "no"]] * 5,
        }
    )
    angle = np.radians([0, 90, 80, 70, 10])
    vectors = pd.DataFrame(np.column_stack([np.cos(angle), np.sin(angle)]), index=list("abcde"))

    def make(said, *fits, strong=STRONG, labels=LABELS):
        p = [[strong[name], 1 - strong[name]] for name in "abcde"]
        base = view([int(row[1] > row[0]) for row in p], p, items=list("abcde"))
        model = answers(said, [_predictions(fit) for fit in fits])
        annotations = one_each(**labels)
        return Given(items, annotations, views={"base": base}, embeddings=vectors, model=model)

    return make


def _predictions(fit):
    return pd.DataFrame({"item": list(fit), "probabilities": [[p, 1 - p] for p in fit.values()]})


def test_kept_relabelled_and_dropped(told, view, written):
    given = told([view([0, 1], [[0.7, 0.3], [0.4, 0.6]])], WEAK)
    found = written(noise_al.targets(given, noise_al.Settings(k=1))).set_index("item")
    assert found["reason"].to_dict() == {
        "a": "both models sure",
        "b": "both models sure",
        "c": "relabelled",
        "d": "models disagree",
        "e": "relabelled",
    }
    assert found["kept"].to_dict() == {"a": True, "b": True, "c": True, "d": False, "e": True}
    assert [p.argmax() for p in found["distribution"]] == [0, 0, 0, 0, 1]
    m = [0.9, 0.92, 0.45, 0.9 * 0.9 + 0.1 * 0.1, 0.9 * 0.52 + 0.1 * 0.55]
    assert (1 - found["suspicion"]).tolist() == pytest.approx(m)


def test_the_relabelled_are_asked_after_kept_items(told, view):
    given = told([view([0, 1])], WEAK)
    noise_al.targets(given, noise_al.Settings(k=1))
    ((questions, backend),) = given.model.asked
    assert backend == "score"
    assert [q.item for q in questions] == ["c", "e"]
    shown = [[(example.prompt, example.answer) for example in q.examples] for q in questions]
    assert shown == [[("b ?", "yes")], [("a ?", "yes")]]


def test_the_weak_model_learns_every_label(told, view):
    given = told([view([0, 1])], WEAK)
    noise_al.targets(given, noise_al.Settings())
    ((targets, epochs, _),) = given.model.taught
    assert targets["kept"].all()
    assert [p.index(1) for p in targets["distribution"]] == list(LABELS.values())
    assert epochs == 1


def test_each_round_trains_longer_and_moves_the_confidence(told, view):
    """m = 0.5 (0.5 * 0.9 + 0.5 * 0.7) + 0.5 * 0.9 = 0.85 for a; the last weak model votes."""
    first = dict.fromkeys("abcde", 0.7)
    given = told([view([0, 1])], first, WEAK)
    found = noise_al.targets(given, noise_al.Settings(rounds=2, momentum=0.5))
    assert 1 - found["suspicion"][0] == pytest.approx(0.85)
    assert found["reason"][3] == "models disagree"
    assert [epochs for _, epochs, _ in given.model.taught] == [1, 2]
    assert len({name for _, _, name in given.model.taught}) == 2


def test_no_kept_label_to_relabel_after_says_so(told):
    """Both models say the other option of every item."""
    wrong = dict.fromkeys("abcde", 0.1)
    given = told([], wrong, strong=wrong, labels=dict.fromkeys("abcde", 0))
    with pytest.raises(ValueError, match="no labelled item to show as an example"):
        noise_al.targets(given, noise_al.Settings())


def test_nothing_is_asked_where_nothing_is_relabelled(told):
    sure = dict.fromkeys("abcde", 0.9)
    given = told([], sure, strong=sure, labels=dict.fromkeys("abcde", 0))
    assert noise_al.targets(given, noise_al.Settings())["kept"].all()
    assert given.model.asked == []
