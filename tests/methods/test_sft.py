import torch

from annobench.methods import Given, realm, sft
from annobench.training.rows import rows_of


def test_one_target_per_annotation(few, labels, as_dicts):
    def target(item, annotator, distribution):
        return {
            "item": item,
            "annotator": annotator,
            "distribution": distribution,
            "reason": "annotation",
        }

    assert as_dicts(sft.targets(Given(few, labels), sft.Settings())) == [
        target("y", "bob", [1, 0]),
        target("x", "ann", [0, 0, 1, 0]),
        target("x", "bob", [0, 0, 0, 1]),
        target("y", "ann", [0, 1]),
        target("x", "cat", [0, 0, 1, 0]),
    ]


def test_annotations_without_names(few, labels, as_dicts):
    found = as_dicts(sft.targets(Given(few, labels.assign(annotator=None)), sft.Settings()))
    assert [row["annotator"] for row in found] == [None] * 5


def test_realm_learns_from_the_same_targets():
    assert realm.targets is sft.targets


def test_the_loss_by_hand(few, labels):
    rows = rows_of(
        sft.targets(Given(few, labels), sft.Settings()), few, ["ann", "bob", "cat"], ["any"]
    )
    p = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.25, 0.75, 0, 0]])
    loss = sft.loss(p.log()[rows.item], rows, {}, sft.Settings())
    torch.testing.assert_close(loss, -torch.tensor([0.25, 0.3, 0.4, 0.75, 0.3]).log())
    assert sft.weights(p.log()[rows.item], rows, {}, sft.Settings()).tolist() == [1] * 5
