"""Which items come when, and at which learning rate: `batches` and `schedule` of the loop."""

import math

import numpy as np
import pytest

from annobench.training.loop import batches, schedule
from annobench.training.settings import Training

STREAM = ("model", 0)


def training(**settings):
    return Training(**({"items_per_batch": 4} | settings))


def test_every_item_comes_once_an_epoch():
    items = np.arange(5, 15)
    plan = batches(items, training(epochs=3), STREAM)
    assert [len(numbers) for _, numbers in plan] == [4, 4, 2] * 3
    for epoch in range(3):
        seen = np.concatenate([numbers for _, numbers in plan[3 * epoch : 3 * epoch + 3]])
        assert sorted(seen) == items.tolist()
    assert [epoch for epoch, _ in plan] == pytest.approx([0, 0.4, 0.8, 1, 1.4, 1.8, 2, 2.4, 2.8])


def test_the_order_depends_on_the_stream_and_the_epoch_alone():
    def order(stream, **settings):
        plan = batches(np.arange(40), training(**settings), stream)
        return np.concatenate([numbers for _, numbers in plan]).tolist()

    assert order(("m", 0)) == order(("m", 0))
    assert order(("m", 0)) != order(("m", 1)) != order(("n", 1))
    assert order(("m", 0), epochs=2)[:40] != order(("m", 0), epochs=2)[40:]
    assert order(("m", 0), epochs=1) == order(("m", 0), epochs=2)[:40]
    assert order(("m", 0), items_per_batch=7) == order(("m", 0))


@pytest.mark.parametrize(
    ("items", "epochs", "steps"),
    [(12, 0.5, 2), (12, 1.5, 5), (10, 0.01, 1), (40, 1.1, 11), (100, 0.28, 7), (10, 1.0, 3)],
)
def test_parts_of_an_epoch(items, epochs, steps):
    """Rounded up to whole steps, but not because 0.28 * 25 is 7.000000000000001."""
    assert len(batches(np.arange(items), training(epochs=epochs), STREAM)) == steps


@pytest.mark.parametrize(
    ("settings", "steps", "shares"),
    [
        ({"schedule": "linear"}, 4, [1, 0.75, 0.5, 0.25]),
        ({"schedule": "constant"}, 3, [1, 1, 1]),
        ({"schedule": "cosine"}, 4, [1, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125)]),
        ({"schedule": "linear", "warmup": 0.5}, 4, [1 / 3, 2 / 3, 1, 0.5]),
        ({"schedule": "constant", "warmup": 0.3}, 4, [1 / 3, 2 / 3, 1, 1]),
        ({"schedule": "linear", "warmup": 0.9}, 1, [0.5]),
    ],
)
def test_schedules_by_hand(settings, steps, shares):
    found = [schedule(training(**settings), step, steps) for step in range(steps)]
    assert found == pytest.approx(shares)
