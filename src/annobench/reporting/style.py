"""One look for all figures: sizes, one colour and marker per method, files without dates."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from matplotlib.figure import Figure

Width = Literal["column", "page"]
INCHES: dict[str, float] = {"column": 3.35, "page": 6.9}
"""One column and the full text width of a two-column paper."""

_PAPER: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "text.parse_math": False,  # a dollar sign in a user's text is one
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
}
SMALL = 7.0
"""Points of text inside a panel."""
GREY = "#5a5a5a"


class Look(NamedTuple):
    colour: str
    marker: str
    line: str = "-"


_KNOWN = {
    "realm": Look("#D55E00", "o"),
    "sft": Look("#5a5a5a", "s"),
    "majority": Look("#0072B2", "^"),
    "dawid-skene": Look("#009E73", "D"),
    "clean": Look("#CC79A7", "P"),
    "zero-shot": Look("#8a6d00", "X"),
    "token-sft": Look("#5a5a5a", "d", "--"),
    "soft-labels": Look("#0072B2", "v", "--"),
    "label-smoothing": Look("#56B4E9", "<", ":"),
    "generalised-cross-entropy": Look("#332288", ">", ":"),
    "symmetric-cross-entropy": Look("#AA4499", "h", ":"),
    "glad": Look("#44AA99", "H", "--"),
    "mace": Look("#117733", "*", "-."),
    "realm-signed": Look("#882255", "^", "--"),
    "realm-oracle": Look("#000000", "o", "--"),
    "realm-tasks": Look("#6699CC", "D", "-."),
    "realm-full": Look("#E69F00", "D", "-."),
    "realm-rank-one": Look("#CC6677", "v", "-."),
    "realm-shared": Look("#999933", "s", "-."),
    "realm-one": Look("#D55E00", "s", "--"),
    "robustft": Look("#0072B2", "o"),
    "robustft-no-selection": Look("#0072B2", "s", "--"),
    "robustft-no-checker": Look("#0072B2", "D", ":"),
    "robustft-no-reviewer": Look("#56B4E9", "s", "--"),
    "robustft-no-context": Look("#56B4E9", "D", ":"),
    "robustft-no-reasoning": Look("#56B4E9", "P", "-."),
    "self-label": Look("#009E73", "s"),
    "self-select": Look("#009E73", "^", "--"),
    "self-rag": Look("#AA4499", "o", ":"),
    "noise-al": Look("#E69F00", "s", "-"),
    "small-loss": Look("#882255", "s", ":"),
    "verbal-sft": Look("#009E73", "d", "--"),
    "hard-grpo": Look("#E69F00", "^", ":"),
    "jsd-grpo": Look("#E69F00", "o", "--"),
    "shala": Look("#AA3377", "o"),
    "shala-no-std": Look("#AA3377", "s", "--"),
    "shala-mixed": Look("#AA3377", "D", ":"),
    "shala-realm": Look("#332288", "o"),
    "dpo": Look("#5a5a5a", "p"),
    "dpo-users": Look("#D55E00", "p"),
    "dpo-smoothed": Look("#D55E00", "D", "--"),
    "dpo-items": Look("#0072B2", "p", "--"),
    "dpo-random": Look("#8a6d00", "p", ":"),
    "dpo-clean": Look("#CC79A7", "p"),
    "dpo-oracle": Look("#000000", "p", "--"),
}
"""Relatives have like colours, or the same colour with another marker and line."""
_COLOURS = ("#56B4E9", "#E69F00", "#000000", "#882255", "#44AA99", "#332288")
"""Of Okabe and Ito (2008) and Tol (2021), told apart by all common kinds of sight."""
_MARKERS = "v<>pd*h"
_LINES = ("-", "--", ":", "-.")


def looks(methods: Sequence[str]) -> dict[str, Look]:
    """Every method's look, the same in all figures of a study.

    The common methods always look the same; others take theirs in the order of the study.
    """
    others = (
        Look(
            _COLOURS[n % len(_COLOURS)],
            _MARKERS[n % len(_MARKERS)],
            _LINES[n // len(_COLOURS) % len(_LINES)],
        )
        for n in count()
    )
    return {method: _KNOWN.get(method) or next(others) for method in methods}


def paper() -> AbstractContextManager[None]:
    """Within it, figures are made and saved in this style."""
    import matplotlib

    settings: Any = dict(matplotlib.rcParamsDefault.items()) | _PAPER
    del settings["backend"]
    return matplotlib.rc_context(settings)


def save(path: Path, figure: Figure) -> None:
    """Write a PDF or PNG, by suffix. Equal figures give equal bytes: no dates, no version."""
    from annobench.files import replacing

    undated: dict[str, dict[str, str | None]] = {
        ".pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None},
        ".png": {"Software": None},
    }
    with paper(), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], metadata=undated[path.suffix])
