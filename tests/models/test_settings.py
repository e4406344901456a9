import pytest
from pydantic import ValidationError

from annobench.models.settings import Full, Lora, Model, TopLayers


def test_what_is_tuned():
    assert Model(source="path:x").tune == TopLayers(layers=4)
    assert Model(source="path:x", tune={"kind": "full"}).tune == Full()
    lora = Model(source="path:x", tune={"kind": "lora", "targets": ["q_proj"]}).tune
    assert lora == Lora(rank=16, alpha=32, dropout=0, targets=("q_proj",))
    assert Model(source="path:x", tune={"kind": "top-layers", "layers": 2}).tune.layers == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"tune": {"kind": "top-layers", "layers": 0}},
        {"tune": {"kind": "full", "layers": 2}},
        {"tune": {"kind": "lora", "rank": 0}},
        {"tune": {"kind": "lora", "dropout": 1}},
        {"tune": {"kind": "lora", "targets": []}},
        {"tune": {"kind": "lora", "layers": 2}},
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
