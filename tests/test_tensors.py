import pytest
import torch

from annobench import tensors
from annobench.errors import AnnobenchError


def test_tensors_survive_the_disk(tmp_path):
    path = tmp_path / "deep" / "some.safetensors"
    turned = torch.arange(6.0).reshape(2, 3).T  # not contiguous
    tensors.write(path, {"a": turned, "b": torch.tensor([1, 2])}, {"recipe": "r"})
    back = tensors.read(path)
    assert back.keys() == {"a", "b"}
    assert torch.equal(back["a"], turned)
    assert torch.equal(back["b"], torch.tensor([1, 2]))
    tensors.write(path, {})
    assert tensors.read(path) == {}
    assert [left.name for left in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}"])
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "some.safetensors"
    with pytest.raises(AnnobenchError, match=r"some\.safetensors: cannot be read as safetensors"):
        tensors.read(path)
    path.write_bytes(content)
    with pytest.raises(AnnobenchError, match=r"some\.safetensors: is damaged: found no checksum"):
        tensors.read(path)


def test_a_file_that_cannot_be_written_is_an_os_error_that_names_it(tmp_path):
    path = tmp_path / "file" / "some.safetensors"
    path.parent.write_text("not a folder")
    with pytest.raises(OSError, match="cannot be written") as caught:
        tensors.write(path, {})
    assert caught.value.filename == str(path)
