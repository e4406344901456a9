import pandas as pd
import pytest
import yaml

from annobench import tables
from annobench.card import card
from annobench.models.settings import Model

KEY = {"dataset": "geo", "noise": "own", "model": "small", "method": "realm", "seed": 3}
RUN = {
    "recipe": {"method": {"kind": "realm", "cost": "$5"}},
    "versions": {"torch": "2.0"},
    "device": "cpu",
    "processor": "x86",
}
ITEM = pd.Series({"item": "q1", "prompt": 'Say "$x"?', "options": ["a\nb", "c"]})


def made(source="hub:owner/name@abc", metrics=None, adapter=False, key=KEY, **asks):
    found = tables.empty(tables.METRICS) if metrics is None else pd.DataFrame(metrics)
    model = Model(source=source, **asks)
    return card(key, RUN, found, model, ITEM, encoder_decoder=False, adapter=adapter)


@pytest.mark.parametrize(
    ("source", "adapter", "front"),
    [
        (
            "hub:owner/name@abc",
            False,
            {"library_name": "transformers", "base_model": "owner/name"},
        ),
        ("path:folder", True, {"library_name": "peft"}),
    ],
)
def test_the_front_matter_says_only_what_is_known(source, adapter, front):
    found = yaml.safe_load(made(source, adapter=adapter).split("---")[1])
    assert found == {"license": "unknown", "tags": ["annobench", "realm"]} | front


def test_it_says_what_was_done_and_measured():
    text = made(metrics=[{"metric": "accuracy", "value": 0.5, "n": 20}])
    assert "method `realm` on the data set `geo` with the annotations `own`. Seed 3." in text
    assert "| accuracy | 0.5000 | 20 |" in text
    assert '"cost": "$5"' in text
    assert "torch 2.0 on cpu (x86)" in text
    assert "Nothing: there was neither" in made()
    clean = made(key=KEY | {"noise": None, "seed": None})
    assert "the data set `geo`.\n" in clean


@pytest.mark.parametrize("answer", ["text", "letter"])
def test_its_program_holds_the_items_own_prompt(answer):
    program = made(answer=answer).split("```python\n")[1].split("```")[0]
    lines = dict(line.split(" = ", 1) for line in program.splitlines() if " = " in line)
    compile(program, "README.md", "exec")
    assert '"$x"' in lines["prompt"]
    assert lines["answers"] == ("['A', 'B']" if answer == "letter" else "['a\\nb', 'c']")
