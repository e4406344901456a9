import csv
import hashlib
import os
import subprocess
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annobench import files
from annobench.errors import AnnobenchError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_the_new_content_replaces_the_old(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    for text in ("old", "new: ü"):
        files.write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert os.listdir(path.parent) == ["file.txt"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [None, "old"])
def test_an_interrupted_write_leaves_what_was_there(tmp_path, before, error):
    path = tmp_path / "file.txt"
    if before:
        path.write_text(before)

    def write_half():
        with files.replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert {entry.name: entry.read_text() for entry in tmp_path.iterdir()} == (
        {"file.txt": before} if before else {}
    )


def test_the_temporary_file_has_the_same_name_and_lies_on_the_same_disk(tmp_path):
    with files.replacing(tmp_path / "table.parquet") as temporary:
        temporary.touch()
        assert temporary.parent.parent == tmp_path
        assert temporary.name == "table.parquet"


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "file.txt", "")
    finally:
        os.umask(before)
    assert (tmp_path / "file.txt").stat().st_mode & 0o777 == 0o640


@given(JSON)
def test_canonical_json_does_not_depend_on_the_order_of_keys(value):
    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(entry) for entry in value] if isinstance(value, list) else value

    assert files.canonical_json(turned(value)) == files.canonical_json(value)


def test_canonical_json_by_hand():
    assert files.canonical_json({"b": [1, 2.5], "a": "ü"}) == '{"a":"ü","b":[1,2.5]}'
    with pytest.raises(ValueError, match="JSON"):
        files.canonical_json(float("nan"))


def test_json_survives_the_disk(tmp_path):
    value = {"b": [1, None, "ü"], "a": {"x": 0.1}}
    files.write_json(tmp_path / "value.json", value)
    assert files.read_json(tmp_path / "value.json") == value


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"\xff\xfe", b'{"a": 1}\n'])
def test_a_broken_json_file_is_named(tmp_path, content):
    path = tmp_path / "run.json"
    with pytest.raises(AnnobenchError, match=r"run\.json: cannot be read as JSON"):
        files.read_json(path)
    path.write_bytes(content)
    with pytest.raises(AnnobenchError, match=r"run\.json: is damaged: found no checksum"):
        files.read_json(path)


def test_sha256(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "blob").write_bytes(content)
    assert files.sha256(tmp_path / "blob") == hashlib.sha256(content).hexdigest()
    (tmp_path / "empty").touch()
    assert files.sha256(tmp_path / "empty").startswith("e3b0c44298fc1c14")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a {b: *a}", "found more than 100,000 values, or one that holds itself"),
        (
            "a: &a [x,x,x,x]\n"
            + "".join(
                f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n"
                for a, b in zip("abcdefg", "bcdefgh", strict=True)
            ),
            "found more than 100,000 values",
        ),
        (f"a: {'[' * 5000}", "found values nested too deep; allowed: YAML"),
        ("a: !!timestamp x", "cannot be read as YAML: "),
        ("a: !!bool x", "cannot be read as YAML: "),
        ("a: 2024-99-99", "cannot be read as YAML: month must be in 1..12"),
        (f"a: 0x{'f' * 9000}", "found a whole number beyond 64 bits"),
    ],
)
def test_hostile_yaml_is_refused_in_a_sentence(tmp_path, text, reason):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(AnnobenchError) as caught:
        files.read_yaml(path)
    assert reason in str(caught.value)


def test_csv_of_any_text_is_read_as_it_was(tmp_path):
    texts = ["a\rb", "a\nb", 'a"b', "=cmd|x", " a ", "NA", "\x1b[0m", "a,b", "\r"]
    frame = pd.DataFrame({"text": texts, "n": range(len(texts))})
    path = tmp_path / "t.csv"
    files.write_text(path, files.csv_text(frame))
    with path.open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file, strict=True)] == ["text", *texts]


def test_what_a_killed_writer_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from annobench import files\n"
        "with files.replacing(Path('dead.json')) as half:\n"
        "    with files.replacing_folder(Path('dead')) as folder:\n"
        "        half.write_text('{'); (folder / 'x').write_text('x'); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert len(list(tmp_path.iterdir())) == 2
    with (
        files.replacing(tmp_path / "deep" / "alive.txt") as living,
        files.replacing_folder(tmp_path / "folder") as building,
    ):
        living.write_text("alive")
        (building / "file").write_text("alive")
        files.settle(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert left == {"deep", "deep/alive.txt", "folder", "folder/file"}


def test_a_folder_of_the_same_content_is_left_as_it_is(tmp_path):
    def write(text):
        with files.replacing_folder(tmp_path / "folder") as building:
            (building / "file").write_text(text)
        return (tmp_path / "folder").stat().st_ino

    first = write("one")
    assert write("one") == first
    assert write("two") != first
    assert (tmp_path / "folder" / "file").read_text() == "two"
    assert os.listdir(tmp_path) == ["folder"]


def left_by_killed(tmp_path, code):
    """Run code that is to end by a kill, with `die()` at hand."""
    start = (
        "import os; from pathlib import Path; from annobench import files\n"
        "def die(*_): os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", start + code], cwd=tmp_path, check=False)
    assert done.returncode == -9


def test_a_scratch_folder_inside_another_is_swept(tmp_path):
    """As of an export that is killed while it writes its checksums."""
    left_by_killed(
        tmp_path,
        "with files.replacing_folder(Path('model')) as folder:\n"
        "    with files.replacing(folder / 'SHA256SUMS'): die()\n",
    )
    assert list(tmp_path.iterdir())
    files.settle(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_moved_away_by_a_killed_writer_is_put_back(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "file").write_text("old")
    left_by_killed(
        tmp_path,
        "with files.replacing_folder(Path('model')) as folder:\n"
        "    (folder / 'file').write_text('new')\n"
        "    move = Path.replace\n"
        "    Path.replace = lambda self, to: (move(self, to), die())\n",
    )
    assert not folder.exists()
    files.settle(tmp_path)
    assert (folder / "file").read_text() == "old"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_scratch_folder_without_a_lock_is_swept_when_it_is_old(tmp_path):
    """Its writer may be just about to lock it."""
    scratch = tmp_path / ".making.model.x"
    scratch.mkdir()
    files.settle(tmp_path)
    assert scratch.exists()
    os.utime(scratch, (0, 0))
    files.settle(tmp_path)
    assert not scratch.exists()


def test_a_sweep_and_living_writers_do_not_disturb_each_other(tmp_path):
    code = (
        "from pathlib import Path; from annobench import files\n"
        "for i in range(200):\n"
        "    with files.replacing_folder(Path('folder')) as folder:\n"
        "        files.write_text(folder / 'file', str(i))\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE)
    while writer.poll() is None:
        files.settle(tmp_path)
    assert writer.returncode == 0, writer.communicate()[1].decode()
    files.settle(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "file").read_text() == "199"
