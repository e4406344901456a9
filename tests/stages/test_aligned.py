"""Cells that learn from preferences."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from annobench import preferences
from annobench.errors import AnnobenchError
from annobench.methods import Given
from annobench.models.rewarding import rewards
from annobench.models.saving import save_model
from annobench.models.settings import Full, Lora, TopLayers
from annobench.registry import component, kinds
from annobench.stages import aligned
from annobench.stages.record import record
from annobench.stages.train import run
from annobench.stages.view import view
from annobench.training import trl_dpo

USERS = ["ann", "bob", "cat", "dan"]
TUNES = [Full(), Lora(rank=2, dropout=0.3), TopLayers(layers=2)]


@pytest.fixture
def items(items):
    """Pairs of responses, of which the stronger model's is mostly the better one."""
    number = np.arange(len(items))
    return items.assign(
        prompt=[f"{prompt} {'one ' * (at % 3)}" for at, prompt in enumerate(items["prompt"])],
        options=[["the red ball", "door"] if at % 2 else ["dark green", "box ."] for at in number],
        gold=pd.array((number % 9 == 1).astype(int), dtype="Int64"),
        answers=[["red"]] * len(items),
        sources=[["strong", "weak"]] * len(items),
        scores=[[1.0, 0.0]] * len(items),
    )


@pytest.fixture
def annotations(items):
    """Everyone compares every training pair, and only ann and bob look."""
    pairs = items[items["split"] == "train"]
    at = np.arange(len(pairs))
    labels = np.column_stack([pairs["gold"], pairs["gold"], at % 2, at // 2 % 2]).astype(int)
    return pd.DataFrame(
        {
            "item": pairs["item"].repeat(len(USERS)).to_numpy(),
            "label": labels.ravel(),
            "annotator": USERS * len(pairs),
            "first": None,
        }
    )


@pytest.fixture
def cell(job, items):
    """cell(kind, ...): a cell, with the responses of the model as it comes."""

    def make(kind="dpo", family="llama", tune=None, settings=None, **training):
        made = job(kind, family, tune, settings, **training)
        views = made.asker.views.model_copy(update={"response_tokens": 5})
        asker = replace(made.asker, views=views)
        shown = {"responses": view("responses", asker, items, reflections=1)}
        return replace(made, asker=asker, views=shown)

    return make


@pytest.mark.parametrize("by", ["trl", "packed"])
def test_a_model_that_does_not_move_stays_where_it_was(cell, saving, by):
    started = cell(settings={"by": by}, lr=1e-12)
    done = run(started, saving)
    assert np.abs(np.stack(done.predictions["rewards"])).max() < 1e-6
    test = done.predictions
    assert test["item"].tolist() == started.items.query("split == 'test'")["item"].tolist()
    before = started.views["responses"].set_index("item")["text"]
    assert test["text"].tolist() == before[test["item"]].tolist()
    assert test["win"].eq(0.5).all()
    assert np.abs(test["kl"]).max() < 1e-5
    assert done.history["loss"].to_numpy() == pytest.approx(np.log(2), abs=1e-5)


@pytest.mark.parametrize("tune", TUNES, ids=lambda tune: tune.kind)
def test_both_ways_of_training_agree(cell, saving, tune):
    found = []
    for by in ("trl", "packed"):
        done = run(cell(tune=tune, settings={"by": by, "beta": 0.5}, lr=2e-3), saving)
        saving.path.unlink()
        found.append(done)
    trl, packed = found
    assert trl.trained_parameters == packed.trained_parameters
    assert np.abs(np.stack(trl.predictions["rewards"])).max() > 0.05
    for name in ("rewards", "probabilities"):
        one, other = (np.stack(done.predictions[name]) for done in found)
        np.testing.assert_allclose(one, other, atol=1e-2)
    assert trl.history["loss"].tolist() == pytest.approx(packed.history["loss"].tolist(), abs=1e-3)


def test_rewards_are_the_log_ratio_to_the_start(cell, saving, tmp_path):
    """From the models themselves: text after text, before and after training."""
    from annobench.models.decoder import plain_scores
    from annobench.models.loading import load_model

    started = replace(cell(settings={"beta": 0.5}, lr=2e-3), export=True)
    done = run(started, saving)
    save_model(started.folder, started.model, done.parameters, tmp_path / "out")
    before, after = load_model(started.folder).eval(), load_model(tmp_path / "out").eval()
    tokens_of = {tokens.item: tokens for tokens in started.tokens}
    for item, implicit in zip(done.predictions["item"], done.predictions["rewards"], strict=True):
        tokens = tokens_of[item]
        assert tokens.options[0][-1] == 1  # the end of the text
        with torch.no_grad():
            ratio = plain_scores(after, tokens, "sum") - plain_scores(before, tokens, "sum")
        np.testing.assert_allclose(implicit, 0.5 * ratio, atol=1e-4)


def test_a_win_is_a_better_response_than_before(cell, saving):
    started = cell(settings={"by": "packed"}, lr=5e-3, epochs=4)
    found = {}
    for before in ("the red ball", "no"):
        known = started.views["responses"].assign(text=before)
        done = run(replace(started, views={"responses": known}), saving)
        saving.path.unlink()
        test = done.predictions
        right = test["text"].str.contains(r"\bred\b").to_numpy(float)
        found[before] = test["win"].tolist()
        assert found[before] == ((1 + right - (before != "no")) / 2).tolist()
    assert found["no"] != found["the red ball"]
    assert np.abs(test["kl"]).max() > 0.01


@pytest.fixture(scope="module")
def reward_model(saved, tokenizer, tmp_path_factory):
    """A random sequence classifier of one output."""
    from transformers import AutoConfig, LlamaForSequenceClassification

    config = AutoConfig.from_pretrained(saved("llama"), num_labels=1)
    folder = tmp_path_factory.mktemp("reward")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_reward_model_judges_before_right_answers_do(cell, saving, reward_model):
    started = cell(settings={"by": "packed"}, lr=5e-3, epochs=4)
    known = started.views["responses"].assign(text="door")
    done = run(replace(started, views={"responses": known}, reward_model=reward_model), saving)
    test = done.predictions
    prompts = started.items.set_index("item")["prompt"][test["item"]].tolist()
    ours = rewards(reward_model, prompts, test["text"].tolist())
    before = rewards(reward_model, prompts, ["door"] * len(test))
    assert test["win"].tolist() == ((ours > before) + (ours == before) / 2).tolist()
    assert test["win"].nunique() > 1


def test_equal_responses_tie_however_they_are_padded(cell, saving, reward_model, monkeypatch):
    """Beside other texts, a text's reward may differ in its last digits."""
    nudges = iter([0, 1e-9])
    monkeypatch.setattr(aligned, "rewards", lambda *asked: rewards(*asked) + next(nudges))
    done = run(replace(cell(lr=1e-12), reward_model=reward_model), saving)
    assert done.predictions["win"].dropna().tolist() == [0.5] * 9


def test_without_right_answers_and_a_judge_nobody_wins(cell, items, saving):
    started = cell(lr=1e-12)
    done = run(replace(started, items=items.assign(answers=None)), saving)
    assert done.predictions["win"].isna().all()
    assert done.predictions["text"].notna().all()


def test_an_encoder_decoder_model_learns_in_packed_rows_only(cell, saving):
    with pytest.raises(AnnobenchError, match=r"encoder-decoder.*by: packed"):
        run(cell(family="t5"), saving)
    started = cell(family="t5", settings={"by": "packed"}, lr=2e-3)
    done = run(replace(started, annotations=started.annotations.assign(label=0)), saving)
    implicit = np.stack(done.predictions["rewards"])
    assert (implicit[:, 0] - implicit[:, 1]).mean() > 0.01
    assert done.predictions["kl"].notna().sum() == 9


def test_comparisons_of_a_pair_move_its_margin_their_way(cell, saving):
    for label in (0, 1):
        started = cell(settings={"beta": 0.5}, lr=1e-3)
        done = run(replace(started, annotations=started.annotations.assign(label=label)), saving)
        saving.path.unlink()
        implicit = np.stack(done.predictions["rewards"])
        margin = implicit[:, label] - implicit[:, 1 - label]
        assert margin.min() > 0


@pytest.mark.parametrize("kind", ["dpo-users", "dpo-smoothed", "users"])
def test_annotators_are_the_estimators_own(cell, saving, kind):
    started = cell(kind, lr=1e-4)
    done = run(started, saving)
    crowd = done.annotators.set_index("annotator")
    train = started.items[started.items["split"] == "train"]
    given = Given(train, started.annotations)
    wanted = preferences.estimated(given, component("methods", kind).Settings().users)
    assert crowd.index.tolist() == USERS
    for name, value in [
        ("expertise", wanted.attentiveness),
        ("low", wanted.low),
        ("high", wanted.high),
    ]:
        assert crowd[name].tolist() == value.tolist()
    assert crowd["annotations"].eq(18).all()
    assert crowd["expertise"].to_numpy().round(1).tolist() == [1, 1, 0, 0]


def test_users_are_estimated_without_training(cell, saving, read_all, tmp_path):
    summary = record(cell("users"), saving, {"method": {}}, tmp_path)
    assert summary["status"] == "ok", summary["reason"]
    assert json.loads((tmp_path / "run.json").read_text())["trained_parameters"] == 0
    frames = read_all(tmp_path)
    assert frames["history"].empty
    assert len(frames["annotators"]) == 4
    assert frames["predictions"]["rewards"].isna().all()
    kept = frames["targets"].groupby("annotator")["kept"].agg(["all", "any"])
    assert kept["all"].tolist() == kept["any"].tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    "kind", [k for k in kinds("methods") if component("methods", k).NEEDS.preferences]
)
def test_every_method_of_preferences_makes_the_whole_walk(cell, saving, read_all, tmp_path, kind):
    started = cell(kind)
    if started.method.NEEDS.truth:
        known = [1.0, 1.0, 0.0, 0.0]
        truth = pd.DataFrame({"annotator": USERS, "task": "all", "expertise": known})
        started = replace(started, truth=truth.assign(accuracy=known))
    summary = record(started, saving, {"method": kind}, tmp_path)
    assert summary["status"] == "ok", summary["reason"]
    frames = read_all(tmp_path)
    trains = started.method.NEEDS.training
    assert len(frames["predictions"]) == (9 if trains else 0)
    assert bool(len(frames["history"])) == trains
    assert set(frames["targets"]["weight"]) == {1.0}


def test_a_cell_is_recorded_whole(cell, saving, read_all, tmp_path):
    summary = record(cell("dpo-users"), saving, {"method": {}}, tmp_path)
    assert summary["status"] == "ok", summary["reason"]
    frames = read_all(tmp_path)
    assert frames["targets"]["kept"].sum() == 36
    assert frames["predictions"]["rewards"].map(len).eq(2).all()
    assert len(frames["history"]) == 9


def test_an_interrupted_cell_ends_as_an_uninterrupted_one(cell, saving, monkeypatch):
    whole = run(cell(lr=2e-3), replace(saving, seconds=1e9))
    chunks, calls = trl_dpo._chunks, []

    def stop(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return chunks(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(trl_dpo, "_chunks", stop)
        with pytest.raises(KeyboardInterrupt):
            run(cell(lr=2e-3), saving)
    resumed = run(cell(lr=2e-3), saving)
    pd.testing.assert_frame_equal(resumed.predictions, whole.predictions)
