"""An exported model, loaded by plain transformers, answers as its cell did."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from annobench import tables
from annobench.errors import AnnobenchError
from annobench.models.settings import Full, TopLayers
from annobench.stages.export import export, predictions, read_kept
from annobench.stages.record import record

KEY = {"dataset": "colours", "noise": "own", "model": "m", "method": "realm", "seed": 0}


def metrics():
    """Of the cell, of its other seed, and of a cell that depends on neither noise nor seed."""
    row = KEY | {"metric": "accuracy", "status": "ok", "n": 9, "value": 0.75, "reason": None}
    others = [{"seed": 1, "value": 0.1}, {"noise": None, "seed": None, "value": 0.2}]
    frame = pd.DataFrame([row, *(row | other for other in others)])
    return frame.astype({"seed": "Int64", "noise": "str"})


@pytest.fixture
def exported(job, saving, tmp_path):
    """exported(job's arguments): the folder of an exported cell, and its predictions."""

    def make(*args, **kwargs):
        cell = replace(job(*args, lr=1e-2, **kwargs), export=True)
        summary = record(cell, saving, {"method": {"kind": "realm"}}, tmp_path / "cell")
        assert summary["status"] == "ok", summary["reason"]
        kept = read_kept(tmp_path / "cell", KEY, cell.items, metrics())
        export(kept, cell.folder, cell.model, tmp_path / "out")
        return tmp_path / "out", kept.predictions

    return make


def program_of(folder):
    """The card's program, and ask(prompt, answers): its probabilities with these put in."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]

    def ask(prompt, answers):
        asked = re.sub(r"^prompt = .*$", lambda _: f"prompt = {prompt!r}", program, flags=re.M)
        asked = re.sub(r"^answers = .*$", lambda _: f"answers = {answers!r}", asked, flags=re.M)
        space = {}
        exec(compile(asked, "README.md", "exec"), space)
        return space["probabilities"]

    return program, ask


@pytest.mark.parametrize(
    ("family", "tune", "asks"),
    [
        ("llama", Full(), {}),
        ("llama", TopLayers(layers=2), {"score": "mean"}),
        ("gpt2", TopLayers(layers=1), {"answer": "letter"}),
        ("gemma3_text", TopLayers(layers=2), {}),
        ("t5", Full(), {}),
        ("t5", Full(), {"answer": "letter"}),
    ],
    ids=str,
)
def test_the_program_of_the_card_answers_as_the_cell_did(
    exported, items, monkeypatch, family, tune, asks
):
    folder, found = exported("realm", family, tune, asks=asks)
    monkeypatch.chdir(folder)
    program, ask = program_of(folder)
    exec(compile(program, "README.md", "exec"), first := {})
    assert first["probabilities"] == pytest.approx(found["probabilities"][0].tolist(), abs=1e-4)
    for row in (1, 5, 20, 26):
        own, question = items["options"][row], items["prompt"][row]
        answers = own
        if asks.get("answer") == "letter":
            answers = list("ABCD"[: len(own)])
            lines = [f"{letter}. {option}" for letter, option in zip(answers, own, strict=True)]
            question = "\n".join([question, *lines])
        p = ask(f"Question: {question}\nAnswer:", answers)
        assert p == pytest.approx(found["probabilities"][row].tolist(), abs=1e-4)


def test_training_changed_the_exported_model_where_it_trains_and_nowhere_else(exported, build):
    from transformers import AutoModelForCausalLM

    folder, _ = exported("sft", tune=TopLayers(layers=1))
    before = dict(build("llama").named_parameters())
    after = dict(AutoModelForCausalLM.from_pretrained(folder).named_parameters())
    changed = {name for name in before if not before[name].equal(after[name])}
    assert changed == {n for n in before if n.startswith(("model.layers.2.", "model.norm."))}


def test_the_folder_is_complete_and_its_card_says_how_it_was_made(exported, items):
    folder, found = exported("realm")
    names = {path.name for path in folder.iterdir()}
    assert {"README.md", "predictions.csv", "annotators.csv", "config.json"} <= names
    assert {"model.safetensors", "tokenizer.json"} <= names
    text = (folder / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---")[1])
    assert front["tags"] == ["annobench", "realm"]
    assert "base_model" not in front  # a folder is no name on a hub
    assert "| accuracy | 0.7500 | 9 |" in text
    assert text.count("| accuracy |") == 1
    assert '"kind": "realm"' in text
    assert pd.read_csv(folder / "annotators.csv")["annotator"].tolist() == [
        "ann",
        "bob",
        "cat",
        "dan",
    ]
    rows = pd.read_csv(folder / "predictions.csv")
    assert rows["item"].tolist() == items["item"].tolist()
    for row in (0, 10, 26):
        p = found["probabilities"][row]
        assert rows["prediction"][row] == items["options"][row][int(np.argmax(p))]
        assert rows["gold"][row] == items["options"][row][items["gold"][row]]
        given = rows.filter(like="probability_").loc[row].dropna().tolist()
        assert given == pytest.approx(p.tolist())


def test_predictions_without_gold(items):
    two = items.iloc[:2].assign(gold=pd.array([None, 1], "Int64"), options=[["a", "b"]] * 2)
    found = pd.DataFrame({"item": two["item"], "probabilities": [np.array([0.4, 0.6])] * 2})
    frame = predictions(two, found)
    assert frame["gold"].isna().tolist() == [True, False]
    assert frame["prediction"].tolist() == ["b", "b"]


def test_the_measures_of_a_cell_without_noise_and_seed_are_its_own(job, saving, tmp_path):
    record(job("clean"), saving, {}, tmp_path / "cell")
    key = KEY | {"noise": None, "seed": None}
    found = read_kept(tmp_path / "cell", key, job("clean").items, metrics())
    assert found.metrics["value"].tolist() == [0.2]


def test_a_cell_that_is_not_exported_keeps_no_model(job, saving, tmp_path):
    record(job("sft"), saving, {}, tmp_path / "cell")
    kept = read_kept(tmp_path / "cell", KEY, job("sft").items, tables.empty(tables.METRICS))
    assert kept.parameters == {}
    with pytest.raises(AnnobenchError, match=r"trained parameters: .* only in the cell or only in"):
        export(kept, job("sft").folder, job("sft").model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_cell_that_failed_is_not_exported(job, saving, with_loss, at_call, tmp_path):
    cell = with_loss(job("sft"), at_call(1, ValueError("no")))
    record(cell, saving, {}, tmp_path / "cell")
    with pytest.raises(AnnobenchError, match=r"found a cell that is failed \(ValueError: no\)"):
        read_kept(tmp_path / "cell", KEY, cell.items, tables.empty(tables.METRICS))
