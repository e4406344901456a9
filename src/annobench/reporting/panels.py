"""The parts that figures share: a grid of panels, their titles, one legend above them."""

from collections.abc import Sequence
from math import ceil
from textwrap import fill
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from annobench.reporting.style import GREY, INCHES, SMALL, Look, Width

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_INCHES_PER_CHARACTER = 0.058
"""At 8 points."""
_LONGEST_TICK = 28


def grid(
    panels: int,
    per_row: int,
    width: Width,
    height: float,
    shared: bool = True,
    projection: str | None = None,
) -> tuple[Figure, list["Axes"]]:
    """A figure of `panels` equal panels, filled row by row.

    Args:
        height: of a row, in inches.
        shared: whether they share their axes.
        projection: of matplotlib, such as polar; rectilinear if absent.
    """
    across = max(1, min(panels, per_row, 2 if width == "column" else 4))
    down = max(1, ceil(panels / across))
    figure = Figure(figsize=(INCHES[width], down * height + 0.15), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.05, w_pad=0.04)  # type: ignore[union-attr, call-arg]
    axes = figure.subplots(
        down,
        across,
        squeeze=False,
        sharex=shared,
        sharey=shared,
        subplot_kw={"projection": projection},
    )
    flat = [axes[row][column] for row in range(down) for column in range(across)]
    for unused in flat[panels:]:
        unused.remove()
    for place, panel in enumerate(flat[:panels]):
        if place + across >= panels:  # nothing below it
            panel.xaxis.set_tick_params(labelbottom=True)
    return figure, flat[:panels]


def stacked(
    columns: int, rows: int, width: Width, height: float
) -> tuple[Figure, list[list["Axes"]]]:
    """A figure of `columns` columns of `rows` panels each, which share their axes; columns that do
    not fit side by side stand in blocks below each other.

    Args:
        height: of a panel, in inches.

    Returns:
        The figure, and each column's panels from top to bottom.
    """
    most = 2 if width == "column" else 4
    blocks = max(1, ceil(columns / most))
    across = ceil(columns / blocks)
    figure, flat = grid(blocks * rows * across, across, width, height)
    found = []
    for place in range(blocks * across):
        block, column = divmod(place, across)
        panels = [flat[(block * rows + row) * across + column] for row in range(rows)]
        if place < columns:
            panels[-1].xaxis.set_tick_params(labelbottom=True)
            found.append(panels)
        else:
            for unused in panels:
                unused.remove()
    return figure, found


def is_leftmost(panel: "Axes") -> bool:
    spec = panel.get_subplotspec()
    return spec is not None and spec.is_first_col()


def _is_alone(panel: "Axes") -> bool:
    spec = panel.get_subplotspec()
    return spec is not None and spec.is_first_col() and spec.is_last_col()


def panel_inches(figure: Figure, panel: "Axes") -> float:
    """About how wide a panel is."""
    across = panel.get_subplotspec().get_gridspec().ncols  # type: ignore[union-attr]
    return float(figure.get_figwidth()) / across - 0.35


def title(
    figure: Figure, panel: "Axes", names: Sequence[str], note: str = "", lift: float = 0
) -> None:
    """Names in black, a line each, and below them a note in grey, wrapped to the panel.

    Args:
        lift: points between the panel and its title, where labels stand.
    """
    inches = panel_inches(figure, panel)
    if _is_alone(panel):  # its title stands right of the figure's middle, by half its axis labels
        inches -= 0.35
    characters = inches / _INCHES_PER_CHARACTER
    below = _wrapped(note, characters * 8 / SMALL)
    lines = below.count("\n") + 1 if below else 0
    panel.set_title(
        "\n".join(_wrapped(name, characters) for name in names),
        y=1.0,
        pad=4 + lift + lines * SMALL * 1.35,
    )
    if below:
        panel.annotate(
            below,
            (0.5, 1),
            (0, 3 + lift),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=SMALL,
            color=GREY,
        )


def drawable(text: str) -> str:
    """On one line, with a box for every character that the figures' font has not."""
    glyphs = get_font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap()
    return "".join(c if ord(c) in glyphs else "\N{WHITE SQUARE}" for c in " ".join(text.split()))


def tick(text: str) -> str:
    """A user's own name for something, as a label on an axis."""
    line = drawable(text)
    return line if len(line) <= _LONGEST_TICK else f"{line[: _LONGEST_TICK - 3]}..."


def grow(figure: Figure, inches: float) -> None:
    """Make room for what would otherwise be taken from the panels."""
    figure.set_figheight(figure.get_figheight() + inches)


def _wrapped(text: str, characters: float) -> str:
    """At spaces; a name too long for a line at its hyphens."""
    longest = max(map(len, text.split()), default=0)
    return fill(text, int(characters), break_on_hyphens=longest > characters)


def write(
    panel: "Axes",
    at: tuple[float, float],
    offset: tuple[float, float],
    text: str,
    look: Look,
    **more: Any,
) -> None:
    """Small text above a point of a panel, `offset` in points; a white rim parts it from lines."""
    panel.annotate(
        text,
        at,
        offset,
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=6,
        color=look.colour,
        path_effects=[withStroke(linewidth=2, foreground="white")],
        **more,
    )


def legend(figure: Figure, looks: dict[str, Look], width: Width, lines: bool = False) -> None:
    """Markers, or lines, of the methods, above all panels."""
    if not looks:
        return
    handles: list[Artist] = [
        Line2D([], [], color=look.colour, ls=look.line, lw=1.8, label=method)
        if lines
        else Line2D([], [], color=look.colour, marker=look.marker, ls="", ms=4.5, label=method)
        for method, look in looks.items()
    ]
    widths = [len(method) * _INCHES_PER_CHARACTER + 0.35 for method in looks]
    fits = sum(widths) <= INCHES[width]
    columns = len(looks) if fits else max(1, int(INCHES[width] / max(widths)))
    grow(figure, ceil(len(looks) / columns) * 0.17)
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=columns,
        handletextpad=0.4,
        columnspacing=1.0,
        handlelength=1.6 if lines else 1.0,
    )


def nothing(width: Width, why: str) -> Figure:
    """A figure that says why it shows nothing."""
    figure = Figure(figsize=(INCHES[width], 0.8))
    figure.text(0.5, 0.5, fill(why, 50), ha="center", va="center", color=GREY)
    return figure
