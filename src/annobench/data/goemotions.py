"""GoEmotions: the emotion of comments on Reddit (Demszky et al. 2020, arXiv 2005.00547).

Read from the config `raw`, where each row is one rater's opinion of one comment. The 27 emotions
become Ekman's six by the authors' own mapping; neutral is the seventh option. A rater gives a
comment one label: one who named emotions of several of our options, or none because the comment was
very unclear, counts as not having labelled it. Comments with fewer than three labels left are left
out. The config has one split; ours are shares of each entropy stratum, see `people`, and not those
of the config `simplified`. No test has read the data set's own rows, only rows made by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annobench import hub, people

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pandas as pd

REPOSITORY = hub.Repository(
    "google-research-datasets/go_emotions",
    config="raw",
    revision="add492243ff905527e67aeb8b80c082af02207c3",
    splits={"train": "train"},
    stated={"train": 211225},
)
EKMAN = {
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "joy": (
        "joy", "amusement", "approval", "excitement", "gratitude", "love", "optimism", "relief",
        "pride", "admiration", "desire", "caring",
    ),
    "sadness": ("sadness", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprise", "realization", "confusion", "curiosity"),
    "neutral": ("neutral",),
}  # fmt: skip
"""Our options, and the data set's emotions that each stands for."""
RATERS = 3


class Settings(people.Settings):
    pass


def size(settings: Settings) -> dict[str, int] | None:
    return people.stated(settings)


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS`, one task, with people's labels; see `people.items`."""
    where = f"data set {name!r}: {REPOSITORY.place(hub_root)}"
    questions = _questions(hub.rows(name, hub_root, REPOSITORY))
    return people.items(name, settings, where, people.share(name, questions))


def _questions(rows: Iterable[hub.Row]) -> Iterator[people.Question]:
    """Of comments with labels of enough raters, in order of their first row; a rater's first label
    of a comment counts."""
    text: dict[str, str] = {}
    label: dict[str, dict[str, int]] = {}
    for row in rows:
        comment = row.text("id")
        text.setdefault(comment, row.text("text"))
        chosen = _options(row)
        if len(chosen) == 1:
            rater = f"rater-{row.number('rater_id')}"
            label.setdefault(comment, {}).setdefault(rater, chosen[0])
    for comment, of_raters in label.items():
        if len(of_raters) >= RATERS:
            yield people.Question(
                item=comment,
                task="goemotions",
                prompt=f"Which emotion does this comment express?\nComment: {text[comment]}",
                options=list(EKMAN),
                labels=list(of_raters.values()),
                annotators=list(of_raters),
            )


def _options(row: hub.Row) -> list[int]:
    """Which of our options a rater named."""
    return [
        option
        for option, emotions in enumerate(EKMAN.values())
        if any(row.choice(emotion, (0, 1)) for emotion in emotions)
    ]
