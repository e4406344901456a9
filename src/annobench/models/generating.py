"""Text that a model generates, several texts side by side."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from annobench.errors import AnnobenchError, one_line
from annobench.models.loading import check_window, window
from annobench.models.memory import out_of_memory
from annobench.training.loop import DivergedError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Said:
    """A generated text, without whatever ended it."""

    text: str
    log_p: tuple[float, ...]
    """Log-probability of each token under the model as it is, at temperature 1."""
    tokens: tuple[int, ...]
    """All that was generated, with whatever ended it."""

    @property
    def nll(self) -> float | None:
        """Mean token NLL; None where nothing was said."""
        return -float(np.mean(self.log_p)) if self.log_p else None


@dataclass(frozen=True)
class Writer:
    """A model that goes on with texts until each ends, see `generate`."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    most: int
    """Most tokens of a text."""
    stop: str = ""
    """A text also ends before this, spaces aside. White space that it begins with ends nothing."""
    temperature: float = 1.0
    speaks: bool = False
    """Whether a text has at least one token."""

    def write(
        self,
        prompts: Sequence[tuple[int, ...]],
        draws: np.ndarray | None,
        side_by_side: int,
        copies: int = 1,
    ) -> list[Said]:
        """As `generate`, at most so many texts at a time, but all of a prompt; the longest prompts
        first. Fewer at a time where memory does not suffice, which changes no text but by rounding.

        Raises:
            AnnobenchError: as `generate`.
            MemoryError: the texts of one prompt do not fit.
        """
        order = sorted(range(len(prompts)), key=lambda number: -len(prompts[number]))
        said: dict[int, list[Said]] = {}
        at_once = max(1, side_by_side // copies)
        logged = time.perf_counter()
        while order:
            batch = order[:at_once]
            own = np.arange(copies) + copies * np.array(batch)[:, None]
            try:
                found = self.generate(
                    [prompts[number] for number in batch],
                    None if draws is None else draws[own.ravel()],
                    copies,
                )
            except Exception as error:
                if not out_of_memory(error):
                    raise
                if len(batch) == 1:
                    raise MemoryError(f"the texts of one prompt: {one_line(error)}") from error
                at_once = len(batch) // 2
                log.warning("%d prompts side by side from here on: %s", at_once, one_line(error))
                continue
            for place, number in enumerate(batch):
                said[number] = found[place * copies : (place + 1) * copies]
            order = order[at_once:]
            if time.perf_counter() - logged >= 10:
                log.info("%d of %d texts", copies * len(said), copies * len(prompts))
                logged = time.perf_counter()
        return [one for number in range(len(prompts)) for one in said[number]]

    def generate(
        self, prompts: Sequence[tuple[int, ...]], draws: np.ndarray | None = None, copies: int = 1
    ) -> list[Said]:
        """What follows each of these prompts, `copies` times side by side, all in one batch.

        A decoder-only model reads each prompt once for all its copies, and what all prompts begin
        with once for all of them. Each token is drawn by one of `draws` [prompts * copies, most],
        uniform on [0, 1), through the inverse of the model's cumulative distribution; without draws
        it is the likeliest. So a text does not depend on the others in its batch, but for rounding.

        Raises:
            AnnobenchError: a prompt leaves no room in the model's window, or no token ends a text.
        """
        ends = self._ends()
        pad = self.tokenizer.pad_token_id
        filler = ends[0] if pad is None else pad
        decoder = not self.model.config.is_encoder_decoder
        shared = _shared(prompts) if decoder and self._takes_positions() else 0
        width = max(map(len, prompts))
        ids = torch.full((len(prompts), width), filler)
        seen = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            rest = torch.tensor(prompt[shared:])
            ids[row, :shared] = torch.tensor(prompt[:shared])
            seen[row, :shared] = 1
            # A decoder goes on right behind the prompt, so what fills it up stands before.
            places = slice(width - len(rest), None) if decoder else slice(len(rest))
            ids[row, places] = rest
            seen[row, places] = 1
        pen = _Pen(self, len(prompts) * copies, ends, draws)
        self.model.generation_config = self._plainly(ends, filler)
        model: Any = self.model
        ids, seen = ids.to(model.device), seen.to(model.device)
        known = self._read_once(ids, seen, shared, copies) if shared else {}
        model.generate(
            ids.repeat_interleave(copies, 0),
            attention_mask=seen.repeat_interleave(copies, 0),
            max_new_tokens=self._room(width),
            logits_processor=[pen],
            **known,
        )
        return [
            self._cut(tokens, log_p, whole)
            for tokens, log_p, whole in zip(pen.said, pen.log_p, pen.whole, strict=True)
        ]

    def _takes_positions(self) -> bool:
        return "position_ids" in signature(self.model.forward).parameters

    @torch.no_grad()
    def _read_once(self, ids: Tensor, seen: Tensor, shared: int, copies: int) -> dict[str, Any]:
        """What a decoder keeps of all but the last token of each prompt, for every copy of it; the
        first `shared` tokens are the same in all."""
        from transformers import DynamicCache

        cache = DynamicCache(config=self.model.config)
        model: Any = self.model
        model(ids[:1, :shared], past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache.batch_repeat_interleave(len(ids))
        if shared < ids.shape[1] - 1:
            model(
                ids[:, shared:-1],
                attention_mask=seen[:, :-1],
                position_ids=(seen.cumsum(1) - 1).clamp(min=0)[:, shared:-1],
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        cache.batch_repeat_interleave(copies)
        return {"past_key_values": cache}

    def stops(self, tokens: Sequence[int]) -> bool:
        """Whether `stop` is at the end of these tokens and white space is not all before it."""
        end = tokens[-len(self.stop.encode()) - 1 :]
        if not self.stop or self.stop not in _dense(self._text(end)):
            return False
        return self.stop in _dense(self._text(tokens)).lstrip()

    def _text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))

    def _cut(self, tokens: list[int], log_p: list[float], whole: list[int]) -> Said:
        """The tokens before `stop`, if it is there."""
        kept = len(tokens)
        if self.stops(tokens):
            place = _dense(self._text(tokens)).rindex(self.stop)
            while kept and len(_dense(self._text(tokens[:kept]))) > place:
                kept -= 1
        return Said(self._text(tokens[:kept]), tuple(log_p[:kept]), tuple(whole))

    def _ends(self) -> list[int]:
        named = [self.tokenizer.eos_token_id]
        for config in (self.model.generation_config, self.model.config):
            found = getattr(config, "eos_token_id", None)
            named += found if isinstance(found, list) else [found]
        ends = list(dict.fromkeys(token for token in named if token is not None))
        if not ends:
            raise AnnobenchError(
                f"model type {self.model.config.model_type!r}: found no token that ends a text; "
                "allowed: an eos_token in tokenizer_config.json"
            )
        return ends

    def _room(self, width: int) -> int:
        """How many tokens fit behind prompts of `width`."""
        check_window(self.model, width + 1)
        return min(self.most, window(self.model) - width)

    def _plainly(self, ends: list[int], filler: int) -> Any:
        """No penalty, no forced token, nothing but what `_Pen` decides."""
        from transformers import GenerationConfig

        start = getattr(self.model.config, "decoder_start_token_id", None)
        return GenerationConfig(  # type: ignore[no-untyped-call]
            eos_token_id=ends, pad_token_id=filler, decoder_start_token_id=start, do_sample=False
        )


def _shared(prompts: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all prompts begin with; the last one of a prompt is not counted."""
    first, last = min(prompts), max(prompts)
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first[:-1], last[:-1], strict=False))
    return min(sum(1 for _ in same), min(map(len, prompts)) - 1)


def _dense(text: str) -> str:
    return text.replace(" ", "")


class _Pen:
    """A logits processor that decides each text's next token and keeps what it said."""

    def __init__(self, writer: Writer, texts: int, ends: list[int], draws: np.ndarray | None):
        self.writer = writer
        self.ends = ends
        self.draws = draws
        self.said: list[list[int]] = [[] for _ in range(texts)]
        self.log_p: list[list[float]] = [[] for _ in range(texts)]
        self.whole: list[list[int]] = [[] for _ in range(texts)]
        self.ended = [False] * texts
        self.step = 0

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Logits [texts, V] -> [texts, V], -inf but for the token decided on."""
        logits = scores.float()
        chosen = self._choose(self._allowed(logits))
        log_p = logits.log_softmax(-1).gather(1, chosen[:, None])[:, 0].tolist()
        if not all(map(math.isfinite, log_p)):
            raise DivergedError("the probability of a generated token is not a number")
        for row, token in enumerate(chosen.tolist()):
            if not self.ended[row]:
                self.whole[row].append(token)
            if not self.ended[row] and token not in self.ends:
                self.said[row].append(token)
                self.log_p[row].append(log_p[row])
            self.ended[row] |= token in self.ends or self.writer.stops(self.said[row])
        self.step += 1
        ended = torch.tensor(self.ended, device=chosen.device)
        chosen = chosen.masked_fill(ended, self.ends[0])
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen[:, None], 0.0)

    def _allowed(self, logits: Tensor) -> Tensor:
        if not self.writer.speaks or self.step:
            return logits
        return logits.index_fill(1, torch.tensor(self.ends, device=logits.device), -torch.inf)

    def _choose(self, logits: Tensor) -> Tensor:
        if self.draws is None:
            return logits.argmax(-1)
        drawn = torch.from_numpy(self.draws[:, self.step, None]).to(logits.device)
        summed = (logits / self.writer.temperature).softmax(-1).double().cumsum(-1)
        place = torch.searchsorted(summed, drawn * summed[:, -1:], right=True)[:, 0]
        return place.clamp(max=logits.shape[-1] - 1)
