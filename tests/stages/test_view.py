"""What an untrained model says of the items of a study."""

import pytest

from annobench import tables
from annobench.models.asking import Asker
from annobench.models.settings import Full, Model, Views
from annobench.stages.view import view
from annobench.training.settings import Training


@pytest.fixture
def asker(saved):
    model = Model(source="path:tiny", tune=Full())
    views = Views(response_tokens=5, new_tokens=5)
    training = Training(precision="fp32", row_tokens=64)
    return Asker(saved("llama"), model, views, training, ("asked", "llama"))


def test_responses_are_of_test_items_only(asker, items, tmp_path):
    found = view("responses", asker, items, reflections=1)
    tables.write(tmp_path / "view.parquet", found, tables.VIEW)
    test = items[items["split"] == "test"]
    assert found["item"].tolist() == test["item"].tolist()
    assert found["text"].tolist() == [said.text for said in asker.responses(test)]
    assert found["text"].nunique() > 1
    assert found[["probabilities", "answer", "said", "nll"]].isna().all(axis=None)


def test_no_test_items_have_no_responses(asker, items, tmp_path):
    found = view("responses", asker, items[items["split"] == "train"], reflections=1)
    tables.write(tmp_path / "view.parquet", found, tables.VIEW)
    assert found.empty


@pytest.mark.parametrize("name", ["base", "reasoning-generated"])
def test_the_other_views_are_of_all_items(asker, items, name):
    found = view(name, asker, items, reflections=1)
    assert found["item"].tolist() == items["item"].tolist()
    assert found["said"].notna().all() == name.endswith("generated")
