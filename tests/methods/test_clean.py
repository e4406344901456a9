from annobench.methods import clean


def test_one_target_per_item_whose_answer_is_known(few, as_dicts):
    assert as_dicts(clean.targets(few, None, clean.Settings())) == [
        {"item": "x", "annotator": None, "distribution": [0, 0, 1, 0], "reason": "gold"},
        {"item": "y", "annotator": None, "distribution": [1, 0], "reason": "gold"},
    ]
