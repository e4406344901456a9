"""Option scores of decoder-only models, whole or from frozen states."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from annobench.errors import AnnobenchError, one_line
from annobench.models.memory import in_smaller_rows
from annobench.models.packing import Row, own_size, pack
from annobench.models.tokens import TokenItem

if TYPE_CHECKING:
    from transformers import PreTrainedModel


LENGTH_STEP = 16
"""A row length that was not seen before costs the CPU about a third of a training step: kernels
are prepared for it. So there are few lengths."""


@dataclass(frozen=True)
class States:
    """Hidden states that enter the first trained layer, for each item's own places."""

    values: Tensor
    """[sum of places, H]."""
    starts: np.ndarray
    """[items] where each item's places begin."""

    def of(self, row: Row, numbers: np.ndarray) -> Tensor:
        """[1, S, H]: the states of a row whose i-th item is item `numbers[i]`.

        A place that several items share takes the state of the last of them.
        """
        source = np.empty(len(row.tokens), dtype=np.int64)
        for number, places in zip(numbers, row.item_places, strict=True):
            source[places] = self.starts[number] + np.arange(len(places))
        return self.values[torch.from_numpy(source)].unsqueeze(0)


def layer_stack(model: "PreTrainedModel") -> nn.ModuleList:
    """The model's decoder layers.

    Raises:
        AnnobenchError: there is not exactly one list of `num_hidden_layers` modules.
    """
    count = model.config.num_hidden_layers
    stacks = [m for m in model.modules() if isinstance(m, nn.ModuleList) and len(m) == count]
    if len(stacks) != 1:
        raise AnnobenchError(
            f"model type {model.config.model_type!r}: {len(stacks)} stacks of {count} layers "
            "found; allowed: exactly one (use tune: {kind: full})"
        )
    return stacks[0]


def split_layers(model: "PreTrainedModel", layers: int) -> tuple[nn.ModuleList, int]:
    """The model's layers, and how many of them come before the last `layers`.

    Raises:
        AnnobenchError: there are not that many layers, or they cannot be fed with states.
    """
    stack = layer_stack(model)
    if layers > len(stack):
        raise AnnobenchError(f"tune.layers: found {layers}; allowed: 1 to {len(stack)}")
    embeddings: Any = model.get_input_embeddings()
    hidden = model.config.hidden_size
    if (width := embeddings.weight.shape[1]) != hidden:
        raise AnnobenchError(
            f"tune: {{kind: top-layers}} of model type {model.config.model_type!r}: found "
            f"embeddings of {width} numbers before layers of {hidden}; allowed: as many as the "
            "layers have (use tune: {kind: full} or {kind: lora})"
        )
    return stack, len(stack) - layers


class TopDecoder(nn.Module):
    """The last layers of a decoder-only model, fed with the states that the rest computed.

    Whatever the model does to its input embeddings (scaling, positions) is bypassed: a hook puts
    the states in front of the first remaining layer.
    """

    def __init__(self, model: "PreTrainedModel", layers: int) -> None:
        super().__init__()
        stack, frozen = split_layers(model, layers)
        del stack[:frozen]
        model.config.num_hidden_layers = layers
        if getattr(model.config, "layer_types", None):
            model.config.layer_types = model.config.layer_types[-layers:]
        self.model = model
        self._states: Tensor | None = None
        stack[0].register_forward_pre_hook(self._put_states, with_kwargs=True)

    def _put_states(
        self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if args:
            return (self._states, *args[1:]), kwargs
        return args, kwargs | {"hidden_states": self._states}

    def forward(self, states: Tensor, **kwargs: Any) -> Any:
        if not torch.is_autocast_enabled(states.device.type):
            states = states.float()  # another machine may have stored them in bf16
        self._states = states
        return self.model(inputs_embeds=states, **kwargs)


@dataclass
class DecoderScorer:
    """Scores items with a decoder-only model, many items in a row, each distinct prefix once.

    Nothing in a row is padded, so rows take the items as they come: neighbours often share text.
    """

    model: nn.Module
    """The whole model, or a `TopDecoder`."""
    items: Sequence[TokenItem]
    score: str
    """`sum` or `mean` of an option's token log-probabilities."""
    row_tokens: int
    """Most tokens in a row of several items; halved when memory does not suffice."""
    device: torch.device
    states: States | None = None
    """What a `TopDecoder` starts from, for the same items."""
    temperature: float = 1.0
    """Of the distribution whose log-probabilities are scored."""

    def chunks(self, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Item numbers [n] and their option scores [n, K], chunk by chunk.

        The caller may run a backward pass on a chunk before it asks for the next.
        """
        for row, log_p in self.answers(numbers, self.temperature):
            yield numbers[list(row.items)], option_scores(log_p, row, self.score)

    def answers(
        self, numbers: np.ndarray, temperature: float = 1.0
    ) -> Iterator[tuple[Row, Tensor]]:
        """Each packed row and the log-probabilities [T] of its answer tokens: item by item as
        `numbers` [n] has them, option by option, token by token."""
        for row in pack([self.items[number] for number in numbers], self.row_tokens):
            chosen = numbers[list(row.items)]
            states = None if self.states is None else self.states.of(row, chosen)
            logits = row_logits(self.model, row, self.device, states) / temperature
            read, token = torch.from_numpy(row.answer_read), torch.from_numpy(row.answer_token)
            yield row, logits.log_softmax(-1)[read.to(self.device), token.to(self.device)]

    def shortest(self) -> int:
        """Tokens of the smallest item."""
        return min(own_size(item) for item in self.items)


def row_logits(
    model: nn.Module, row: Row, device: torch.device, states: Tensor | None = None
) -> Tensor:
    """Vocabulary logits [P, V] at the row's reads, in fp32.

    The row is filled up to a multiple of `LENGTH_STEP` with places that only see themselves.
    """
    filler = -len(row.tokens) % LENGTH_STEP
    attends = np.pad(row.attends, (0, filler))
    np.fill_diagonal(attends, True)
    inputs = (
        {"input_ids": torch.from_numpy(np.pad(row.tokens, (0, filler))).to(device)[None]}
        if states is None
        else {"states": pad(states, (0, 0, 0, filler)).to(device)}
    )
    output = model(
        **inputs,
        attention_mask=_mask(model, torch.from_numpy(attends).to(device)),
        position_ids=torch.from_numpy(np.pad(row.positions, (0, filler))).to(device)[None],
        logits_to_keep=torch.from_numpy(row.reads).to(device),
        use_cache=False,
    )
    logits: Tensor = output.logits[0].float()
    return logits


def _mask(model: nn.Module, attends: Tensor) -> Tensor:
    """[S, S] bool -> [1, 1, S, S] in the form that the model's attention takes."""
    config: Any = (model.model if isinstance(model, TopDecoder) else model).config
    if config._attn_implementation == "sdpa":
        return attends[None, None]
    zeros = torch.zeros(attends.shape, device=attends.device)
    return zeros.masked_fill(~attends, torch.finfo(torch.float32).min)[None, None]


def option_scores(log_p: Tensor, row: Row, score: str) -> Tensor:
    """[T] -> [n, K]: each option's summed or mean token log-probability; -inf: no option."""
    option = torch.from_numpy(row.answer_option).to(log_p.device)
    counts = torch.from_numpy(row.option_tokens).to(log_p.device)
    scores = log_p.new_zeros(counts.numel()).index_add(0, option, log_p).view(counts.shape)
    if score == "mean":
        scores = scores / counts.clamp(min=1)
    return scores.masked_fill(counts == 0, -torch.inf)


def plain_scores(model: "PreTrainedModel", item: TokenItem, score: str) -> Tensor:
    """[K]: the same scores with one ordinary sequence per option, the reference for packing."""
    scores = []
    for option in item.options:
        tokens = torch.tensor([*item.prompt, *option], device=model.device)
        log_p = model(input_ids=tokens[None], use_cache=False).logits[0].float().log_softmax(-1)
        places = torch.arange(len(item.prompt) - 1, len(tokens) - 1)
        answer = log_p[places, tokens[len(item.prompt) :]]
        scores.append(answer.sum() if score == "sum" else answer.mean())
    return torch.stack(scores)


@torch.no_grad()
def check_packing(model: "PreTrainedModel", items: Sequence[TokenItem], row_tokens: int) -> None:
    """Refuse a model whose scores change when items are packed.

    Raises:
        AnnobenchError: a packed score differs from the plain one by more than 1e-3 (fp32), or the
            model cannot compute it.
        MemoryError: it does not fit with one item in a row.
    """
    scorer = DecoderScorer(model, items, "sum", row_tokens, model.device)
    all_items = np.arange(len(items))
    try:
        packed = in_smaller_rows(
            scorer, lambda: [row for _, scores in scorer.chunks(all_items) for row in scores]
        )
    except (RuntimeError, TypeError, ValueError) as error:
        raise _unpackable(model, f"cannot be computed ({one_line(error)})") from error
    for item, scores in zip(items, packed, strict=True):
        plain = plain_scores(model, item, "sum")
        worst = (scores[: len(plain)] - plain).abs().max().item()
        if not worst <= 1e-3:
            raise _unpackable(model, f"differ from plain ones by {worst:.3g}, more than 0.001")


def _unpackable(model: "PreTrainedModel", what: str) -> AnnobenchError:
    return AnnobenchError(
        f"model type {model.config.model_type!r}: packed option scores {what}; allowed: families "
        "whose attention follows a custom mask and positions, and texts within their window"
    )


class _Reached(Exception):  # noqa: N818  # nothing is wrong
    """Ends a forward pass that need not go on."""


@torch.no_grad()
def frozen_states(
    model: "PreTrainedModel", items: Sequence[TokenItem], layers: int, row_tokens: int
) -> States:
    """The hidden states that enter the last `layers` layers; these are not run.

    Raises:
        AnnobenchError: the model has fewer layers, or they cannot be fed with states.
    """

    def catch(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        raise _Reached((args[0] if args else kwargs["hidden_states"])[0])

    stack, frozen = split_layers(model, layers)
    handle = stack[frozen].register_forward_pre_hook(catch, with_kwargs=True)
    starts = np.cumsum([0] + [own_size(item) for item in items])
    values: Tensor | None = None
    try:
        for row in pack(items, row_tokens):
            hidden = _until_reached(model, row)
            if values is None:
                values = torch.empty(int(starts[-1]), hidden.shape[-1], dtype=hidden.dtype)
            for number, places in zip(row.items, row.item_places, strict=True):
                values[starts[number] : starts[number + 1]] = hidden[torch.from_numpy(places)].cpu()
    finally:
        handle.remove()
    assert values is not None
    return States(values, starts[:-1])


def _until_reached(model: "PreTrainedModel", row: Row) -> Tensor:
    """[S, H]: the states of a row where a hook ends the forward pass."""
    try:
        row_logits(model, row, model.device)
    except _Reached as reached:
        states: Tensor = reached.args[0]
        return states
    raise AssertionError("a layer's hook ends every forward pass")
