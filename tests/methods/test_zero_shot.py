from annobench import tables
from annobench.methods import Given, zero_shot


def test_it_learns_from_nothing(few, labels, written):
    assert not zero_shot.NEEDS.training
    found = written(zero_shot.targets(Given(few, labels), zero_shot.Settings()))
    assert list(found) == tables.TARGETS.names
    assert found.empty
