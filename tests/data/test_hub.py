"""Where rows come from, how splits become ours, and what is said when they do not."""

import shutil
from collections import Counter
from dataclasses import replace

import datasets
import pyarrow as pa
import pytest
from pydantic import ValidationError

from annobench import hub
from annobench.errors import AnnobenchError

SCHEMA = {"text": pa.string(), "label": pa.int64()}
COMMIT = "0" * 40
PLAIN = hub.Repository("ours/plain", "main", COMMIT)


def rows(split, count):
    return [{"text": f"{split} {n}", "label": n % 2} for n in range(count)]


def question(row):
    gold = row.choice("label", [0, 1])
    return hub.Question(row.name, f"task-{gold}", row.text("text"), ["no", "yes"], gold)


@pytest.fixture
def root(tmp_path, write):
    splits = {"train": rows("train", 41), "test": rows("test", 6)}
    return write(tmp_path, "ours/plain", {"main": splits}, SCHEMA)


def items(root, repository=PLAIN, tasks=None, **sizes):
    return hub.items("mine", hub.Settings(**sizes), root, repository, question, tasks)


def origin(found, split):
    """The splits that items of a split of ours were taken from."""
    return set(found[found["split"] == split]["prompt"].str.split().str[0])


def test_train_and_test_are_whole_unless_a_size_is_given(root):
    found = items(root)
    assert Counter(found["split"]) == {"train": 41, "test": 6}
    assert set(found["prompt"]) == {row["text"] for row in rows("train", 41) + rows("test", 6)}
    assert origin(found, "test") == {"test"}
    assert list(found["item"]) != sorted(found["item"])
    named = found["item"].str.replace("-", " ")
    assert list(named) == list(found["prompt"])


def test_validation_is_a_tenth_of_train_where_there_is_none(root):
    found = items(root, validation=None)
    assert Counter(found["split"]) == {"train": 37, "validation": 4, "test": 6}
    assert origin(found, "validation") == {"train"}
    assert found["item"].is_unique


def test_a_carved_split_leaves_the_first_training_items_as_they_were(root):
    without, carved = (items(root, validation=v) for v in (0, None))
    train = [list(found[found["split"] == "train"]["item"]) for found in (without, carved)]
    assert train[0][:37] == train[1]


def test_the_own_validation_split_goes_before_a_carved_one(tmp_path, write):
    splits = {name: rows(name, 20) for name in ("train", "validation", "test")}
    found = items(write(tmp_path, "ours/plain", {"main": splits}, SCHEMA), validation=None)
    assert Counter(found["split"]) == {"train": 20, "validation": 20, "test": 20}
    assert origin(found, "validation") == {"validation"}


def test_all_splits_from_one(tmp_path, write):
    root = write(tmp_path, "ours/plain", {"main": {"test": rows("test", 41)}}, SCHEMA)
    found = items(root, replace(PLAIN, splits={"train": "test"}), validation=None)
    # 41 // 2 = 20 for test, 21 // 10 = 2 for validation
    assert Counter(found["split"]) == {"train": 19, "validation": 2, "test": 20}
    assert found["item"].is_unique


def test_a_carved_split_has_exactly_the_size_asked_for(tmp_path, write):
    one = write(tmp_path, "ours/plain", {"main": {"train": rows("train", 41)}}, SCHEMA)
    whole = replace(PLAIN, splits={"train": "train"})

    def split(name, **sizes):
        found = items(one, whole, **sizes)
        return list(found[found["split"] == name]["item"])

    order = split("train", test=0)
    assert split("test", test=30) == order[:-31:-1]
    assert split("train", test=30) == order[:11]
    assert split("test", test=12) == split("test", test=30)[:12]
    assert split("test") == split("test", test=20)
    assert split("validation", test=30, validation=5) == order[10:5:-1]
    assert split("train", test=30, validation=5) == order[:6]
    assert split("train", test=41) == []
    for sizes, said in [
        ({"test": 42}, "found 42 test items asked for; allowed: at most 41"),
        ({"test": 30, "train": 12}, "found 12 train items asked for; allowed: at most 11"),
    ]:
        with pytest.raises(AnnobenchError, match=said):
            items(one, whole, **sizes)


def test_a_carved_size_counts_items_of_the_tasks(tmp_path, write):
    one = write(tmp_path, "ours/plain", {"main": {"train": rows("train", 41)}}, SCHEMA)
    whole = replace(PLAIN, splits={"train": "train"})
    found = items(one, whole, tasks=["task-1"], test=7)
    assert set(found["task"]) == {"task-1"}
    assert Counter(found["split"]) == {"train": 13, "test": 7}
    every = items(one, whole, test=0)
    order = list(every[every["task"] == "task-1"]["item"])
    assert list(found[found["split"] == "test"]["item"]) == order[:-8:-1]


def test_splits_that_are_joined(root):
    joined = replace(
        PLAIN, splits={"train": "train+validation+test"}, stated={"train": 41, "test": 6}
    )
    found = items(root, joined, test=9)
    assert Counter(found["split"]) == {"train": 38, "test": 9}
    assert origin(found, "train") == {"train", "test"}
    assert found["item"].is_unique
    assert hub.size(hub.Settings(test=9), joined) == {"train": 38, "validation": 0, "test": 9}
    with pytest.raises(
        AnnobenchError, match=r"split 'a\+b', from which train is taken, is missing"
    ):
        items(root, replace(PLAIN, splits={"train": "a+b", "test": "test"}))


def test_sizes_are_known_before_anything_is_read():
    one = replace(PLAIN, splits={"train": "train"}, stated={"train": 41})
    for sizes, expected in [
        ({}, (21, 0, 20)),
        ({"validation": None}, (19, 2, 20)),
        ({"test": 30}, (11, 0, 30)),
        ({"test": 30, "validation": None, "train": 4}, (4, 1, 30)),
    ]:
        assert tuple(hub.size(hub.Settings(**sizes), one).values()) == expected


def test_a_repeated_question_is_in_one_carved_split_only(tmp_path, write):
    twice = rows("train", 30) * 2
    root = write(tmp_path, "ours/plain", {"main": {"train": twice}}, SCHEMA)
    found = items(root, replace(PLAIN, splits={"train": "train"}))
    assert Counter(found["split"]) == {"train": 15, "test": 15}
    assert found["prompt"].is_unique


def test_only_the_tasks_asked_for(root):
    found = items(root, tasks=["task-1"], train=20, test=3)
    assert set(found["task"]) == {"task-1"}
    assert Counter(found["split"]) == {"train": 20, "test": 3}
    every = items(root)
    kept = list(every[(every["task"] == "task-1") & (every["split"] == "train")]["item"])
    assert list(found[found["split"] == "train"]["item"]) == kept[:20]


def test_a_split_that_is_not_asked_for_need_not_be_there(tmp_path, write):
    root = write(tmp_path, "ours/plain", {"main": {"test": rows("test", 6)}}, SCHEMA)
    assert Counter(items(root, train=0)["split"]) == {"test": 6}
    assert items(root, train=0, test=0).empty


@pytest.mark.parametrize(
    ("held", "sizes", "said"),
    [
        ("test", {}, "split 'train', from which train is taken, is missing; found: test; allowed"),
        ("test", {"train": 0, "validation": 3}, "from which validation is taken, is missing"),
        ("train", {}, "split 'test', from which test is taken, is missing; found: train; allowed"),
    ],
)
def test_a_split_that_is_missing(tmp_path, write, held, sizes, said):
    root = write(tmp_path, "ours/plain", {"main": {held: rows(held, 30)}}, SCHEMA)
    with pytest.raises(AnnobenchError) as caught:
        items(root, **sizes)
    assert said in str(caught.value)
    assert "data set 'mine'" in str(caught.value)
    assert str(root / "datasets" / "ours" / "plain") in str(caught.value)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"train": 42}, "found 42 train items asked for; allowed: at most 41"),
        ({"test": 7}, "found 7 test items asked for; allowed: at most 6"),
        ({"validation": 42}, "found 42 validation items asked for; allowed: at most 41"),
        ({"validation": 4, "train": 38}, "found 38 train items asked for; allowed: at most 37"),
    ],
)
def test_more_items_than_there_are(root, sizes, said):
    with pytest.raises(AnnobenchError, match=said):
        items(root, **sizes)


def test_sizes_are_not_negative():
    with pytest.raises(ValidationError):
        hub.Settings(train=-1)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"text": "a"}, "row 3: column 'label' is missing; found: text"),
        ({"text": None, "label": 0}, "row 3: column 'text': found None; allowed: a text"),
        ({"text": "a", "label": 2}, "row 3: column 'label': found 2; allowed: one of 0, 1"),
        ({"text": "a", "label": True}, "column 'label': found True; allowed: one of 0, 1"),
        ({"text": "a", "label": "1"}, "column 'label': found '1'; allowed: one of 0, 1"),
    ],
)
def test_a_row_that_does_not_fit(values, said):
    with pytest.raises(AnnobenchError) as caught:
        question(hub.Row(values, "train-3", "data set 'mine': here: split 'train': row 3"))
    assert said in str(caught.value)


def test_readers_of_a_row():
    nested = {"choices": {"text": [" a", None], "label": "AB"}, "n": 3, "real": 3.0}
    nested |= {"counts": [1, 2, 3]}
    nested |= {"none": None, "nan": float("nan"), "answers": [{"text": " b "}, {"text": 1}]}
    row = hub.Row(nested, "train-3", "here")
    assert row.texts("choices.text", null="None") == ["a", "None"]
    assert row.number("n") == 3
    assert (row.real("n"), row.real("real"), row.real("none")) == (3.0, 3.0, None)
    first, second = row.parts("answers")
    assert first.text("text") == "b"
    assert first.name == "train-3"
    with pytest.raises(AnnobenchError, match="here: column 'answers': 1: column 'text': found 1"):
        second.text("text")
    assert row.numbers("counts", 3) == [1, 2, 3]
    for read, column, said in [
        (row.texts, "choices.text", "column 'choices.text': found .* a list of texts"),
        (row.texts, "choices.label", "column 'choices.label': found 'AB'; allowed: a list of text"),
        (row.texts, "choices.key", "column 'choices.key' is missing; found: choices, n, real, c"),
        (
            lambda column: row.numbers(column, 2),
            "counts",
            r"found \[1, 2, 3\]; allowed: a list of 2",
        ),
        (
            lambda column: row.numbers(column, 1),
            "choices.text",
            "allowed: a list of 1 whole number",
        ),
        (row.number, "real", "column 'real': found 3.0; allowed: a whole number"),
        (row.real, "nan", "column 'nan': found nan; allowed: a number"),
        (row.real, "choices", "column 'choices': found .*; allowed: a number"),
        (row.parts, "counts", "column 'counts': found .*; allowed: a list of rows"),
    ]:
        with pytest.raises(AnnobenchError, match=said):
            read(column)


def test_all_rows_in_their_own_order(root):
    joined = replace(PLAIN, splits={"train": "train+test"})
    found = [row.text("text") for row in hub.rows("mine", root, joined)]
    assert found == [row["text"] for row in rows("train", 41) + rows("test", 6)]
    with pytest.raises(AnnobenchError, match="split 'more' is missing; found: train, test"):
        list(hub.rows("mine", root, replace(PLAIN, splits={"train": "train+more"})))


def test_columns_of_another_schema(tmp_path, write):
    schema = {"sentence": pa.string(), "label": pa.int64()}
    splits = {split: [{"sentence": "a", "label": 1}] for split in ("train", "test")}
    root = write(tmp_path, "ours/plain", {"main": splits}, schema)
    with pytest.raises(AnnobenchError) as caught:
        items(root)
    assert "split 'train': row 0: column 'text' is missing; found: sentence, label" in str(
        caught.value
    )


def test_a_mirror_without_the_data_set(tmp_path):
    with pytest.raises(AnnobenchError, match=r"ours/plain.*found no such folder; allowed: a mirr"):
        items(tmp_path)


def test_a_mirror_without_the_config(root):
    with pytest.raises(AnnobenchError, match=r"cannot be loaded: .*'other' not found.*\['main'\]"):
        items(root, replace(PLAIN, config="other"))


def test_a_broken_file(root):
    path = root / "datasets/ours/plain/main/test-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(AnnobenchError, match=r"split 'test': cannot be loaded: .*[Pp]arquet"):
        items(root)


def test_a_file_that_changed_is_read_again(root, write):
    assert len(items(root)) == 47
    write(root, "ours/plain", {"main": {"train": rows("new", 5), "test": rows("test", 2)}}, SCHEMA)
    found = items(root)
    assert Counter(found["split"]) == {"train": 5, "test": 2}
    assert origin(found, "train") == {"new"}


def test_the_hub_out_of_reach():
    with pytest.raises(AnnobenchError) as caught:
        items(None)
    assert f"ours/plain@{COMMIT}: cannot be loaded: Couldn't reach" in str(caught.value)


@pytest.fixture
def cached(root, cache):
    """Our data set as if it had been loaded from the Hub before, at COMMIT."""
    builder = datasets.load_dataset_builder(str(root / "datasets/ours/plain"), "main")
    builder.download_and_prepare()
    folder = cache / "ours___plain"
    shutil.copytree(builder.cache_dir, folder / "main" / "0.0.0" / COMMIT)
    yield folder
    shutil.rmtree(folder)


def test_the_pinned_revision_is_read_from_the_cache(cached, root):
    assert items(None).equals(items(root))


def test_another_revision_in_the_cache_is_refused(cached):
    with pytest.raises(AnnobenchError) as caught:
        items(None, replace(PLAIN, revision="1" * 40))
    assert f"found revision {COMMIT} in the cache; allowed: {'1' * 40}" in str(caught.value)
