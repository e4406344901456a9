"""MSP-Podcast: the emotion of speech, from its transcript (Lotfian and Busso 2019, IEEE TAC 10(4)).

The corpus is given out under a licence by the MSP lab of UT Dallas, so a study names the folder of
its own copy: `Labels/labels.txt` with each worker's labels, `Labels/labels_consensus.csv` with the
split of each segment, and `Transcripts/`, a text file for each. The official partition is kept:
Train, Development as validation and Test1 as test; Test2 and Test3 are left out. Only the words are
shown, though people heard the voice.

A worker's label is the primary emotion; "Other", in any words, is left out, as is a second label of
a segment by one worker. Segments without a label or without words in their transcript are left out.
No test has read the corpus, only files made by hand in its form.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from annobench import people
from annobench.errors import AnnobenchError, one_line
from annobench.settings import UserPath

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

EMOTIONS = {
    "Angry": "anger",
    "Sad": "sadness",
    "Happy": "happiness",
    "Surprise": "surprise",
    "Fear": "fear",
    "Disgust": "disgust",
    "Contempt": "contempt",
    "Neutral": "neutral",
}
"""The corpus's primary emotions, and our options."""
PARTITION = {"Train": "train", "Development": "validation", "Test1": "test"}
LABELS = "Labels/labels.txt"
CONSENSUS = "Labels/labels_consensus.csv"
LICENCE = "a copy of MSP-Podcast, which the MSP lab of UT Dallas gives out under a licence"


class Settings(people.Settings):
    folder: UserPath
    """Folder of your copy of the corpus, with Labels and Transcripts; the MSP lab of UT Dallas
    gives it out under a licence."""

    @property
    def files(self) -> tuple[str, ...]:
        """Those that are there; `items` says what is missing and where it comes from."""
        paths = [Path(self.folder) / name for name in (LABELS, CONSENSUS)]
        return tuple(str(path) for path in paths if path.is_file())


def size(settings: Settings) -> dict[str, int] | None:
    return people.stated(settings)


def items(name: str, settings: Settings, hub_root: Path | None = None) -> pd.DataFrame:
    """The table `tables.ITEMS`, one task, with people's labels; an item is named by its segment.

    Raises:
        AnnobenchError: the folder or a file of it is missing or cannot be read, or a split has too
            few items.
    """
    folder = Path(settings.folder)
    where = f"datasets.{name}.folder: {folder}"
    if not folder.is_dir():
        raise AnnobenchError(f"{where}: found no such folder; allowed: {LICENCE}")
    if not (folder / "Transcripts").is_dir():
        raise AnnobenchError(f"{where}: found no Transcripts; allowed: {LICENCE}")
    labels = _labels(_text(folder, LABELS, where))
    consensus = csv.DictReader(_text(folder, CONSENSUS, where).splitlines())
    splits: dict[str, list[people.Question]] = {split: [] for split in PARTITION.values()}
    for row in _rows(consensus, where):
        segment, part = row.get("FileName"), row.get("Split_Set")
        if segment is None or part is None:
            found = ", ".join(map(str, row))
            raise AnnobenchError(
                f"{where}: {CONSENSUS}: found columns {found}; allowed: those of "
                "the corpus, with FileName and Split_Set"
            )
        of_workers = labels.get(segment)
        if part in PARTITION and of_workers:
            words = _words(folder, Path(segment).stem, where)
            if words:
                splits[PARTITION[part]].append(_question(Path(segment).stem, words, of_workers))
    return people.items(name, settings, where, splits)


def _question(segment: str, words: str, labels: dict[str, int]) -> people.Question:
    return people.Question(
        item=segment,
        task="msp-podcast",
        prompt=f"Which emotion does the speaker of these words express?\nWords: {words}",
        options=list(EMOTIONS.values()),
        labels=list(labels.values()),
        annotators=list(labels),
    )


def _labels(text: str) -> dict[str, dict[str, int]]:
    """Segment -> worker -> option, from blocks of a line about the segment and one per worker:

    MSP-PODCAST_0001_0008.wav; N; A:2.8; V:4.2; D:3.0;
    WORKER00000325; Neutral; Neutral,Concerned; A:3.0; V:4.0; D:3.0;
    """
    primary = list(EMOTIONS)
    found: dict[str, dict[str, int]] = defaultdict(dict)
    segment = ""
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(";")]
        if parts[0].endswith(".wav"):
            segment = parts[0]
        elif len(parts) > 1 and parts[1] in EMOTIONS:
            found[segment].setdefault(parts[0], primary.index(parts[1]))
    return found


def _text(folder: Path, name: str, where: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise AnnobenchError(f"{where}: found no {name}; allowed: {LICENCE}") from error
    except UnicodeDecodeError as error:
        raise AnnobenchError(f"{where}: {name}: {one_line(error)}; allowed: UTF-8 text") from error


def _rows(consensus: csv.DictReader[str], where: str) -> Iterator[dict[str, str]]:
    try:
        yield from consensus
    except csv.Error as error:
        raise AnnobenchError(f"{where}: {CONSENSUS}: {one_line(error)}; allowed: CSV") from error


def _words(folder: Path, segment: str, where: str) -> str:
    name = f"Transcripts/{segment}.txt"
    return _text(folder, name, where).strip() if (folder / name).is_file() else ""
