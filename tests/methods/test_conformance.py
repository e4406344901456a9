"""What every method owes to the walk from annotations to a model (annobench/methods/__init__)."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from annobench import tables
from annobench.annotators import EVERYONE
from annobench.methods import VIEWS, Given, Needs
from annobench.questions import Question
from annobench.registry import component, kinds, module_name
from annobench.seeds import generator
from annobench.settings import Settings
from annobench.training.rows import rows_of

KINDS = kinds("methods")
TRAINED = [kind for kind in KINDS if component("methods", kind).NEEDS.training]
NEED_ANNOTATIONS = [kind for kind in KINDS if component("methods", kind).NEEDS.annotations]
UNSIGNED = [k for k in NEED_ANNOTATIONS if not component("methods", k).NEEDS.annotator_ids]
FREE_TEXT = [kind for kind in KINDS if not component("methods", kind).NEEDS.options]
ANSWERING = [kind for kind in KINDS if hasattr(component("methods", kind), "predictions")]
NAMES = ["ann", "bob", "cat", "dan"]


class Student:
    """A model that knows two thirds of the items, and guesses the rest and all other questions.

    What it answers depends on the whole question, and on nothing else.
    """

    def __init__(self, items):
        self.items = items.set_index("item", drop=False)

    def ask(self, questions, backend):
        rows = [self._said(question, backend) for question in questions]
        view = pd.DataFrame(rows, columns=tables.VIEW.names)
        return view.astype({"answer": "Int64", "nll": float})

    def fit(self, targets, epochs, name):
        assert targets["kept"].any()
        return self.ask(_questions(self.items, name), "score")[["item", "probabilities", "text"]]

    def expertise(self, method, settings, training):
        return pd.Series(generator("student", repr(settings)).random(len(NAMES)), NAMES)

    def _said(self, question, backend):
        item = self.items.loc[question.item]
        rng = generator("student", repr(question))
        knows = generator("student", question.item).random() < 2 / 3
        nll = float(rng.exponential())
        if not question.options:
            text = item["answers"][0] if knows else f"guess {rng.integers(3)}"
            return question.item, None, None, text, text, nll
        p = rng.dirichlet(np.ones(len(question.options)))
        if knows and list(question.options) == list(item["options"]):
            p = 0.2 * p + 0.8 * np.eye(len(p))[item["gold"]]
        if backend == "score":
            return question.item, p.tolist(), int(p.argmax()), None, None, nll
        answer = None if rng.random() < 0.2 else int(p.argmax())
        return question.item, None, answer, None, "so it is said", nll


def _questions(items, instruction):
    return [
        Question(item, prompt, tuple(options), instruction)
        for item, prompt, options in zip(
            items["item"], items["prompt"], items["options"], strict=True
        )
    ]


def _told(method, items, annotations, truth=None):
    """What the method asks for, and nothing else."""
    needs, student = method.NEEDS, Student(items)
    views = method.views(method.Settings()) if hasattr(method, "views") else ()
    vectors = generator("embeddings").normal(size=(len(items), 5))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shown = items if needs.gold else items.assign(gold=None, distribution=None, answers=None)
    return Given(
        shown[shown["split"] == "train"],
        annotations if needs.annotations else None,
        truth if needs.truth else None,
        unseen=shown[shown["split"] != "train"] if hasattr(method, "predictions") else None,
        views={
            name: student.ask(
                _questions(items, name), "generate" if name.endswith("generated") else "score"
            )
            for name in views
        },
        embeddings=pd.DataFrame(vectors, index=items["item"]) if needs.embeddings else None,
        model=student if needs.model else None,
    )


@pytest.fixture
def compares(request):
    """Whether the test's kind learns from comparisons."""
    kind = request.node.callspec.params.get("kind")
    return kind is not None and component("methods", kind).NEEDS.preferences


@pytest.fixture
def items(items, compares):
    """As everywhere, or pairs of responses, of which the stronger model's is mostly better."""
    if not compares:
        return items
    gold = pd.array([int(number % 9 == 1) for number in range(len(items))], dtype="Int64")
    return items.assign(
        options=items["options"].map(lambda options: options[:2]),
        gold=gold,
        sources=[["strong", "weak"]] * len(items),
        scores=[[0.5, 1.5] if better else [2.0, 1.0] for better in gold],
    )


@pytest.fixture
def annotations(annotations, items, compares):
    """As everywhere, or everyone compares each pair, and only ann and bob look."""
    if not compares:
        return annotations
    pairs = items[items["split"] == "train"]
    at = np.arange(len(pairs))
    labels = np.column_stack([pairs["gold"], pairs["gold"], at % 2, at // 2 % 2]).astype(int)
    return pd.DataFrame(
        {
            "item": pairs["item"].repeat(len(NAMES)).to_numpy(),
            "label": labels.ravel(),
            "annotator": NAMES * len(pairs),
            "first": generator("firsts").integers(0, 2, labels.size),
        }
    )


@pytest.fixture
def training_items(items):
    return items[items["split"] == "train"]


@pytest.fixture
def given(items, annotations):
    """given(method): what the method asks for, and nothing else."""
    truth = pd.DataFrame(
        {"annotator": NAMES, "task": "colour", "expertise": [0.9, 0.8, 0.2, 0.1], "accuracy": 0.5}
    )

    return lambda method: _told(method, items, annotations, truth)


@pytest.fixture
def ready(training_items, given):
    """ready(kind): method, settings, target rows, log p of each row, what is learned."""

    def make(kind):
        method = component("methods", kind)
        settings = method.Settings()
        told = given(method)
        targets = method.targets(told, settings)
        rows = rows_of(targets, training_items, told.annotators, told.tasks)
        generator = torch.Generator().manual_seed(0)
        scores = torch.randn(len(training_items), 4, generator=generator)
        width = torch.tensor(training_items["options"].map(len).to_numpy())
        scores = scores.masked_fill(torch.arange(4) >= width[:, None], -torch.inf)
        scores.requires_grad_(True)
        extra = method.parameters(told, settings)
        for value in extra.values():
            value.requires_grad_(True)
        return method, settings, targets, rows, scores, extra

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_it_needs_and_has_settings(kind):
    method = component("methods", kind)
    assert isinstance(method.NEEDS, Needs)
    assert method.NEEDS.annotations or not method.NEEDS.annotator_ids
    assert issubclass(method.Settings, Settings)
    assert method.__doc__
    method.Settings()
    with pytest.raises(ValidationError, match="no-such-key"):
        method.Settings(**{"no-such-key": 1})
    for name, field in method.Settings.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_imported_without_heavy_packages(kind):
    program = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        heavy = {{"torch", "pandas", "numpy", "transformers", "pyarrow", "scipy", "sklearn"}}
        if name.split(".")[0] in heavy:
            raise ImportError(f"{{name}} is imported")
sys.meta_path.insert(0, Block())
import {module_name("methods", kind)} as method
method.Settings(), method.NEEDS
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_targets_fit_their_table(kind, training_items, given, tmp_path):
    method = component("methods", kind)
    written = _written(method.targets(given(method), method.Settings()), tables.TARGETS, tmp_path)
    options = training_items.set_index("item")["options"].map(len)
    assert set(written["item"]) <= set(options.index)
    for target in written.itertuples():
        assert len(target.distribution) == options[target.item]
        assert np.sum(target.distribution) == pytest.approx(1)
        assert np.min(target.distribution) >= 0
    assert written["weight"].between(0, 1).all()
    assert written["reason"].str.len().gt(0).all()
    assert written["annotator"].dropna().isin(NAMES).all()
    keeps = method.NEEDS.training or kind == "users"  # which says what would be kept
    assert keeps == bool(written["kept"].any())


@pytest.mark.parametrize("kind", NEED_ANNOTATIONS)
def test_targets_do_not_change_what_they_are_made_from(kind, training_items, annotations, given):
    before = training_items.copy(deep=True), annotations.copy(deep=True)
    method = component("methods", kind)
    method.targets(given(method), method.Settings())
    pd.testing.assert_frame_equal(training_items, before[0])
    pd.testing.assert_frame_equal(annotations, before[1])


@pytest.mark.parametrize("kind", NEED_ANNOTATIONS)
def test_targets_do_not_depend_on_the_order_of_annotations(
    kind, training_items, annotations, given
):
    method = component("methods", kind)
    told = given(method)
    shuffled = replace(told, annotations=annotations.sample(frac=1, random_state=0))
    assert _sorted(method.targets(shuffled, method.Settings())) == _sorted(
        method.targets(told, method.Settings())
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_global_random_states_are_neither_read_nor_moved(kind, given):
    method = component("methods", kind)
    told, found = given(method), []
    for seed in (0, 1):
        np.random.seed(seed)
        torch.manual_seed(seed)
        states = np.random.get_state()[1].copy(), torch.get_rng_state()
        found.append(_sorted(method.targets(told, method.Settings())))
        if method.NEEDS.training:
            extra = method.parameters(told, method.Settings())
            found[-1] += [value.tolist() for value in extra.values()]
        assert np.array_equal(np.random.get_state()[1], states[0])
        assert torch.get_rng_state().equal(states[1])
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", UNSIGNED)
def test_labels_need_no_annotator(kind, given, annotations):
    method = component("methods", kind)
    unsigned = replace(given(method), annotations=annotations.assign(annotator=None))
    targets = method.targets(unsigned, method.Settings())
    assert targets["annotator"].isna().all()
    assert method.NEEDS.training == bool(targets["kept"].any())
    if method.NEEDS.training:
        extra = method.parameters(unsigned, method.Settings())
        found = method.expertise(unsigned, targets, extra, method.Settings())
        assert found is None or list(found.index) == [EVERYONE]


@pytest.mark.parametrize("kind", FREE_TEXT)
def test_free_text_is_learned_from(kind, items, tmp_path):
    """Every third label is wrong; an item of no options has a target of probability 1."""
    words = [f"answer {number}" for number in range(len(items))]
    bare = items.assign(options=[[]] * len(items), gold=None, answers=[[word] for word in words])
    wrong = np.arange(len(items)) % 3 == 2
    annotations = pd.DataFrame(
        {
            "item": items["item"],
            "label": None,
            "annotator": None,
            "text": np.where(wrong, "no", words),
        }
    )
    annotations = annotations[items["split"] == "train"]
    method = component("methods", kind)
    told = _told(method, bare, annotations)
    found = method.targets(told, method.Settings())
    written = _written(found, tables.TARGETS, tmp_path)
    assert [list(p) for p in written["distribution"]] == [[1]] * len(written)
    assert written.loc[written["kept"], "text"].str.len().gt(0).all()
    assert method.NEEDS.training == bool(written["kept"].any())
    if kind in ANSWERING:
        said = method.predictions(told, method.Settings())
        said = _written(said, tables.PREDICTIONS, tmp_path)
        assert said["item"].tolist() == told.unseen["item"].tolist()
        assert said["text"].str.len().gt(0).all()


@pytest.mark.parametrize("kind", ANSWERING)
def test_predictions_answer_what_is_asked(kind, given, tmp_path):
    method = component("methods", kind)
    told = given(method)
    said = _written(method.predictions(told, method.Settings()), tables.PREDICTIONS, tmp_path)
    assert not method.NEEDS.training
    assert said.empty or said["item"].tolist() == told.unseen["item"].tolist()
    assert said.empty == (kind == "users")
    for p, options in zip(said["probabilities"], told.unseen["options"], strict=not said.empty):
        assert len(p) == len(options)
        assert np.sum(p) == pytest.approx(1)
        assert np.min(p) >= 0


@pytest.mark.parametrize("kind", KINDS)
def test_views_are_known_ones(kind):
    method = component("methods", kind)
    if hasattr(method, "views"):
        assert set(method.views(method.Settings())) <= set(VIEWS)


def _written(frame, schema, folder):
    """The frame as a cell writes it and an evaluation reads it."""
    tables.write(folder / "table.parquet", frame, schema)
    return tables.read(folder / "table.parquet", schema)


def _sorted(targets):
    """Rows as plain values, in an order of their own."""
    columns = {
        name: column.map(tuple)
        if name == "distribution"
        else column.astype(object).where(column.notna(), "")
        for name, column in targets.items()
    }
    return sorted(pd.DataFrame(columns).itertuples(index=False, name=None), key=repr)


@pytest.mark.parametrize("kind", TRAINED)
def test_the_loss_is_one_finite_number_per_row_and_has_a_gradient(kind, ready):
    method, settings, _, rows, scores, extra = ready(kind)
    log_p = scores.log_softmax(-1)[rows.item]
    loss = method.loss(log_p, rows, extra, settings)
    assert loss.shape == rows.item.shape
    assert loss.isfinite().all()
    loss.sum().backward()
    assert scores.grad.isfinite().all()
    assert scores.grad[scores.isinf()].eq(0).all()
    assert scores.grad[rows.item].abs().sum(-1).gt(0).all()
    for name, value in extra.items():
        assert value.grad is not None, name
        assert value.grad.isfinite().all(), name
        assert value.grad.abs().sum() > 0, name


@pytest.mark.parametrize("kind", TRAINED)
def test_rows_do_not_see_one_another(kind, ready):
    """The loss of a row is the same in any batch, so batches may be split."""
    method, settings, _, rows, scores, extra = ready(kind)
    log_p = scores.log_softmax(-1)
    whole = method.loss(log_p[rows.item], rows, extra, settings)
    for numbers in np.array_split(rows.item.unique().numpy(), 3):
        part = rows.select(numbers)
        own = method.loss(log_p[torch.from_numpy(numbers)][part.item], part, extra, settings)
        chosen = torch.isin(rows.item, torch.from_numpy(numbers))
        torch.testing.assert_close(own, whole[chosen])


@pytest.mark.parametrize("kind", TRAINED)
def test_weights_are_shares_of_a_row(kind, ready):
    method, settings, _, rows, scores, extra = ready(kind)
    log_p = scores.detach().log_softmax(-1)[rows.item]
    detached = {name: value.detach() for name, value in extra.items()}
    weights = method.weights(log_p, rows, detached, settings)
    assert weights.shape == rows.item.shape
    assert ((weights >= 0) & (weights <= 1)).all()


@pytest.mark.parametrize("kind", TRAINED)
def test_expertise_is_one_number_per_annotator_in_sorted_order(kind, ready, given):
    method, settings, targets, _, _, extra = ready(kind)
    detached = {name: value.detach() for name, value in extra.items()}
    found = method.expertise(given(method), targets, detached, settings)
    if found is not None:
        if found.index.nlevels == 2:
            assert list(found.index) == [(name, "colour") for name in NAMES]
        else:
            assert list(found.index) in (NAMES, [EVERYONE])
        own = found.to_frame("expertise") if isinstance(found, pd.Series) else found
        assert set(own) in ({"expertise"}, {"expertise", "low", "high"})
        assert own.dtypes.eq(float).all()
        assert ((own >= -1) & (own <= 1)).all(axis=None)


@pytest.mark.parametrize("kind", TRAINED)
def test_expertise_in_several_tasks_is_told_by_annotator_or_by_both(kind, items, annotations):
    """Two tasks, and dan has labelled only the first."""
    training = items[items["split"] == "train"]
    first = set(training["item"][:9])
    items["task"] = np.where(items["item"].isin(first), "colour", "shape")
    labels = annotations[(annotations["annotator"] != "dan") | annotations["item"].isin(first)]
    pairs = [(name, task) for name in NAMES for task in ("colour", "shape")]
    truth = pd.DataFrame(pairs, columns=["annotator", "task"]).assign(expertise=0.7, accuracy=0.5)
    method = component("methods", kind)
    told = _told(method, items, labels, truth)
    settings = method.Settings()
    found = method.expertise(
        told, method.targets(told, settings), method.parameters(told, settings), settings
    )
    if found is None:
        return
    known = (pairs[:-1],) if found.index.nlevels == 2 else (NAMES, [EVERYONE])
    assert list(found.index) in known
    assert ((found >= -1) & (found <= 1)).all(axis=None)


@pytest.mark.parametrize("kind", TRAINED)
def test_the_rate_of_its_own_parameters_is_not_negative(kind):
    method = component("methods", kind)
    rates = [method.learning_rate(epoch, method.Settings()) for epoch in (0, 0.5, 1, 10)]
    assert all(isinstance(rate, float) and rate >= 0 for rate in rates)
