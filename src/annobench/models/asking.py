"""How a model is asked: questions to its answers, by likelihood or by generated text."""

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from annobench import parsing, percentages, tables
from annobench.clock import phase
from annobench.files import canonical_json
from annobench.models.generating import Said, Writer
from annobench.models.learner import put_to_use
from annobench.models.loading import check_window, load_model, load_tokenizer
from annobench.models.responses import request_tokens
from annobench.models.saving import put_in
from annobench.models.settings import Model, Views
from annobench.models.tokens import TokenItem, prompt_tokens, tokenize, turn_tokens, written
from annobench.models.tuning import scorer_of
from annobench.models.verbal import prompt_of
from annobench.questions import Backend, Question
from annobench.seeds import generator
from annobench.training.loop import score
from annobench.training.precision import arithmetic
from annobench.training.settings import Training

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

Row = dict[str, Any]
"""A row of `tables.VIEW`, or a part of it."""


@dataclass(frozen=True)
class Asker:
    """A model that answers questions. It is loaded at the first of them."""

    folder: Path
    model: Model
    views: Views
    training: Training
    stream: tuple[str | int, ...]
    """Names of what sampled text may depend on, beside the question."""
    learned: Mapping[str, Tensor] = field(default_factory=dict)
    """A cell's trained parameters, which make it a trained model."""

    @phase("asking")
    def ask(self, questions: Sequence[Question], backend: Backend) -> pd.DataFrame:
        """`tables.VIEW`, one row for each question, in their order.

        `score` takes the likeliest option, or for free text the likeliest token after token, at
        least one, until a line or the text ends. `generate` samples a text and reads the answer
        from it; asked the same question again, it draws another text.

        Raises:
            AnnobenchError: the model cannot be loaded, or a question cannot be written for it
                or does not fit into its window.
            DivergedError: the model's scores are not numbers.
            MemoryError: a question does not fit.
        """
        torch.set_num_threads(self.training.threads)
        whole, _ = self._loaded
        begun = time.perf_counter()
        closed = [number for number, question in enumerate(questions) if question.options]
        free = [number for number, question in enumerate(questions) if not question.options]
        parts = (
            [(self._scored, closed), (self._continued, free)]
            if backend == "score"
            else [(self._generated, range(len(questions)))]
        )
        rows: list[Row] = [
            dict.fromkeys(tables.VIEW.names) | {"item": question.item} for question in questions
        ]
        tokens = 0
        for answer, numbers in parts:
            if numbers:
                found, count = answer([questions[number] for number in numbers])
                tokens += count
                for number, row in zip(numbers, found, strict=True):
                    rows[number] |= row
        seconds = time.perf_counter() - begun
        frame = pd.DataFrame(rows, columns=tables.VIEW.names).astype(
            {"answer": "Int64", "nll": float}
        )
        log.info(
            "%d questions to %s (%s) in %.1f s, %.0f tokens/s, %d answers could not be read",
            len(questions),
            whole.config.model_type,
            backend,
            seconds,
            tokens / max(seconds, 1e-9),
            int((frame["answer"].isna() & frame["text"].isna()).sum()),
        )
        return frame

    @phase("asking")
    def distributions(self, items: pd.DataFrame) -> pd.DataFrame:
        """How people answer `tables.ITEMS`, as the model writes it down: the columns item, text and
        verbal of `tables.PREDICTIONS`. `views.verbal` says how it is asked; it writes the likeliest
        token after token.

        Raises:
            AnnobenchError, DivergedError, MemoryError: as `ask`.
        """
        torch.set_num_threads(self.training.threads)
        whole, tokenizer = self._loaded
        verbal = self.views.verbal
        assert verbal is not None
        questions = list(zip(items["prompt"], items["options"], strict=True))
        seq2seq = whole.config.is_encoder_decoder
        prompts = [
            prompt_of(tokenizer, prompt, options, self.model, verbal, seq2seq)
            for prompt, options in questions
        ]
        said = [one.text for one in self._write(prompts, None, verbal.tokens, "")]
        read = [
            percentages.read(text, options)
            for text, (_, options) in zip(said, questions, strict=True)
        ]
        return pd.DataFrame({"item": items["item"].to_numpy(), "text": said, "verbal": read})

    @phase("asking")
    def responses(self, items: pd.DataFrame) -> list[Said]:
        """A response to the prompt of each of `tables.ITEMS`, drawn at `views.temperature`. The
        trained and the untrained model draw by the same uniform numbers.

        Raises:
            AnnobenchError, MemoryError: as `ask`.
        """
        torch.set_num_threads(self.training.threads)
        whole, tokenizer = self._loaded
        most = self.views.response_tokens
        draws = np.array(
            [generator("response", *self.stream, item).random(most) for item in items["item"]]
        )
        writer = Writer(whole, tokenizer, most, temperature=self.views.temperature)
        with arithmetic(whole.device, self.training.precision):
            return writer.write(self._requests(items), draws, self.views.side_by_side)

    def log_likelihoods(self, items: pd.DataFrame, said: Sequence[Said]) -> np.ndarray:
        """[n] how likely responses to the prompts of `tables.ITEMS`, this model's or another's, are
        at `views.temperature`, in logs.

        Raises:
            AnnobenchError, DivergedError, MemoryError: as `ask`.
        """
        if items.empty:
            return np.zeros(0)
        whole, _ = self._loaded
        texts = [
            TokenItem(item, prompt, (one.tokens,))
            for item, prompt, one in zip(items["item"], self._requests(items), said, strict=True)
        ]
        summed = self.model.model_copy(update={"score": "sum"})
        scorer = scorer_of(whole, summed, texts, None, self.training.row_tokens, whole.device)
        scorer.temperature = self.views.temperature
        return score(scorer, np.arange(len(texts)), 1, self.training.precision)[:, 0].numpy()

    def _requests(self, items: pd.DataFrame) -> list[tuple[int, ...]]:
        whole, tokenizer = self._loaded
        seq2seq = whole.config.is_encoder_decoder
        template = self.model.template
        return [request_tokens(tokenizer, each, template, seq2seq) for each in items["prompt"]]

    @cached_property
    def _loaded(self) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
        whole = load_model(self.folder)
        if self.learned:
            put_in(whole, self.model, self.learned)
        put_to_use(whole, self.training.precision)
        return whole, load_tokenizer(self.folder)

    def _scored(self, questions: Sequence[Question]) -> tuple[list[Row], int]:
        """The likeliest option of each question, and how many tokens were read."""
        whole, tokenizer = self._loaded
        seq2seq = whole.config.is_encoder_decoder
        items = [tokenize(tokenizer, question, self.model, seq2seq) for question in questions]
        check_window(whole, max(len(item.prompt) + max(map(len, item.options)) for item in items))
        training = self.training
        scorer = scorer_of(whole, self.model, items, None, training.row_tokens, whole.device)
        width = max(len(item.options) for item in items)
        scores = score(scorer, np.arange(len(items)), width, training.precision)
        rows: list[Row] = []
        for item, own in zip(items, scores.double(), strict=True):
            answer = int(own.argmax())
            parts = 1 if self.model.score == "mean" else len(item.options[answer])
            rows.append(
                {
                    "probabilities": own[: len(item.options)].softmax(-1).tolist(),
                    "answer": answer,
                    "nll": -float(own[answer]) / parts,
                }
            )
        return rows, sum(len(item.prompt) + sum(map(len, item.options)) for item in items)

    def _continued(self, questions: Sequence[Question]) -> tuple[list[Row], int]:
        """The likeliest continuation of each question's line, and how many tokens that took."""
        prompts = [self._read(written(question, self.model)[0]) for question in questions]
        said = self._write(prompts, None, self.views.answer_tokens, "\n")
        rows = [
            {"nll": one.nll} | understood(one.text, question, self.model, chat=False)
            for question, one in zip(questions, said, strict=True)
        ]
        return rows, sum(len(one.log_p) for one in said)

    def _read(self, text: str) -> tuple[int, ...]:
        whole, tokenizer = self._loaded
        return prompt_tokens(tokenizer, text, whole.config.is_encoder_decoder)

    def _write(
        self,
        prompts: Sequence[tuple[int, ...]],
        draws: np.ndarray | None,
        most: int,
        stop: str,
    ) -> list[Said]:
        """What follows each prompt."""
        whole, tokenizer = self._loaded
        writer = Writer(whole, tokenizer, most, stop, self.views.temperature, speaks=draws is None)
        with arithmetic(whole.device, self.training.precision):
            return writer.write(prompts, draws, self.views.side_by_side)

    def _generated(self, questions: Sequence[Question]) -> tuple[list[Row], int]:
        """A sampled text for each question, read, and how many tokens that took."""
        chat = bool(self._loaded[1].chat_template)
        prompts = [
            self._turn(question) if chat else self._plain(question) for question in questions
        ]
        stop = "" if chat else _opening(self.model).replace(" ", "").strip()
        said = self._write(prompts, self._draws(questions), self.views.new_tokens, stop)
        rows = [
            {"said": one.text, "nll": one.nll} | understood(one.text, question, self.model, chat)
            for question, one in zip(questions, said, strict=True)
        ]
        return rows, sum(len(one.log_p) for one in said)

    def _plain(self, question: Question) -> tuple[int, ...]:
        return self._read(written(question, self.model, listed=True)[0])

    def _turn(self, question: Question) -> tuple[int, ...]:
        return turn_tokens(self._loaded[1], turn(question, self.model))

    def _draws(self, questions: Iterable[Question]) -> np.ndarray:
        """[questions, new_tokens] uniform numbers of each question's own stream, which no other
        question moves; asked once more, it has another."""
        times: Counter[str] = Counter()
        draws = []
        for question in questions:
            digest = hashlib.sha256(canonical_json(asdict(question)).encode()).hexdigest()
            stream = generator("generated", *self.stream, digest, times[digest])
            draws.append(stream.random(self.views.new_tokens))
            times[digest] += 1
        return np.stack(draws)


def turn(question: Question, model: Model) -> str:
    """What a user asks in a chat: the question up to its answer, and how the reply is to end."""
    text = written(question, model, listed=True)[0].removesuffix(_closing(model))
    answer = "letter" if question.options and model.answer == "letter" else "answer"
    return f'{text}\n\nEnd your reply with the line "Answer: <{answer}>".'


def understood(said: str, question: Question, model: Model, chat: bool) -> Row:
    """`answer` or `text` as `parsing` reads it; a text that goes on with the question is read
    together with the end of the template, which may say "Answer:"."""
    text = said if chat else f"{_closing(model)} {said}"
    if question.options:
        letters = model.answer == "letter"
        return {"answer": parsing.option_said(text, question.options, letters)}
    return {"text": parsing.text_said(text)}


def _opening(model: Model) -> str:
    return model.template.partition("{prompt}")[0]


def _closing(model: Model) -> str:
    return model.template.partition("{prompt}")[2]
