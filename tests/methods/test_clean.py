from annobench.methods import Given, clean


def test_one_target_per_item_whose_answer_is_known(few, as_dicts):
    assert as_dicts(clean.targets(Given(few), clean.Settings())) == [
        {"item": "x", "annotator": None, "distribution": [0, 0, 1, 0], "reason": "gold"},
        {"item": "y", "annotator": None, "distribution": [1, 0], "reason": "gold"},
    ]
