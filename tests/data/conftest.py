"""A tiny mirror of the Hub, in the schemas of its own files."""

import gzip
import json
from itertools import chain
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from annobench.data.goemotions import EKMAN

TEXT, INT, TEXTS = pa.string(), pa.int64(), pa.list_(pa.string())
CHOICES = pa.struct({"text": TEXTS, "label": TEXTS})
SCHEMAS = {
    "allenai/openbookqa": {
        "id": TEXT,
        "question_stem": TEXT,
        "choices": CHOICES,
        "answerKey": TEXT,
    },
    "allenai/ai2_arc": {"id": TEXT, "question": TEXT, "choices": CHOICES, "answerKey": TEXT},
    "ybisk/piqa": {"goal": TEXT, "sol1": TEXT, "sol2": TEXT, "label": INT},
    "INK-USC/riddle_sense": {
        "answerKey": TEXT,
        "question": TEXT,
        "choices": pa.struct({"label": TEXTS, "text": TEXTS}),
    },
    "qiaojin/PubMedQA": {
        "pubid": INT,
        "question": TEXT,
        "context": pa.struct({"contexts": TEXTS, "labels": TEXTS, "meshes": TEXTS}),
        "long_answer": TEXT,
        "final_decision": TEXT,
    },
    "cais/mmlu": {"question": TEXT, "subject": TEXT, "choices": TEXTS, "answer": INT},
    "google/boolq": {"question": TEXT, "answer": pa.bool_(), "passage": TEXT},
    "takala/financial_phrasebank": {"sentence": TEXT, "label": INT},
    "google-research-datasets/go_emotions": {
        "text": TEXT,
        "id": TEXT,
        "author": TEXT,
        "subreddit": TEXT,
        "link_id": TEXT,
        "parent_id": TEXT,
        "created_utc": pa.float32(),
        "rater_id": pa.int32(),
        "example_very_unclear": pa.bool_(),
    }
    | dict.fromkeys(sorted(chain.from_iterable(EKMAN.values())), pa.int32()),
    "ucinlp/drop": {
        "section_id": TEXT,
        "query_id": TEXT,
        "passage": TEXT,
        "question": TEXT,
        "answers_spans": pa.struct({"spans": TEXTS, "types": TEXTS}),
    },
}


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """What `datasets` caches goes here, and it never looks for a network."""
    import datasets
    import huggingface_hub

    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", folder)
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        yield folder


@pytest.fixture(scope="session")
def write():
    """write(root, repository, {config: {split: rows}}): one data set of a mirror."""

    def make(root, repository, configs, schema=None):
        folder = root / "datasets" / repository
        schema = pa.schema(schema or SCHEMAS[repository])
        card = []
        for config, splits in configs.items():
            (folder / config).mkdir(parents=True, exist_ok=True)
            files = []
            for split, rows in splits.items():
                path = f"{config}/{split}-00000-of-00001.parquet"
                pq.write_table(pa.Table.from_pylist(rows, schema), folder / path)
                files.append({"split": split, "path": path})
            card.append({"config_name": config, "data_files": files})
        (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': card})}---\n")
        return root

    return make


def lettered(key, split, count, letters="ABCD"):
    """Rows whose answer is each option in turn, by letter."""
    return [
        {
            "id": f"{split}-id-{n}",
            key: f"Which is {split} {n}?",
            "choices": {
                "text": [f"{letter} of {n}" for letter in letters],
                "label": list(letters),
            },
            "answerKey": letters[n % len(letters)],
        }
        for n in range(count)
    ]


def numbered(split, count, **columns):
    """Rows of columns that are functions of the row number."""
    return [{name: make(f"{split} {n}", n) for name, make in columns.items()} for n in range(count)]


def piqa(split, count):
    return numbered(
        split,
        count,
        goal=lambda text, n: f"Goal {text}",
        sol1=lambda text, n: f"one way {text}",
        sol2=lambda text, n: f"another way {text} ",
        label=lambda text, n: n % 2,
    )


def boolq(split, count):
    return numbered(
        split,
        count,
        question=lambda text, n: f"is it {text}",
        answer=lambda text, n: n % 3 == 0,
        passage=lambda text, n: f"It is {text}.",
    )


def sentences(split, count):
    return numbered(
        split,
        count,
        sentence=lambda text, n: f"Sales rose {text} .",
        label=lambda text, n: n % 3,
    )


def abstracts(split, count):
    return numbered(
        split,
        count,
        pubid=lambda text, n: 1000 + n,
        question=lambda text, n: f"Does it help {text}?",
        context=lambda text, n: {
            "contexts": ["We asked many people.", "Some said so."],
            "labels": ["METHODS", "RESULTS"],
            "meshes": ["Humans"],
        },
        long_answer=lambda text, n: "It may.",
        final_decision=lambda text, n: ["yes", "no", "maybe"][n % 3],
    )


def exams(split, count):
    subjects = ["anatomy", "virology"]
    return numbered(
        split,
        count,
        question=lambda text, n: f"Exam {text}?",
        subject=lambda text, n: subjects[n % 2],
        choices=lambda text, n: [f"one {n}", "two", "three", None],
        answer=lambda text, n: n // 2 % 4,
    )


def counted(split, count):
    """A number, a span, a date and two spans in turn; by three annotators in validation."""
    answers = [("number", ["3"]), ("span", ["Ada"]), ("date", ["17 August"]), ("span", ["A", "B"])]
    times = 3 if split == "validation" else 1
    return numbered(
        split,
        count,
        section_id=lambda text, n: f"nfl_{n // 2}",
        query_id=lambda text, n: f"{split}-query-{n}",
        passage=lambda text, n: f" It is {text}.",
        question=lambda text, n: f"How many {text}?",
        answers_spans=lambda text, n: {
            "spans": answers[n % 4][1] * times,
            "types": [answers[n % 4][0]] * len(answers[n % 4][1]) * times,
        },
    )


def opinion(comment, rater, *emotions):
    """A row of GoEmotions: a rater's emotions of a comment; very unclear if there are none."""
    emotion = dict.fromkeys(chain.from_iterable(EKMAN.values()), 0) | dict.fromkeys(emotions, 1)
    return emotion | {
        "text": f"Text of {comment}.",
        "id": comment,
        "rater_id": rater,
        "example_very_unclear": not emotions,
    }


def opinions(comments):
    """Of three raters, who disagree on every other comment."""
    return [
        opinion(f"c{n}", rater, ["love", "grief" if n % 2 else "love", "neutral"][rater])
        for n in range(comments)
        for rater in range(3)
    ]


def judged(part, count):
    """Rows of ChaosNLI, from unanimous to undecided."""
    return [
        {
            "uid": f"{part}-{n}",
            "label_count": [100 - n, n // 2, n - n // 2],
            "example": {"premise": f"Premise {part} {n}.", "hypothesis": f"Hypothesis {n}."},
        }
        for n in range(count)
    ]


def write_judged(folder):
    folder.mkdir(parents=True)
    for part, count in {"snli": 40, "mnli_m": 60}.items():
        lines = "".join(json.dumps(row) + "\n" for row in judged(part, count))
        (folder / f"chaosNLI_{part}.jsonl").write_text(lines)


def chaosnli(root):
    """Its copy is of JSON lines."""
    folder = root / "datasets" / "easonnie" / "ChaosNLI"
    write_judged(folder / "chaosNLI_v1.0")
    files = [
        {"split": part, "path": f"chaosNLI_v1.0/chaosNLI_{part}.jsonl"}
        for part in ("snli", "mnli_m")
    ]
    card = {"configs": [{"config_name": "chaosNLI_v1.0", "data_files": files}]}
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(card)}---\n")


def completion(model, text, score):
    """A completion of UltraFeedback; `score` is the mean of its ratings, or None for N/A."""
    rating = {"Rating": "N/A" if score is None else str(score), "Rationale": "It is so."}
    more = {"Rationale For Rating": "It is so.", "Type": ["1"]}
    aspects = {"helpfulness": rating | more, "honesty": rating, "instruction_following": rating}
    return {
        "model": model,
        "principle": "helpfulness",
        "custom_system_prompt": "Help.",
        "response": text,
        "critique": "Not bad.",
        "overall_score": 7.5,
        "fine-grained_score": score,
        "annotations": aspects | {"truthfulness": rating | more},
    }


def instruction(text, *completions):
    """A row of UltraFeedback."""
    return {
        "source": "sharegpt",
        "instruction": text,
        "models": [each["model"] for each in completions],
        "completions": list(completions),
        "correct_answers": ["None"],
        "incorrect_answers": ["None"],
    }


def instructions(name, count):
    """Answered by gpt-4 and alpaca-7b, of which one or the other is better or neither, and two."""
    scores = [(4.5, 2.0), (3.0, 3.5), (4.0, 4.0)]
    return [
        instruction(
            f"Do {name} {n}.",
            completion("alpaca-7b", f"Weak {n}.", scores[n % 3][1]),
            completion("bard", f"Other {n}.", 5.0),
            completion("gpt-4", f"Strong {n}.", scores[n % 3][0]),
            completion("starchat", f"Chat {n}.", None),
        )
        for n in range(count)
    ]


def rated(prompt, response, *ratings):
    """A row of HelpSteer."""
    columns = ["helpfulness", "correctness", "coherence", "complexity", "verbosity"]
    return {"prompt": prompt, "response": response} | dict(zip(columns, ratings, strict=True))


def ratings(split, count):
    """Two responses to each prompt; the first is better, the second, or neither."""
    return [
        rated(f"Ask {split} {n}.", f"{which} {n}.", 3, 2 + (n % 3 == place), 4, 2, 1)
        for n in range(count)
        for place, which in enumerate(["One", "Two"])
    ]


def write_ultrafeedback(root, rows):
    """As on the Hub: JSON lines of several sources, one config, one split."""
    folder = root / "datasets" / "openbmb" / "UltraFeedback"
    folder.mkdir(parents=True)
    for source, held in {"flan": rows[:1], "sharegpt": rows[1:]}.items():
        lines = "".join(json.dumps(row) + "\n" for row in held)
        (folder / f"{source}.jsonl").write_text(lines)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")


def write_helpsteer(root, repository, splits):
    """As on the Hub: a compressed file for each split, and no list of them."""
    folder = root / "datasets" / "nvidia" / repository
    folder.mkdir(parents=True)
    for split, rows in splits.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")


@pytest.fixture(scope="session")
def rows():
    """Makers of rows by hand."""
    return SimpleNamespace(
        opinion=opinion,
        write_judged=write_judged,
        completion=completion,
        instruction=instruction,
        write_ultrafeedback=write_ultrafeedback,
        rated=rated,
        write_helpsteer=write_helpsteer,
    )


@pytest.fixture(scope="session")
def hub_root(tmp_path_factory, write):
    """Every data set, each split with another number of rows."""
    root = tmp_path_factory.mktemp("hub")
    sizes = {"train": 40, "validation": 10, "test": 12}

    def official(make, *splits):
        return {split: make(split, sizes[split]) for split in splits or sizes}

    write(
        root,
        "allenai/openbookqa",
        {"main": official(lambda split, n: lettered("question_stem", split, n))},
    )
    numerals = lettered("question", "four", 8, letters="1234")
    three, five = (lettered("question", k, 2, letters=k) for k in ("ABC", "ABCDE"))
    arc = {
        "ARC-Challenge": official(lambda split, n: lettered("question", f"hard {split}", n)),
        "ARC-Easy": official(lambda split, n: lettered("question", f"easy {split}", n)),
    }
    arc["ARC-Easy"]["test"] += numerals + three + five
    write(root, "allenai/ai2_arc", arc)
    write(root, "ybisk/piqa", {"plain_text": official(piqa, "train", "validation")})
    riddles = official(
        lambda split, n: lettered("question", split, n, "ABCDE"), "train", "validation"
    )
    write(root, "INK-USC/riddle_sense", {"default": riddles})
    write(root, "qiaojin/PubMedQA", {"pqa_labeled": official(abstracts, "train")})
    write(root, "cais/mmlu", {"all": {"test": exams("test", 64), "validation": exams("dev", 6)}})
    write(root, "google/boolq", {"default": official(boolq, "train", "validation")})
    write(root, "ucinlp/drop", {"default": official(counted, "train", "validation")})
    chaosnli(root)
    emotions = {"raw": {"train": opinions(60)}}
    write(root, "google-research-datasets/go_emotions", emotions)
    hub_only = official(sentences, "train")
    write(root, "takala/financial_phrasebank", {"sentences_allagree": hub_only})
    write_ultrafeedback(root, instructions("this", 40))
    for repository in ("HelpSteer", "HelpSteer2"):
        write_helpsteer(root, repository, official(ratings, "train", "validation"))
    return root


@pytest.fixture
def one(hub_root):
    """one(module, **keys): the items of a data set of the mirror, by name."""

    def make(module, **keys):
        return module.items("mine", module.Settings(**keys), hub_root).set_index("item")

    return make
