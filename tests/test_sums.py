import subprocess

import pytest

from annobench import sums


@pytest.fixture
def written(tmp_path):
    """Two files and their checksums."""
    folder = tmp_path / "tables"
    folder.mkdir()
    made = [folder / "t.csv", folder / "t.md"]
    for path in made:
        path.write_text(path.name)
    sums.write(folder / "t.sha256", made)
    return folder / "t.sha256", made


def test_what_is_written_is_what_sha256sum_reads(written):
    path, made = written
    assert sums.faults(path, [*made, path]) == {}
    subprocess.run(["sha256sum", "--check", "--strict", path.name], cwd=path.parent, check=True)


def test_what_is_damaged_missing_or_not_named_is_a_fault(written):
    path, made = written
    made[0].write_text("other")
    made[1].unlink()
    new = path.parent / "t.tex"
    assert sums.faults(path, [*made, new]) == {
        made[0]: "another content than its checksum says",
        made[1]: "No such file or directory",
        path: "no checksum of t.tex",
    }


@pytest.mark.parametrize("name", ["{outside}", "../precious.txt", "../tables/t.md", "other.md"])
def test_a_name_of_another_file_is_a_fault_of_the_checksums_alone(written, name):
    """Or else `annobench check --remove` would remove it."""
    path, made = written
    outside = path.parent.parent / "precious.txt"
    outside.write_text("precious")
    name = name.format(outside=outside)
    with path.open("a") as file:
        file.write(f"{'0' * 64}  {name}\n")
    assert sums.faults(path, made) == {
        path: f"a checksum of {name!r}, which does not lie beside it"
    }
