"""Option scores of encoder-decoder models (T5 and its like): the encoder runs once per item."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from annobench.models.tokens import TokenItem

if TYPE_CHECKING:
    from transformers import PreTrainedModel


CPU_PADDING = 512
"""On a CPU a batch ends rather than pad more tokens than this. Our choice: for one more pass, it
takes steps of 16 items of 5 to 500 tokens from 60 % of padding to 37 %. On a GPU a pass over few
tokens takes as long as one over many, so there only `row_tokens` ends a batch."""


@dataclass
class EncoderDecoderScorer:
    """Scores items with an encoder-decoder model.

    The decoder of T5 knows positions only by the distance between tokens, so options are not
    packed: each is a short decoder sequence over its item's one encoding. Where every option is
    one token (letters), one decoder step scores them all. Items are taken by length, the longest
    first, so that a batch pads little and the largest comes first.
    """

    model: "PreTrainedModel"
    items: Sequence[TokenItem]
    score: str
    row_tokens: int
    """Most encoder tokens in a batch of several items, padding included; halved when memory does
    not suffice."""
    device: torch.device
    temperature: float = 1.0
    """Of the distribution whose log-probabilities are scored."""

    def chunks(self, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Item numbers [n] and their option scores [n, K], chunk by chunk."""
        lengths = np.array([len(self.items[number].prompt) for number in numbers])
        order = np.argsort(-lengths, kind="stable")
        numbers, lengths = numbers[order], lengths[order]
        most = CPU_PADDING if self.device.type == "cpu" else np.inf
        while len(numbers):
            fit = max(1, self.row_tokens // lengths[0])
            size = min(fit, np.searchsorted(np.cumsum(lengths[0] - lengths), most, "right"))
            chunk, numbers, lengths = numbers[:size], numbers[size:], lengths[size:]
            yield chunk, self._scores([self.items[number] for number in chunk])

    def shortest(self) -> int:
        """Encoder tokens of the smallest item."""
        return min(len(item.prompt) for item in self.items)

    def _scores(self, items: Sequence[TokenItem]) -> Tensor:
        prompts = self._pad([item.prompt for item in items])
        seen = self._pad([(1,) * len(item.prompt) for item in items])
        encoded = self.model.get_encoder()(input_ids=prompts, attention_mask=seen)
        counts = torch.tensor([len(item.options) for item in items])
        one_step = all(len(option) == 1 for item in items for option in item.options)
        flat = [(i, option) for i, item in enumerate(items) for option in item.options]
        owner = torch.tensor([i for i, _ in flat], device=self.device)
        answers = self._pad([option for _, option in flat])
        start = self.model.config.decoder_start_token_id
        if one_step:
            inputs = torch.full((len(items), 1), start, device=self.device)
        else:
            inputs = torch.cat([torch.full_like(answers[:, :1], start), answers[:, :-1]], 1)
            encoded.last_hidden_state = encoded.last_hidden_state[owner]
            seen = seen[owner]
        output = self.model(
            encoder_outputs=encoded, attention_mask=seen, decoder_input_ids=inputs, use_cache=False
        )
        log_p = (output.logits.float() / self.temperature).log_softmax(-1)
        token_log_p = (log_p[owner] if one_step else log_p).gather(-1, answers[..., None])[..., 0]
        lengths = self._pad([(1,) * len(option) for _, option in flat])
        scores = (token_log_p * lengths).sum(-1)
        if self.score == "mean":
            scores = scores / lengths.sum(-1)
        split = list(scores.split(counts.tolist()))
        return pad_sequence(split, batch_first=True, padding_value=-torch.inf)

    def _pad(self, sequences: Sequence[Sequence[int]]) -> Tensor:
        tensors = [torch.tensor(sequence) for sequence in sequences]
        return pad_sequence(tensors, batch_first=True).to(self.device)
