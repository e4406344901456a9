"""Captions of the report: one per kind, and each renders as Snakemake renders it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from docutils.core import publish_doctree
from jinja2 import Environment, StrictUndefined

from annobench import registry

ROOT = Path(__file__).parents[2]
CAPTIONS = ROOT / "workflow" / "report"
FULL = {
    "study": "quick",
    "seeds": [0, 1, 2],
    "datasets": {"geo": {"source": "geonames", "train": 400, "test": 200}},
    "models": {"m": {"source": "wheel:m==1", "tune": {"kind": "top-layers", "layers": 4}}},
    "noise": {"half-good": {"kind": "expertise", "ladder": "half-good"}},
    "methods": {"sft": {}, "mine": {"kind": "realm"}},
    "training": {"epochs": 3},
}
BARE = {
    "study": "bare",
    "seeds": [7],
    "datasets": {"geo": {}},
    "models": {"m": {"source": "hub:m"}},
    "methods": {"zero-shot": None},
}


def rendered(path: Path, config: dict, between: str = " ") -> str:
    """The text of a caption's paragraphs."""
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    template = environment.from_string(path.read_text(encoding="utf-8"))
    text = template.render(snakemake=SimpleNamespace(config=config))
    document = publish_doctree(text, settings_overrides={"halt_level": 2, "report_level": 5})
    return between.join(" ".join(part.split()) for part in document.astext().split("\n\n"))


@pytest.mark.parametrize("block", ["tables", "figures"])
def test_every_kind_has_a_caption_and_every_caption_a_kind(block):
    found = {path.stem for path in (CAPTIONS / block).iterdir()}
    assert found == set(registry.kinds(f"reporting.{block}"))


ALL = sorted(CAPTIONS.rglob("*.rst"))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_caption_says_what_was_run(path):
    text = rendered(path, FULL)
    for fact in ("quick", "geo from geonames, 400 items to train on, 200 to test on"):
        assert fact in text
    for fact in ("kind top-layers, layers 4", "ladder half-good", "0, 1, 2", "Epochs: 3"):
        assert fact in text


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_caption_says_nothing_of_what_a_study_has_not(path):
    text = rendered(path, BARE)
    assert "bare" in text
    assert "ILEED" not in text
    assert "Epochs" not in text


def test_what_is_reconstructed_is_said_where_numbers_are():
    text = rendered(CAPTIONS / "tables" / "results.rst", FULL)
    assert "sigmoid" in text
    assert "ladders are ILEED" in text
    assert "Nothing shown here is a number of a paper" in text


def test_paragraphs_stay_apart():
    text = rendered(CAPTIONS / "tables" / "results.rst", FULL, "\n")
    starts = [line.split(".")[0] for line in text.splitlines()]
    assert {"What was run", "What an interval is", "What is reconstructed"} <= set(starts)


def test_captions_take_the_study_that_ships():
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    for path in ALL:
        assert str(config["study"]) in rendered(path, config)
