"""A data set from a Hub that is busy, says nothing, or sends half a file."""

import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annobench.data.boolq import REPOSITORY

NAME, COMMIT = REPOSITORY.name, REPOSITORY.revision
LOAD = """
import time
time.sleep = lambda seconds: None  # the Hub's client waits between its attempts
from annobench.data import boolq
found = boolq.items("boolq", boolq.Settings(train=2, test=2), None)
print(found["split"].tolist())
"""


def table():
    buffer = io.BytesIO()
    rows = {"question": [f"q{n}" for n in range(400)], "answer": [True] * 400}
    pq.write_table(pa.table(rows | {"passage": [f"p{n}" for n in range(400)]}), buffer)
    return buffer.getvalue()


class Hub(http.server.BaseHTTPRequestHandler):
    files = {f"data/{split}-00000-of-00001.parquet": table() for split in ("train", "validation")}
    trouble: str | None = None

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.partition("?")[0]
        _, resolved, file = path.partition(f"/datasets/{NAME}/resolve/{COMMIT}/")
        tree = f"/api/datasets/{NAME}/tree/{COMMIT}"
        if resolved and file in self.files:
            self.answer(self.files[file], self.trouble)
        elif path == f"/api/datasets/{NAME}/revision/{COMMIT}":
            siblings = [{"rfilename": name} for name in self.files]
            self.answer(json.dumps({"id": NAME, "sha": COMMIT, "siblings": siblings}).encode())
        elif path == f"{tree}/data":
            rows = [
                {"type": "file", "path": name, "size": len(content), "oid": digest(content)}
                for name, content in self.files.items()
            ]
            self.answer(json.dumps(rows).encode())
        elif path == tree:
            rows = [{"type": "directory", "path": "data", "size": 0, "oid": digest(b"")}]
            self.answer(json.dumps(rows).encode())
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()

    def answer(self, content, trouble=None):
        if trouble == "silent":
            time.sleep(4)
            return
        self.send_response(503 if trouble == "busy" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{digest(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[: len(content) // 2] if trouble == "cut" else content)

    def log_message(self, *_):
        pass


def digest(content):
    return hashlib.sha1(content).hexdigest()


@pytest.fixture
def load(tmp_path):
    """Loads the data set in a process of its own, since the Hub's client reads its settings at
    import."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path)}
    quick = {"HF_HUB_DOWNLOAD_TIMEOUT": "1", "HF_HUB_ETAG_TIMEOUT": "1", "NO_PROXY": "*"}
    online = {"HF_HUB_OFFLINE": "0", "HF_DATASETS_OFFLINE": "0", "HF_DATASETS_CACHE": str(tmp_path)}

    def run(trouble):
        Hub.trouble = trouble
        return subprocess.run(
            [sys.executable, "-c", LOAD],
            env=os.environ | hub | quick | online,
            capture_output=True,
            text=True,
            check=False,
        )

    yield run
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("trouble", ["busy", "silent", "cut"])
def test_one_sentence_names_the_data_set_and_the_next_attempt_works(load, trouble):
    done = load(trouble)
    last = done.stderr.strip().splitlines()[-1]
    place = f"data set 'boolq': {NAME}@{COMMIT}: cannot be loaded: "
    assert last.startswith(f"annobench.errors.AnnobenchError: {place}"), done.stderr
    done = load(None)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['train', 'train', 'test', 'test']"
