import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annobench.comparisons import read
from annobench.errors import AnnobenchError

HEAD = "user,first,second,chosen\n"
NAMED = HEAD + (
    "ann,large,small,first\n"
    "bob,small,large,first\n"
    "ann,small,large,second\n"
    "bob,large,small,first\n"
    "ann,large,small,second\n"
)
RESPONSES = (
    "response,prompt,model,text,score,note\n"
    "r1,Why?,large,Because.,1.5,x\n"
    "r2,Why?,small,No.,-0.5,x\n"
    "r3,How?,small,So.,2,x\n"
    "r4,How?,large,Thus.,0,x\n"
)
OF_RESPONSES = HEAD + (
    "ann,r1,r2,first\nbob,r2,r1,first\nann,r3,r4,second\nbob,r4,r3,first\ncleo,r4,r3,first\n"
)

ONE_MODEL = (
    "found model 'large' on both sides, which says nothing of a user; allowed: two models, or "
    "`control: true` in a study"
)


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def comparisons(text, responses=None, **keys):
    Path("own.csv").write_text(text, encoding="utf-8")
    if responses is not None:
        Path("responses.csv").write_text(responses, encoding="utf-8")
    return read(Path("own.csv"), None if responses is None else Path("responses.csv"), **keys)


def mistakes(text, responses=None, **keys):
    with pytest.raises(AnnobenchError) as caught:
        comparisons(text, responses, **keys)
    return str(caught.value).splitlines()


def test_models_by_name():
    found = comparisons(NAMED)
    assert found.users == ["ann", "bob"]
    assert (found.stronger, found.weaker, found.left_out) == ("large", "small", 0)
    assert found.choices.users == 2
    assert found.choices.user.tolist() == [0, 1, 0, 1, 0]
    assert found.choices.stronger.tolist() == [True, False, True, True, False]
    assert found.choices.first.tolist() == [True, False, False, True, True]
    assert found.choices.gap is None
    assert found.pair is None


def test_the_stronger_model_as_named():
    found, other = comparisons(NAMED), comparisons(NAMED, stronger="small")
    assert (other.stronger, other.weaker) == ("small", "large")
    assert (other.choices.stronger == ~found.choices.stronger).all()
    assert (other.choices.first == ~found.choices.first).all()


def test_a_gap_is_the_stronger_models_lead():
    head, *rows = NAMED.splitlines()
    gaps = ["2", "-1.5", "0", "1e-1", "3"]
    text = "\n".join([f"{head},gap", *(f"{r},{g}" for r, g in zip(rows, gaps, strict=True))])
    assert comparisons(text).choices.gap.tolist() == [2, 1.5, 0, 0.1, 3]


def test_responses_by_id():
    found = comparisons(OF_RESPONSES, RESPONSES, at_least=2)
    assert found.users == ["ann", "bob"]
    assert found.left_out == 1
    assert found.stronger == "large"
    assert found.choices.stronger.tolist() == [True, False, True, True]
    assert found.choices.first.tolist() == [True, False, False, True]
    assert found.choices.gap.tolist() == [2, 2, -2, -2]
    assert found.pair.tolist() == [[0, 1], [0, 1], [3, 2], [3, 2]]
    assert found.responses["score"].tolist() == [1.5, -0.5, 2, 0]


def test_responses_without_scores_have_no_gap():
    responses = "".join(f"{line.rsplit(',', 2)[0]}\n" for line in RESPONSES.splitlines())
    found = comparisons(OF_RESPONSES, responses, at_least=2)
    assert found.choices.gap is None
    assert "score" not in found.responses


def test_the_same_from_json_lines_and_parquet():
    frame = pd.DataFrame([line.split(",") for line in NAMED.splitlines()[1:]])
    frame.columns = HEAD.strip().split(",")
    frame.to_parquet("own.parquet")
    Path("own.jsonl").write_text("\n".join(map(json.dumps, frame.to_dict("records"))))
    wanted = comparisons(NAMED)
    for name in ("own.parquet", "own.jsonl"):
        found = read(Path(name))
        assert found.users == wanted.users
        assert (found.choices.stronger == wanted.choices.stronger).all()
        assert (found.choices.first == wanted.choices.first).all()


def test_bad_rows_are_listed_all_at_once():
    assert mistakes(
        HEAD + "ann,large,small,first\n"
        ",large,small,first\n"
        "ann,large,,second\n"
        "ann,large,small,\n"
        "ann,large,small,large\n"
        "ann,large,large,second\n"
        "bob,large,small,second\n"
        "ann,large\n"
    ) == [
        "own.csv: found 7 bad of 8 rows; allowed: none",
        "  line 3: empty user",
        "  line 4: empty second",
        "  line 5: empty chosen",
        "  line 6: unknown choice 'large'; allowed: 'first', 'second'",
        f"  line 7: {ONE_MODEL}",
        (
            "  line 8: found one comparison by user 'bob'; allowed: two or more, or `at_least: 2` "
            "(--at-least 2), which leaves such users out"
        ),
        "  line 9: found 2 cells; allowed: 4",
    ]


def test_bad_rows_of_responses():
    responses = RESPONSES + "r5,How?,large,Thus.,0,x\nr6,How?,large,So.,0,x\n"
    assert mistakes(
        HEAD + "ann,r1,r2,first\n"
        "ann,r1,x,first\n"
        "ann,y,x,first\n"
        "ann,r1,r1,first\n"
        "ann,r1,r3,first\n"
        "ann,r4,r5,first\n"
        "ann,r4,r6,first\n"
        "ann,r2,r1,second\n"
        "bob,r2,r1,second\nbob,r3,r4,second\n",
        responses,
    ) == [
        "own.csv: found 7 bad of 10 rows; allowed: none",
        "  line 3: unknown response 'x'; allowed: those of responses.csv",
        "  line 4: unknown response 'y', 'x'; allowed: those of responses.csv",
        "  line 5: found response 'r1' on both sides; allowed: two different ones",
        "  line 6: responses 'r1' and 'r3' are to different prompts; allowed: the same one",
        "  line 7: responses 'r4' and 'r5' are the same text; allowed: different ones",
        f"  line 8: {ONE_MODEL}",
        "  line 9: duplicate: a second comparison of 'r2' and 'r1' by user 'ann'",
    ]


def test_unknown_responses_are_listed_and_counted():
    rows = "".join(f"ann,r1,x{n},first\n" for n in range(25))
    head, *listed, more = mistakes(HEAD + rows, RESPONSES)
    assert head == "own.csv: found 25 bad of 25 rows; allowed: none"
    assert len(listed) == 20
    assert "line 21: unknown response 'x19'" in listed[-1]
    assert more == "  and 5 more"


def test_bad_responses():
    assert mistakes(
        OF_RESPONSES, RESPONSES + "r1,a,b,c,1,\nr5,,b,c,1,\nr6,a,,c,1,\nr7,a,b,c,,\n"
    ) == [
        "responses.csv: found 4 bad of 8 rows; allowed: none",
        "  line 6: duplicate response 'r1'",
        "  line 7: empty prompt",
        "  line 8: empty model",
        "  line 9: score: found nothing; allowed: a number",
    ]


@pytest.mark.parametrize("gap", ["much", "nan", "inf", ""])
def test_a_gap_that_is_no_number(gap):
    text = f"user,first,second,chosen,gap\na,s,t,first,1\na,s,t,second,{gap}\n"
    found = repr(gap) if gap else "nothing"
    assert mistakes(text)[1] == f"  line 3: gap: found {found}; allowed: a number"


@pytest.mark.parametrize(
    ("text", "keys", "message"),
    [
        (
            "a,s,t,first\na,t,u,second\n",
            {},
            "found responses of 3 models, 's', 't', 'u'; allowed: two models",
        ),
        (
            NAMED.removeprefix(HEAD),
            {"stronger": "larger"},
            "the stronger model 'larger' is unknown",
        ),
        (
            "a,s,t,first\na,s,t,second\n",
            {},
            "found 's' and 't' chosen equally often, 1 times; allowed: one of them named",
        ),
        (
            "a,s,t,first\na,t,s,second\n",
            {},
            "found 's' chosen in all 2 comparisons, which tells no user from another; allowed: ",
        ),
        (
            "a,s,t,first\na,t,s,second\n",
            {"stronger": "t"},
            "found 's' chosen in all 2 comparisons, which tells no user from another; allowed: ",
        ),
        (
            "a,s,t,first\na,t,s,first\na,s,t,first\n",
            {},
            "column 'chosen': found 'first' in all 3 rows, which says that nobody looked, or ",
        ),
        ("a,s,t,first\nb,s,t,second\n", {"at_least": 2}, "found no user with 2 comparisons"),
    ],
)
def test_comparisons_of_which_nothing_can_be_learned(text, keys, message):
    assert mistakes(HEAD + text, **keys)[0].startswith(f"own.csv: {message}")


def test_without_an_order_of_display_the_first_may_be_the_chosen_one():
    text = HEAD + "a,s,t,first\na,t,s,first\na,s,t,first\n"
    found = comparisons(text, ordered=False)
    assert found.choices.first is None
    assert found.choices.stronger.tolist() == [True, False, True]


def test_the_control_compares_a_model_with_itself():
    """Then the response that is earlier among the responses takes the stronger one's place."""
    responses = RESPONSES.replace("small", "large")
    assert "found model 'large' on both sides" in mistakes(OF_RESPONSES, responses)[1]
    found = comparisons(OF_RESPONSES, responses, at_least=2, control=True)
    assert (found.stronger, found.weaker) == ("large", "large")
    assert found.pair.tolist() == [[0, 1], [0, 1], [2, 3], [2, 3]]
    assert found.choices.stronger.tolist() == [True, False, False, False]
    assert found.choices.first.tolist() == [True, False, True, False]


def test_the_display_order_is_what_was_read():
    """Who chose, what, and where it stood give the file back."""
    rng = np.random.default_rng(0)
    user, shown, chosen = (rng.integers(n, size=200).astype(int) for n in (7, 2, 2))
    models = np.array([["large", "small"], ["small", "large"]])[shown]
    sides = np.array(["first", "second"])[chosen]
    rows = [f"u{u},{a},{b},{c}\n" for u, (a, b), c in zip(user, models, sides, strict=True)]
    found = comparisons(HEAD + "".join(rows), stronger="large")
    assert [found.users[u] for u in found.choices.user] == [f"u{u}" for u in user]
    assert (found.choices.first == (shown == 0)).all()
    assert (found.choices.stronger == (chosen == shown)).all()


cells = st.sampled_from(["", "a", "b", "c", "r1", "r2", "r3", "r4"])
choices = st.sampled_from(["first", "second", "second", "first", "other"])
rows = st.lists(st.tuples(cells, cells, cells, choices), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, st.booleans(), st.booleans(), st.sampled_from([None, 2]), st.booleans())
def test_any_rows_are_comparisons_or_one_message(found, by_id, ordered, at_least, control):
    text = HEAD + "".join(f"{','.join(row)}\n" for row in found)
    keys = {"ordered": ordered, "at_least": at_least, "control": control}
    message = ""
    try:
        given_back = comparisons(text, RESPONSES if by_id else None, **keys)
    except AnnobenchError as error:
        message = str(error)
    if message:
        assert message.startswith("own.csv: ")
        return
    own = given_back.choices
    assert own.users == len(given_back.users) == len(set(given_back.users))
    assert np.bincount(own.user).min() >= (at_least or 2)
    if not (by_id or control):
        names = [row[1 + (row[3] == "second")] for row in found if row[0] in given_back.users]
        assert own.stronger.tolist() == [name == given_back.stronger for name in names]
