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


@dataclass(frozen=True)
class EncoderDecoderScorer:
    """Scores items with an encoder-decoder model.

    The decoder of T5 knows positions only by the distance between tokens, so options are not
    packed: each is a short decoder sequence over its item's one encoding. Where every option is
    one token (letters), one decoder step scores them all.
    """

    model: "PreTrainedModel"
    items: Sequence[TokenItem]
    score: str
    row_tokens: int
    device: torch.device

    def chunks(self, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Item numbers [n] and their option scores [n, K], chunk by chunk."""
        start = 0
        while start < len(numbers):
            end = self._end(numbers, start)
            chunk = numbers[start:end]
            yield chunk, self._scores([self.items[number] for number in chunk])
            start = end

    def _end(self, numbers: np.ndarray, start: int) -> int:
        """Where the padded encoder batch that begins at `start` has to end."""
        longest = 0
        for end in range(start, len(numbers)):
            longest = max(longest, len(self.items[numbers[end]].prompt))
            if longest * (end + 1 - start) > self.row_tokens and end > start:
                return end
        return len(numbers)

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
        log_p = output.logits.float().log_softmax(-1)
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
