import os
from collections import Counter
from pathlib import Path

import pytest

from annobench.data import chaosnli
from annobench.data.chaosnli import Settings
from annobench.errors import AnnobenchError


def test_counts_become_labels(one):
    item = one(chaosnli).loc["snli-5"]
    assert item["options"] == ["entailment", "neutral", "contradiction"]
    assert item["task"] == "snli"
    assert item["labels"] == [0] * 95 + [1] * 2 + [2] * 3
    assert item["distribution"] == [0.95, 0.02, 0.03]
    assert item["gold"] == 0
    assert item["annotators"] is None
    assert item["prompt"].endswith("\nPremise: Premise snli 5.\nHypothesis: Hypothesis 5.")


def test_splits_are_shares(one):
    found = one(chaosnli)
    assert Counter(found["split"]) == {"train": 80, "validation": 10, "test": 10}
    assert set(found["task"]) == {"snli", "mnli"}
    assert chaosnli.size(Settings()) == {"train": 2491, "validation": 311, "test": 311}


def test_the_authors_own_files_are_the_same(one, tmp_path, rows):
    folder = tmp_path / "authors"
    rows.write_judged(folder)
    assert one(chaosnli, folder=str(folder)).equals(one(chaosnli))
    assert Settings(folder="a").files == ("a/chaosNLI_snli.jsonl", "a/chaosNLI_mnli_m.jsonl")
    assert Settings().files == ()


@pytest.mark.parametrize("text", [None, "{", '{"uid": "a", "label_count": [1, 2]}'])
def test_files_that_do_not_fit(text, tmp_path):
    if text is not None:
        (tmp_path / "chaosNLI_snli.jsonl").write_text(text)
    with pytest.raises(AnnobenchError) as caught:
        chaosnli.items("mine", Settings(folder=str(tmp_path)), None)
    said = "label_count" if text and "uid" in text else "found no readable chaosNLI_snli.jsonl"
    assert said in str(caught.value)
    assert "allowed" in str(caught.value)


@pytest.mark.skipif("ANNOBENCH_HUB_ROOT" not in os.environ, reason="ANNOBENCH_HUB_ROOT is not set")
def test_the_mirror():
    found = chaosnli.items("mine", Settings(), Path(os.environ["ANNOBENCH_HUB_ROOT"]))
    assert Counter(found["task"]) == {"snli": 1514, "mnli": 1599}
    assert found["labels"].map(len).eq(100).all()
