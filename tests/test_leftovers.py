from annobench.leftovers import leftovers

QUEUE = """\
11|/home/ann/a|rule_train_wildcards_quick_geo_one-good_smollm2-135m_realm_0
12|/home/ann/a|rule_evaluate_wildcards_quick
13|/home/ann/a|rule_train_wildcards_quick-2_geo_one-good_smollm2-135m_realm_0
14|/home/ann/b|rule_train_wildcards_quick_geo_one-good_smollm2-135m_realm_0
15|/home/ann/a|rule_table_results
16|/home/ann/a|
17|/home/ann/a|a|b
"""


def test_only_this_studys_jobs_from_this_folder_are_left_over():
    assert leftovers(QUEUE, "quick", "/home/ann/a") == ["11", "12"]
    assert leftovers(QUEUE, "quick-2", "/home/ann/a") == ["13"]
    assert leftovers(QUEUE, "quick", "/home/ann/b") == ["14"]
    assert leftovers("", "quick", "/home/ann/a") == []


def test_a_folder_is_the_same_by_any_path(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    queue = f"1|{tmp_path / 'link'}|rule_evaluate_wildcards_quick\n"
    assert leftovers(queue, "quick", str(tmp_path)) == ["1"]
