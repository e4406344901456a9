"""docs/methods.md describes every method and every key of its own."""

import re
from pathlib import Path

import pytest

from annobench.methods import realm
from annobench.registry import component, kinds

PAGE = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))


def test_every_kind_has_a_section_and_no_other():
    assert sorted(SECTIONS) == sorted(kinds("methods"))


@pytest.mark.parametrize("kind", kinds("methods"))
def test_a_section_names_the_kinds_keys(kind):
    keys = set(component("methods", kind).Settings.model_fields)
    section = SECTIONS[kind]
    if kind != "realm" and set(realm.Settings.model_fields) <= keys:
        keys -= set(realm.Settings.model_fields)
        assert "Keys: REALM's" in section
    for key in keys:
        assert f"`{key}`" in section
    assert ("No keys." in section) == (not component("methods", kind).Settings.model_fields)
