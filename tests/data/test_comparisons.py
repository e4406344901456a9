from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from annobench import pairs, tables
from annobench.data import comparisons
from annobench.errors import AnnobenchError
from annobench.noise import observed
from annobench.stages.prepare import prepare

HERE = Path(__file__).parent
FILES = {
    "path": str(HERE / "comparisons.csv"),
    "responses": str(HERE / "responses.csv"),
}


def items(tmp_path, **keys):
    settings = comparisons.Settings(**(FILES | keys))
    found = prepare("mine", "comparisons", settings)
    pairs.refuse("mine", found, settings.control)
    tables.write(tmp_path / "items.parquet", found, tables.ITEMS)
    return tables.read(tmp_path / "items.parquet", tables.ITEMS).set_index("item")


def test_each_pair_is_an_item_whatever_its_order_of_display(tmp_path):
    found = items(tmp_path)
    assert found.index.tolist() == [
        "r1 / r2",
        "r3 / r4",
        "r5 / r6",
        "r7 / r8",
        "r9 / r10",
        "r11 / r12",
        "r1 / r13",
    ]
    one = found.loc["r1 / r2"]
    assert one["prompt"] == "Which city is the largest of Japan?"
    assert list(one["options"]) == ["Tokyo", "Kyoto"]
    assert list(one["sources"]) == ["large", "small"]
    assert list(one["scores"]) == [2, -1]
    assert list(one["annotators"]) == ["ann", "bob", "cleo"]
    assert list(one["labels"]) == [0, 1, 0]
    assert list(one["firsts"]) == [0, 1, 1]
    assert found["task"].unique().tolist() == ["mine"]


def test_gold_follows_the_scores_and_no_choice_is_an_opinion(tmp_path):
    found = items(tmp_path)
    assert found["gold"].astype(object).where(found["gold"].notna(), None).tolist() == [
        *[0, 0, None, 1, 0, 0, 0]
    ]
    assert found["distribution"].isna().all()


def test_without_scores_there_is_no_gold(tmp_path):
    bare = tmp_path / "bare.csv"
    pd.read_csv(FILES["responses"]).drop(columns="score").to_csv(bare, index=False)
    found = items(tmp_path, responses=str(bare))
    assert found["gold"].isna().all()
    assert found["scores"].isna().all()


def test_no_prompt_is_in_two_splits(tmp_path):
    found = items(tmp_path, test=2, validation=1)
    assert found.groupby("prompt")["split"].nunique().max() == 1
    prompts = found.groupby("split")["prompt"].nunique()
    assert prompts.to_dict() == {"train": 3, "validation": 1, "test": 2}
    assert items(tmp_path)["split"].value_counts()["test"] >= 1


def test_the_other_model_may_be_named_the_stronger(tmp_path):
    found = items(tmp_path, stronger="small")
    assert found.index[0] == "r2 / r1"
    assert list(found["sources"].iloc[0]) == ["small", "large"]
    assert list(found["labels"].iloc[0]) == [1, 0, 1]
    assert list(found["firsts"].iloc[0]) == [1, 0, 0]
    assert found["gold"].iloc[0] == 1


def test_users_choices_are_observed_with_what_stood_first(tmp_path):
    found = items(tmp_path).reset_index()
    annotations, truth = observed.annotate(found, None, observed.Settings(), None)
    assert truth.empty
    assert len(annotations) == 12
    three = annotations[annotations["item"] == "r1 / r2"]
    assert three["annotator"].tolist() == ["ann", "bob", "cleo"]
    assert three["label"].tolist() == [0, 1, 0]
    assert three["first"].tolist() == [0, 1, 1]


def test_an_unknown_order_of_display_stays_unknown(tmp_path):
    found = items(tmp_path, ordered=False)
    assert found["firsts"].isna().all()
    annotations, _ = observed.annotate(found.reset_index(), None, observed.Settings(), None)
    assert annotations["first"].isna().all()


def test_users_of_one_comparison_are_refused_or_left_out(tmp_path):
    more = tmp_path / "more.csv"
    more.write_text(Path(FILES["path"]).read_text() + "dan,r7,r8,second\n")
    with pytest.raises(AnnobenchError, match="line 14: found one comparison by user 'dan'"):
        items(tmp_path, path=str(more))
    found = items(tmp_path, path=str(more), at_least=2)
    assert list(found.loc["r7 / r8"]["annotators"]) == ["bob"]


def test_one_model_twice_is_for_the_control_only(tmp_path):
    twice = tmp_path / "twice.csv"
    twice.write_text(Path(FILES["responses"]).read_text().replace("small", "large"))
    with pytest.raises(AnnobenchError, match="found 12 bad of 12 rows") as caught:
        items(tmp_path, responses=str(twice))
    assert "line 2: found model 'large' on both sides" in str(caught.value)
    found = items(tmp_path, responses=str(twice), control=True)
    assert found["sources"].map(list).tolist() == [["large", "large"]] * 7


def test_trouble(tmp_path):
    with pytest.raises(AnnobenchError, match=r"comparisons\.csv: found no training items"):
        items(tmp_path, test=6)
    with pytest.raises(ValidationError):
        comparisons.Settings(path="own.csv")
    with pytest.raises(ValidationError):
        comparisons.Settings(**FILES, at_least=1)
    with pytest.raises(ValidationError):
        comparisons.Settings(**FILES, test=1.5)


def test_the_workflow_watches_both_files():
    assert comparisons.Settings(path="a/c.csv", responses="r.jsonl").files == ("a/c.csv", "r.jsonl")
