import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from annobench.data import msp_podcast
from annobench.data.msp_podcast import Settings
from annobench.errors import AnnobenchError

CORPUS = Path(__file__).with_name("podcast")


@pytest.fixture
def corpus(tmp_path):
    return shutil.copytree(CORPUS, tmp_path / "corpus")


def items(folder, **sizes):
    found = msp_podcast.items("mine", Settings(folder=str(folder), **sizes))
    return found.set_index("item")


def test_workers_labels_are_read_and_the_partition_is_kept():
    found = items(CORPUS)
    assert found["split"].value_counts().to_dict() == {"train": 10, "validation": 3, "test": 6}
    item = found.loc["MSP-PODCAST_0001_0004"]
    # Surprise, Fear, Disgust, Surprise, and one who said Other-Curious
    assert [item["options"][label] for label in item["labels"]] == [
        "surprise", "fear", "disgust", "surprise"
    ]  # fmt: skip
    assert item["annotators"] == [f"WORKER{n:08d}" for n in (9, 10, 0, 1)]
    assert item["options"][int(item["gold"])] == "surprise"
    assert item["distribution"] == [0, 0, 0, 0.5, 0.25, 0.25, 0, 0]
    assert item["prompt"].endswith("\nWords: she never called back, number 3.")


def test_a_second_label_by_one_worker_is_left_out(corpus):
    text = (corpus / "Labels/labels.txt").read_text().replace("WORKER00000010;", "WORKER00000009;")
    (corpus / "Labels/labels.txt").write_text(text)
    item = items(corpus).loc["MSP-PODCAST_0001_0004"]
    assert item["annotators"] == [f"WORKER{n:08d}" for n in (9, 0, 1)]


def test_segments_without_words_or_labels_are_left_out(corpus):
    (corpus / "Transcripts/MSP-PODCAST_0001_0004.txt").write_text(" \n")
    (corpus / "Transcripts/MSP-PODCAST_0001_0005.txt").unlink()
    other = "MSP-PODCAST_0001_0001.wav; O; A:4; V:4; D:4;\nWORKER00000325; Other; Amused; A:4;\n"
    rest = (corpus / "Labels/labels.txt").read_text().partition("MSP-PODCAST_0001_0002.wav")
    (corpus / "Labels/labels.txt").write_text(other + "".join(rest[1:]))
    gone = {f"MSP-PODCAST_0001_000{n}" for n in (1, 4, 5)}
    assert set(items(CORPUS).index) - set(items(corpus).index) == gone


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("", "found no such folder"),
        ("Transcripts", "found no Transcripts"),
        ("Labels/labels.txt", "found no Labels/labels.txt"),
        ("Labels/labels_consensus.csv", "found no Labels/labels_consensus.csv"),
    ],
)
def test_what_is_missing_is_named_with_where_the_corpus_comes_from(missing, said, corpus):
    path = corpus / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(AnnobenchError) as caught:
        items(corpus)
    assert str(caught.value) == (
        f"datasets.mine.folder: {corpus}: {said}; allowed: a copy of MSP-Podcast, which the MSP lab"
        " of UT Dallas gives out under a licence"
    )


def test_another_table_of_splits_and_too_many_items(corpus):
    with pytest.raises(AnnobenchError, match="found 7 test items asked for; allowed: at most 6"):
        items(corpus, test=7)
    (corpus / "Labels/labels_consensus.csv").write_text("file,split\na,b\n")
    with pytest.raises(
        AnnobenchError, match="found columns file, split; allowed: those of the cor"
    ):
        items(corpus)


def test_the_folder_must_be_named_and_is_watched():
    with pytest.raises(ValidationError, match="folder"):
        Settings()
    labels = CORPUS / "Labels"
    expected = (str(labels / "labels.txt"), str(labels / "labels_consensus.csv"))
    assert Settings(folder=str(CORPUS)).files == expected
    assert Settings(folder="absent").files == ()
    assert msp_podcast.size(Settings(folder="corpus")) is None
    sizes = {"train": 3, "validation": 0, "test": 2}
    assert msp_podcast.size(Settings(folder="corpus", **sizes)) == sizes
