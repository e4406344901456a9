"""People's own comparisons of the responses of two models, from files that they write themselves.

COMPARISONS has one row for each comparison: `user`, `first` and `second`, the responses in the
order in which they were shown, and `chosen`, which is "first" or "second". The responses are ids
of rows of RESPONSES, with its columns `response`, `prompt`, `model`, `text` and perhaps `score`.
Without RESPONSES they are the names of the models that wrote them, and a column `gap` may hold the
score of the first response less that of the second. Scores are on the scale of log-odds. Other
columns are left alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from annobench import own
from annobench.attentiveness import Choices
from annobench.errors import AnnobenchError
from annobench.registry import unknown

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

COLUMNS = ("user", "first", "second", "chosen")
RESPONSE_COLUMNS = ("response", "prompt", "model", "text")
SIDES = ("first", "second")


@dataclass(frozen=True)
class Comparisons:
    """C comparisons by U users, of responses by a stronger and a weaker model."""

    choices: Choices
    users: list[str]
    """[U] names, in the order of the file."""
    stronger: str
    weaker: str
    left_out: int
    """How many users had too few comparisons."""
    pair: Ints | None
    """[C, 2] rows of `responses`: the stronger model's and the other's; None without RESPONSES."""
    responses: pd.DataFrame | None
    """The columns of RESPONSES; `score`, if it is there, as numbers."""


@dataclass(frozen=True)
class _Shown:
    """C pairs as they were shown, whatever is wrong with them."""

    models: Sequence[str]
    writer: Ints
    """[C, 2] who wrote the first and the second response: positions in `models`, -1 for nobody."""
    gap: Reals | None
    """[C] score of the first less that of the second."""
    checks: list[own.Check]
    pair: Ints | None = None
    """[C, 2] rows of `responses`."""
    responses: pd.DataFrame | None = None


def read(
    path: Path,
    responses: Path | None = None,
    stronger: str | None = None,
    *,
    ordered: bool = True,
    at_least: int | None = None,
    control: bool = False,
) -> Comparisons:
    """Read COMPARISONS and, if given, RESPONSES.

    Args:
        stronger: the stronger model; by default the one that is chosen more often.
        ordered: whether `first` and `second` are the order of display.
        at_least: leave out users with fewer comparisons; by default who has but one is refused,
            since nothing is learned about a user from one choice.
        control: whether both responses may be by the same model.

    Raises:
        AnnobenchError: a file cannot be read or has bad rows (all are found at once, see
            `OwnTable.refuse`), there are not two models, the stronger one is unknown or cannot be
            told, or all comparisons are alike.
    """
    table = own.read(path, COLUMNS)
    shown = _of_models(table) if responses is None else _of_responses(table, responses)
    user, names = pd.factorize(table.frame["user"])
    counts = np.bincount(user + 1)[user + 1]  # the first is nobody's
    table.refuse(
        [
            *(table.empty(column) for column in COLUMNS),
            _unknown_choice(table),
            *shown.checks,
            *([] if control else [_one_model(table, shown)]),
            *([] if at_least else [_one_comparison(table, counts)]),
        ]
    )
    kept = counts >= (at_least or 1)
    if not kept.any():
        raise AnnobenchError(f"{path}: found no user with {at_least} comparisons; allowed: some")
    second = (table.frame["chosen"] == "second").to_numpy(bool)[kept]
    if ordered and second.min() == second.max():
        raise AnnobenchError(
            f"{path}: column 'chosen': found {SIDES[int(second[0])]!r} in all {len(second)} rows, "
            "which says that nobody looked, or that the columns are not in the order of display; "
            "allowed: both, or `ordered: false` (--unordered) where that order is not known"
        )
    who, user = np.unique(user[kept], return_inverse=True)
    writer = shown.writer[kept]
    best, other = _stronger(path, shown.models, writer, second, stronger, control)
    pair = None if shown.pair is None else shown.pair[kept]
    turned = _turned(writer, pair, best)  # the stronger model's response stood second
    return Comparisons(
        choices=Choices(
            user=user,
            stronger=second == turned,
            users=len(who),
            first=~turned if ordered else None,
            gap=None if shown.gap is None else np.where(turned, -1, 1) * shown.gap[kept],
        ),
        users=[str(name) for name in names[who]],
        stronger=shown.models[best],
        weaker=shown.models[other],
        left_out=len(names) - len(who),
        pair=None if pair is None else np.where(turned[:, None], pair[:, ::-1], pair),
        responses=shown.responses,
    )


def _of_models(table: own.OwnTable) -> _Shown:
    """Pairs that are named after who wrote them."""
    sides = pd.concat([table.frame[side] for side in SIDES], ignore_index=True)
    code, models = pd.factorize(sides)
    writer = code.reshape(2, -1).T
    gap, checks = _numbers(table, "gap")
    return _Shown([str(name) for name in models], writer, gap, checks)


def _of_responses(table: own.OwnTable, path: Path) -> _Shown:
    """Pairs of responses that are in a file of their own."""
    responses, score = _responses(path)
    ids, texts = pd.Index(responses["response"]), responses["text"].to_numpy()
    pair = np.stack([ids.get_indexer(pd.Index(table.frame[side])) for side in SIDES], axis=1)
    prompt = pd.factorize(responses["prompt"])[0][pair]
    code, models = pd.factorize(responses["model"])
    low, high = pair.min(axis=1), pair.max(axis=1)
    seen = pd.DataFrame({"user": pd.factorize(table.frame["user"])[0], "low": low, "high": high})

    def named(row: int) -> str:
        return " and ".join(own.quoted(table.frame[side][row]) for side in SIDES)

    def missing(row: int) -> str:
        found = [own.quoted(table.frame[side][row]) for side in np.array(SIDES)[pair[row] < 0]]
        return f"unknown response {', '.join(found)}; allowed: those of {path}"

    def same(row: int) -> str:
        found = own.quoted(table.frame["first"][row])
        return f"found response {found} on both sides; allowed: two different ones"

    def who(row: int) -> str:
        return own.quoted(table.frame["user"][row])

    checks: list[own.Check] = [
        (low < 0, missing),
        (low == high, same),
        (
            prompt[:, 0] != prompt[:, 1],
            lambda row: f"responses {named(row)} are to different prompts; allowed: the same one",
        ),
        (
            texts[pair[:, 0]] == texts[pair[:, 1]],
            lambda row: f"responses {named(row)} are the same text; allowed: different ones",
        ),
        (
            seen.duplicated().to_numpy(),
            lambda row: f"duplicate: a second comparison of {named(row)} by user {who(row)}",
        ),
    ]
    gap = None if score is None else score[pair[:, 0]] - score[pair[:, 1]]
    return _Shown([str(name) for name in models], code[pair], gap, checks, pair, responses)


def _responses(path: Path) -> tuple[pd.DataFrame, Reals | None]:
    """RESPONSES and their scores, if they have any."""
    table = own.read(path, RESPONSE_COLUMNS)
    ids = table.frame["response"]
    score, checks = _numbers(table, "score")
    table.refuse(
        [
            *(table.empty(column) for column in RESPONSE_COLUMNS),
            (
                ids.duplicated().to_numpy(),
                lambda row: f"duplicate response {own.quoted(ids[row])}",
            ),
            *checks,
        ]
    )
    found = table.frame[[*RESPONSE_COLUMNS]]
    return found if score is None else found.assign(score=score), score


def _numbers(table: own.OwnTable, column: str) -> tuple[Reals | None, list[own.Check]]:
    """A column of numbers, if it is there, and its rows that hold none."""
    if column not in table.frame:
        return None, []
    texts = table.frame[column]
    values = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64, na_value=np.nan)

    def say(row: int) -> str:
        found = "nothing" if pd.isna(texts[row]) else own.quoted(texts[row])
        return f"{column}: found {found}; allowed: a number"

    return values, [(~np.isfinite(values), say)]


def _unknown_choice(table: own.OwnTable) -> own.Check:
    chosen = table.frame["chosen"]
    return (
        ~chosen.isin(SIDES).to_numpy(),
        lambda row: f"unknown choice {own.quoted(chosen[row])}; allowed: 'first', 'second'",
    )


def _one_model(table: own.OwnTable, shown: _Shown) -> own.Check:
    def say(row: int) -> str:
        name = own.quoted(shown.models[shown.writer[row, 0]])
        return (
            f"found model {name} on both sides, which says nothing of a user; allowed: two models, "
            "or `control: true` in a study"
        )

    return shown.writer[:, 0] == shown.writer[:, 1], say


def _one_comparison(table: own.OwnTable, counts: Ints) -> own.Check:
    """`counts` [C]: how many comparisons the row's user has."""

    def say(row: int) -> str:
        return (
            f"found one comparison by user {own.quoted(table.frame['user'][row])}; allowed: two or "
            "more, or `at_least: 2` (--at-least 2), which leaves such users out"
        )

    return counts == 1, say


def _stronger(
    path: Path,
    models: Sequence[str],
    writer: Ints,
    second: npt.NDArray[np.bool_],
    named: str | None,
    control: bool,
) -> tuple[int, int]:
    """The stronger and the weaker model, positions in `models`; twice the same one if only one
    model was compared with itself."""
    present = np.unique(writer).tolist()
    names = [models[one] for one in present]
    if len(present) != 2 and not (control and len(present) == 1):
        listed = ", ".join(map(own.quoted, names[: own.LISTED]))
        raise AnnobenchError(
            f"{path}: found responses of {len(names)} models, {listed}; allowed: two models"
        )
    if named is not None and named not in names:
        raise AnnobenchError(f"{path}: {unknown('the stronger model', named, names)}")
    if len(present) == 1:
        return present[0], present[0]
    picked = np.where(second, writer[:, 1], writer[:, 0])
    wins = [int((picked == one).sum()) for one in present]
    if 0 in wins and not control:
        raise AnnobenchError(
            f"{path}: found {names[int(np.argmax(wins))]!r} chosen in all {sum(wins)} comparisons, "
            "which tells no user from another; allowed: comparisons that went either way"
        )
    if named is None and wins[0] == wins[1]:
        raise AnnobenchError(
            f"{path}: found {names[0]!r} and {names[1]!r} chosen equally often, {wins[0]} times; "
            "allowed: one of them named as the stronger model"
        )
    best = int(np.argmax(wins)) if named is None else names.index(named)
    return present[best], present[1 - best]


def _turned(writer: Ints, pair: Ints | None, best: int) -> npt.NDArray[np.bool_]:
    """[C] whether the second response is the stronger model's; of two by the same model, whether
    it comes earlier in RESPONSES."""
    turned: npt.NDArray[np.bool_] = writer[:, 0] != best
    if pair is None:
        return turned
    return np.where(writer[:, 0] == writer[:, 1], pair[:, 0] > pair[:, 1], turned)
