import pytest
from pydantic import ValidationError

from annobench.models.settings import Full, Model, TopLayers


def test_what_is_tuned():
    assert Model(source="path:x").tune == TopLayers(layers=4)
    assert Model(source="path:x", tune={"kind": "full"}).tune == Full()
    assert Model(source="path:x", tune={"kind": "top-layers", "layers": 2}).tune.layers == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"tune": {"kind": "top-layers", "layers": 0}},
        {"tune": {"kind": "full", "layers": 2}},
        {"tune": {"kind": "lora"}},
        {"template": "no place"},
        {"template": "{prompt} and {prompt}"},
        {"answer": "number"},
        {"score": "max"},
        {"sha256": "abc"},
        {"colour": "red"},
    ],
)
def test_refused(settings):
    with pytest.raises(ValidationError):
        Model(source="path:x", **settings)
