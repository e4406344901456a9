"""MMLU: exam questions of 57 subjects with four options (Hendrycks et al. 2020, arXiv 2009.03300).

All our splits are carved from its test split, for every subject alike: its auxiliary train split
comes from other data sets and names no subject, and its dev split has five questions of each.
An option "None" may have been lost as an empty value on the way to parquet; it is read as such.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from annobench import hub
from annobench.registry import unknown

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

REPOSITORY = hub.Repository(
    "cais/mmlu",
    config="all",
    revision="c30699e8356da336a370243923dbaf21066bb9fe",
    splits={"train": "test"},
    stated={"test": 14042},
)
_SUBJECTS = {
    "STEM": """
        abstract_algebra astronomy college_biology college_chemistry
        college_computer_science college_mathematics college_physics computer_security
        conceptual_physics electrical_engineering elementary_mathematics high_school_biology
        high_school_chemistry high_school_computer_science high_school_mathematics
        high_school_physics high_school_statistics machine_learning
    """,
    "humanities": """
        formal_logic high_school_european_history high_school_us_history
        high_school_world_history international_law jurisprudence logical_fallacies
        moral_disputes moral_scenarios philosophy prehistory professional_law
        world_religions
    """,
    "social sciences": """
        econometrics high_school_geography high_school_government_and_politics
        high_school_macroeconomics high_school_microeconomics high_school_psychology
        human_sexuality professional_psychology public_relations security_studies sociology
        us_foreign_policy
    """,
    "other": """
        anatomy business_ethics clinical_knowledge college_medicine global_facts human_aging
        management marketing medical_genetics miscellaneous nutrition
        professional_accounting professional_medicine virology
    """,
}
CATEGORIES = {
    subject: category for category, listed in _SUBJECTS.items() for subject in listed.split()
}
"""Subject -> its category, as in the authors' `categories.py`."""
SUBJECTS = sorted(CATEGORIES)


class Settings(hub.Settings):
    subjects: tuple[str, ...] | None = Field(None, min_length=1)
    """The subjects to ask about, each a task; all if absent."""

    @field_validator("subjects")
    @classmethod
    def _known(cls, subjects: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for subject in subjects or ():
            if subject not in SUBJECTS:
                raise ValueError(unknown("subject", subject, SUBJECTS))
        return subjects


def size(settings: Settings) -> dict[str, int]:
    share = len(settings.subjects or SUBJECTS) / len(SUBJECTS)
    stated = {split: round(share * count) for split, count in REPOSITORY.stated.items()}
    return hub.size(settings, replace(REPOSITORY, stated=stated))


def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame:
    """The table `tables.ITEMS`; the task is the subject; see `hub.items`.

    In which split a question is does not depend on `subjects`, unless sizes are given: they count
    questions of these subjects.
    """
    return hub.items(name, settings, hub_root, REPOSITORY, _question, tasks=settings.subjects)


def _question(row: hub.Row) -> hub.Question:
    options = row.texts("choices", null="None")
    return hub.Question(
        item=row.name,
        task=SUBJECTS[row.choice("subject", SUBJECTS)],
        prompt=row.text("question"),
        options=options,
        gold=row.choice("answer", range(len(options))),
    )
