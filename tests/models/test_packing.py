from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from annobench.models.packing import own_size, pack
from annobench.models.tokens import TokenItem

sequences = st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple)
token_items = st.builds(
    TokenItem,
    item=st.just("any"),
    prompt=sequences,
    options=st.lists(sequences, min_size=1, max_size=5, unique=True).map(tuple),
)
item_lists = st.lists(token_items, min_size=1, max_size=6)


def tree_places(item):
    """Number of distinct non-empty beginnings of "prompt option" without the last token."""
    texts = [item.prompt + option[:-1] for option in item.options]
    return len({text[: end + 1] for text in texts for end in range(len(text))})


def ancestors(row, place):
    """The tokens that a place sees, itself included, from the first position to its own."""
    seen = np.flatnonzero(row.attends[place])
    seen = seen[np.argsort(row.positions[seen])]
    assert row.positions[seen].tolist() == list(range(len(seen)))
    return tuple(row.tokens[seen].tolist())


def test_a_row_by_hand():
    items = [
        TokenItem("a", (1, 2), ((3, 4), (3, 5, 6), (7,))),
        TokenItem("b", (1, 8), ((3,), (9,))),
    ]
    (row,) = pack(items, 100)
    assert row.items == (0, 1)
    assert row.tokens.tolist() == [1, 2, 3, 5, 8]
    assert row.positions.tolist() == [0, 1, 2, 3, 1]
    assert row.attends.astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 0, 0, 0, 1],
    ]
    assert row.reads.tolist() == [1, 2, 3, 4]
    assert row.answer_read.tolist() == [0, 1, 0, 1, 2, 0, 3, 3]
    assert row.answer_token.tolist() == [3, 4, 3, 5, 6, 7, 3, 9]
    assert row.answer_option.tolist() == [0, 0, 1, 1, 1, 2, 3, 4]
    assert row.option_tokens.tolist() == [[2, 3, 1], [1, 1, 0]]
    assert [places.tolist() for places in row.item_places] == [[0, 1, 2, 3], [0, 4]]


@given(item_lists, st.integers(1, 30))
def test_each_answer_token_is_predicted_from_exactly_what_stands_before_it(items, row_tokens):
    for row in pack(items, row_tokens):
        width = row.option_tokens.shape[1]
        found = {}
        for read, token, option in zip(
            row.answer_read, row.answer_token, row.answer_option, strict=True
        ):
            found.setdefault(option, []).append((ancestors(row, row.reads[read]), token))
        for i, number in enumerate(row.items):
            item = items[number]
            for k, option in enumerate(item.options):
                text = item.prompt + option
                first = len(item.prompt)
                wanted = [(text[:end], text[end]) for end in range(first, len(text))]
                assert found.pop(i * width + k) == wanted
        assert not found


@given(item_lists, st.integers(1, 30))
def test_rows_hold_consecutive_items_and_keep_to_their_size(items, row_tokens):
    rows = list(pack(items, row_tokens))
    assert [number for row in rows for number in row.items] == list(range(len(items)))
    for row in rows:
        assert len(row.tokens) <= row_tokens or len(row.items) == 1
        assert row.option_tokens.tolist() == [
            [len(option) for option in items[number].options]
            + [0] * (row.option_tokens.shape[1] - len(items[number].options))
            for number in row.items
        ]


@given(item_lists, st.integers(1, 30))
def test_no_row_ends_before_it_must(items, row_tokens):
    rows = list(pack(items, row_tokens))
    for row, following in pairwise(rows):
        numbers = [*row.items, following.items[0]]
        (together,) = pack([items[number] for number in numbers], 10**6)
        assert len(together.tokens) > row_tokens


@given(item_lists)
def test_a_distinct_beginning_takes_one_place(items):
    (row,) = pack(items, 10**6)
    texts = [ancestors(row, place) for place in range(len(row.tokens))]
    assert len(set(texts)) == len(texts)
    needed = {
        (item.prompt + option[:-1])[: end + 1]
        for item in items
        for option in item.options
        for end in range(len(item.prompt + option) - 1)
    }
    assert set(texts) == needed


@given(item_lists, st.integers(1, 30))
def test_an_items_places_are_its_own_tree(items, row_tokens):
    """In the same order as in a row of its own, whatever it shares a row with."""
    for row in pack(items, row_tokens):
        for number, places in zip(row.items, row.item_places, strict=True):
            (own,) = pack([items[number]], 10**6)
            assert len(places) == own_size(items[number]) == tree_places(items[number])
            assert own.item_places[0].tolist() == list(range(len(places)))
            assert row.tokens[places].tolist() == own.tokens.tolist()
            assert row.positions[places].tolist() == own.positions.tolist()
            assert row.attends[np.ix_(places, places)].tolist() == own.attends.tolist()


def test_no_items_no_rows():
    assert list(pack([], 10)) == []
