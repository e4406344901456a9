import hashlib
import json
import random

import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from annobench import files, seals, tables, tensors
from annobench.errors import AnnobenchError
from annobench.study import read_study

HOSTILE = [
    seals.MARK,
    f'"{seals.MARK}":"{"1" * 64}"',
    f'"{seals.MARK}": "{"1" * 64}"\n}}\n',
    f"{seals.MARK}\x18\x40{seals.BLANK}",
]
"""Texts of a user that look like a seal."""


def write_table(path, text):
    frame = pd.DataFrame({"item": [text, "b"], "label": [0, 1], "annotator": [text, None]})
    tables.write(path, frame, tables.ANNOTATIONS)


def write_tensors(path, text):
    tensors.write(path, {text: torch.arange(3.0)}, {"recipe": text, text: "value"})


def write_json(path, text):
    files.write_json(path, {"z": text, "a": [text, {text: text}], text + "?": 1})


WRITERS = {"parquet": write_table, "safetensors": write_tensors, "json": write_json}
kinds = pytest.mark.parametrize("kind", WRITERS)


@pytest.fixture
def sealed(tmp_path):
    def write(kind, text="text"):
        path = tmp_path / f"file.{kind}"
        WRITERS[kind](path, text)
        return path

    return write


@kinds
@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_that_looks_like_a_seal_neither_breaks_nor_fools_it(sealed, kind, text):
    path = sealed(kind, text)
    assert seals.fault(path) is None
    content = path.read_bytes()
    for at in (n for n in range(len(content)) if content[n : n + 1] in b"01"):
        path.write_bytes(content[:at] + b"7" + content[at + 1 :])
        assert seals.fault(path)


@kinds
def test_every_flipped_bit_and_every_missing_end_is_found(sealed, kind):
    path = sealed(kind)
    content = path.read_bytes()
    for at in range(len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << random.Random(at).randrange(8)
        path.write_bytes(flipped)
        assert seals.fault(path), at
        path.write_bytes(content[:at])
        assert seals.fault(path), at
    path.write_bytes(content + b"\n")
    assert seals.fault(path)


@kinds
def test_the_seal_is_the_checksum_of_the_file_with_zeros_in_its_place(sealed, kind):
    content = sealed(kind).read_bytes()
    digest = next(
        content[n : n + 64]
        for n in range(len(content))
        if hashlib.sha256(content[:n] + b"0" * 64 + content[n + 64 :]).hexdigest().encode()
        == content[n : n + 64]
    )
    assert content.count(digest) == 1


@kinds
def test_equal_contents_are_equal_files(tmp_path, kind):
    WRITERS[kind](tmp_path / f"one.{kind}", "text")
    WRITERS[kind](tmp_path / f"two.{kind}", "text")
    if kind != "safetensors":  # which turns the order of several keys of metadata as it likes
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def test_a_tensor_file_without_metadata_of_its_own_is_the_same_each_time(tmp_path):
    paths = [tmp_path / f"{name}.safetensors" for name in "ab"]
    for path in paths:
        tensors.write(path, {"x": torch.ones(2)})
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_file_is_read_once_until_it_is_another(sealed, monkeypatch):
    path = sealed("json")
    reads, unsealed = [], seals._unsealed
    monkeypatch.setattr(seals, "_unsealed", lambda *at: reads.append(at) or unsealed(*at))
    for _ in range(3):
        seals.check(path)
    assert len(reads) == 1
    write_json(path, "changed")
    seals.check(path)
    assert len(reads) == 2


def test_what_is_wrong_is_one_sentence_with_a_way_out(sealed):
    path = sealed("parquet")
    content = path.read_bytes()
    path.write_bytes(content[:10] + bytes([content[10] ^ 4]) + content[11:])
    with pytest.raises(AnnobenchError) as caught:
        seals.check(path)
    assert str(caught.value) == (
        f"{path}: is damaged: found another content than its checksum says; allowed: whole files; "
        "`annobench check STUDY --remove` removes it, and snakemake makes it again"
    )


def test_a_damaged_cache_is_as_good_as_none_and_is_logged(sealed, caplog):
    path = sealed("safetensors")
    assert seals.whole(path)
    path.write_bytes(path.read_bytes()[:-1])
    assert not seals.whole(path)
    assert "file.safetensors: is damaged and not used: found another content" in caplog.text
    path.unlink()
    caplog.clear()
    assert not seals.whole(path)
    assert not caplog.text


@kinds
def test_others_read_a_sealed_file(sealed, kind):
    path = sealed(kind)
    if kind == "json":
        assert list(json.loads(path.read_text()))[-1] == seals.MARK
    elif kind == "parquet":
        assert pd.read_parquet(path)["label"].tolist() == [0, 1]
        assert seals.MARK.encode() in pq.read_metadata(path).metadata
    else:
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            assert len(file.metadata()[seals.MARK]) == 64


@given(st.dictionaries(st.text(), st.recursive(st.text() | st.integers(), st.lists)))
def test_json_survives_its_seal(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "value.json"
    files.write_json(path, value)
    assert files.read_json(path) == value
    assert seals.MARK not in value


STUDY = {
    "study": "s",
    "datasets": {"geo": {"source": "geonames"}},
    "models": {"m": {"source": "path:m", "tune": {"kind": "full"}}},
    "methods": {"zero-shot": {}},
}


def test_a_study_file_needs_no_seal_but_one_that_is_there_has_to_fit(tmp_path):
    path = tmp_path / "study.json"
    path.write_text(json.dumps(STUDY))
    plain = read_study(path)
    files.write_json(path, STUDY)
    assert read_study(path) == plain
    copy = tmp_path / "study.yaml"
    copy.write_bytes(path.read_bytes())
    assert read_study(copy) == plain
    text = path.read_text()
    path.write_text(text.replace('"s"', '"t"'))
    with pytest.raises(AnnobenchError, match=r"study\.json: is damaged: .* edited and without"):
        read_study(path)
    edited = json.loads(text) | {"study": "t"}
    del edited[seals.MARK]
    path.write_text(json.dumps(edited))
    assert read_study(path).study == "t"


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        seals.check(tmp_path / "none.json")
