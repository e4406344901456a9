"""Many items in one row, every distinct prefix once.

A causal model's state at a token depends on the tokens before it and on nothing else. So the
texts "prompt option" of a batch of items are laid out as a prefix tree: options share their
prompt, prompts share their template, and options that begin alike share that too. Each token of
the row attends to its ancestors in the tree; its position is its depth. The last token of an
option is only ever predicted, so it is not in the row. This changes no score (Derived; tested).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from annobench.models.tokens import TokenItem


@dataclass(frozen=True)
class Row:
    """One packed row of S tokens that scores n items with T answer tokens in all."""

    items: tuple[int, ...]
    """The items' numbers, as given to `pack`."""
    tokens: np.ndarray
    """[S] token ids."""
    positions: np.ndarray
    """[S] depth in the tree."""
    attends: np.ndarray
    """[S, S] bool: attends[q, k], token q sees token k."""
    reads: np.ndarray
    """[P] the places whose vocabulary logits are needed, in ascending order."""
    answer_read: np.ndarray
    """[T] index into `reads` of the place that predicts each answer token."""
    answer_token: np.ndarray
    """[T] token id of each answer token."""
    answer_option: np.ndarray
    """[T] flat option number i * K + k of each answer token, i counting within the row."""
    option_tokens: np.ndarray
    """[n, K] number of answer tokens; 0 where the item has fewer options."""
    item_places: tuple[np.ndarray, ...]
    """For each item, where the places of its own tree (in order of first use) are in the row."""


class _Tree:
    """Places in order of first use."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.parents: list[int] = []
        self.children: dict[tuple[int, int], int] = {}

    def add(self, sequence: Sequence[int], parent: int = -1) -> list[int]:
        """Walk or grow the branch `sequence` below `parent`; returns its places."""
        path = []
        for token in sequence:
            place = self.children.setdefault((parent, token), len(self.tokens))
            if place == len(self.tokens):
                self.tokens.append(token)
                self.parents.append(parent)
            path.append(place)
            parent = place
        return path


def _paths(tree: _Tree, item: TokenItem) -> list[list[int]]:
    """For each option, the places of the prompt and of the option without its last token."""
    prompt = tree.add(item.prompt)
    return [prompt + tree.add(option[:-1], prompt[-1]) for option in item.options]


def own_size(item: TokenItem) -> int:
    """How many places an item takes by itself."""
    tree = _Tree()
    _paths(tree, item)
    return len(tree.tokens)


def pack(items: Sequence[TokenItem], row_tokens: int) -> Iterator[Row]:
    """Rows of consecutive items, each of at most `row_tokens` places or of a single item."""
    start, tree = 0, _Tree()
    for number, item in enumerate(items):
        _paths(tree, item)
        if len(tree.tokens) > row_tokens and number > start:
            yield _row(items, range(start, number))
            start, tree = number, _Tree()
            _paths(tree, item)
    if start < len(items):
        yield _row(items, range(start, len(items)))


def _row(items: Sequence[TokenItem], numbers: range) -> Row:
    width = max(len(items[number].options) for number in numbers)
    tree = _Tree()
    item_places = []
    reads: list[int] = []
    tokens: list[int] = []
    flat_options: list[int] = []
    counts = np.zeros((len(numbers), width), dtype=np.int64)
    for i, number in enumerate(numbers):
        item = items[number]
        paths = _paths(tree, item)
        item_places.append(np.array(list(dict.fromkeys(place for path in paths for place in path))))
        for k, (path, option) in enumerate(zip(paths, item.options, strict=True)):
            reads += path[-len(option) :]
            tokens += option
            flat_options += [i * width + k] * len(option)
            counts[i, k] = len(option)
    unique_reads, answer_read = np.unique(reads, return_inverse=True)
    positions, attends = _ancestry(tree.parents)
    return Row(
        items=tuple(numbers),
        tokens=np.array(tree.tokens),
        positions=positions,
        attends=attends,
        reads=unique_reads,
        answer_read=answer_read,
        answer_token=np.array(tokens),
        answer_option=np.array(flat_options),
        option_tokens=counts,
        item_places=tuple(item_places),
    )


def _ancestry(parents: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Depth [S] of each place, and [S, S] whether q has k as its ancestor or itself."""
    attends = np.zeros((len(parents), len(parents)), dtype=bool)
    for place, parent in enumerate(parents):
        if parent >= 0:
            attends[place] = attends[parent]
        attends[place, place] = True
    return attends.sum(1) - 1, attends
