import pytest
from pydantic import ValidationError

from annobench.training.settings import Overrides, Training, merged


def test_later_blocks_lie_over_earlier_ones():
    base = Training(epochs=2, lr=1e-3)
    found = merged(base, Overrides(lr=1e-4, epochs=5), Overrides(), Overrides(epochs=1))
    assert found == Training(epochs=1, lr=1e-4)
    assert merged(base) == base


def test_every_key_can_be_overridden():
    assert list(Overrides.model_fields) == list(Training.model_fields)
    assert Overrides().model_dump(exclude_none=True) == {}
    for name, field in Overrides.model_fields.items():
        assert field.description == Training.model_fields[name].description


@pytest.mark.parametrize(
    "key",
    [
        {"epochs": 0},
        {"items_per_batch": 0},
        {"lr": -1.0},
        {"weight_decay": -0.1},
        {"warmup": 1.0},
        {"warmup": -0.1},
        {"schedule": "step"},
        {"gradient_clip": 0},
        {"precision": "fp16"},
        {"row_tokens": 0},
        {"threads": 0},
        {"lr": float("nan")},
        {"colour": "red"},
    ],
)
@pytest.mark.parametrize("block", [Training, Overrides])
def test_refused(block, key):
    with pytest.raises(ValidationError):
        block(**key)
