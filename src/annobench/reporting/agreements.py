"""Agreements of methods under each noise, as columns of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from annobench.reporting.study_tables import StudyTables

KEYS = ["dataset", "model", "noise", "method"]


def by_place(
    tables: StudyTables, measures: Mapping[str, str], also: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """One row per (data set, model, noise, method) that has any of the measures somewhere: its
    names, its seeds, and under each heading an estimate, null with its reason where the measure is
    not defined.

    Args:
        measures: agreement of `evaluation` -> heading.
        also: the same, of agreements that are shown beside these, but ask for no row.
    """
    from annobench.evaluation.cells import OK
    from annobench.reporting.formats import Estimate, estimate
    from annobench.reporting.study_tables import groups, select

    headings = {**measures, **(also or {})}
    asking = tables.summary[tables.summary["metric"].isin(measures)]
    shown = tables.summary[tables.summary["metric"].isin(headings)]
    runs = tables.runs  # of every such method under every such noise: a cell may have failed
    runs = runs[runs["method"].isin(asking["method"]) & runs["noise"].isin(asking["noise"])]
    rows = []
    for place, cells in groups(runs, KEYS):
        values = {heading: Estimate(None) for heading in headings.values()}
        for _, row in select(shown, **place).iterrows():
            reason = tables.reasons.get((*place.values(), row["metric"]), "")
            values[headings[row["metric"]]] = estimate(row, note=reason)
        missing = tables.missing(**place)
        seeds = f"{(cells['status'] == OK).sum()} of {len(cells)}"
        rows.append(place | {"seeds": f"{seeds} ({missing})" if missing else seeds} | values)
    return rows
