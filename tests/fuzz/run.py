"""Fuzz one target with atheris: `python tests/fuzz/run.py TARGET [INPUTS]`.

Every input that brings out a finding of its own is kept in tests/fuzz/corpus/TARGET, where the
tests read it again. Exit status 1 if there was any.
"""

import hashlib
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from tempfile import mkdtemp

import atheris

HERE = Path(__file__).parent
PYTHON_ONLY = ("annobench", "yaml", "gguf", "zipfile", "csv", "json")
GIBIBYTES = 4

with atheris.instrument_imports(include=list(PYTHON_ONLY), enable_loader_override=False):
    import fuzz_targets


def fingerprint(error: BaseException) -> str:
    """The kind of an error and where in our code, or in a library's, it came from."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.name}"


def main(name: str, inputs: int) -> None:
    target = fuzz_targets.TARGETS[name]
    resource.setrlimit(resource.RLIMIT_DATA, (GIBIBYTES * 2**30,) * 2)
    corpus = HERE / "corpus" / name
    seeds = Path(mkdtemp(prefix=f"fuzz-{name}-"))
    for number, content in enumerate(target.seeds()):
        (seeds / str(number)).write_bytes(content)
    if target.words:
        lines = (
            '"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"' for word in target.words
        )
        (seeds.parent / f"{seeds.name}.dict").write_text("\n".join(lines))
    begun, count, refused, findings = time.monotonic(), 0, 0, set()

    def one(content: bytes) -> None:
        nonlocal count, refused
        count += 1
        try:
            refused += fuzz_targets.run(target, content) is not None
        except (Exception, fuzz_targets.HangError) as error:
            if (found := fingerprint(error)) not in findings:
                findings.add(found)
                corpus.mkdir(exist_ok=True, parents=True)
                kept = corpus / hashlib.sha256(found.encode()).hexdigest()[:12]
                kept.write_bytes(content)
                print(f"FINDING {name}: {found}: {str(error)[:200]!r} {kept}", flush=True)
        if count == inputs:
            seconds = time.monotonic() - begun
            print(
                f"{name}: {count:,} inputs in {seconds:.0f} s, {refused:,} refused,"
                f" {count - refused:,} read, {len(findings)} findings",
                flush=True,
            )
            os._exit(bool(findings))

    dictionary = [f"-dict={seeds}.dict"] if target.words else []
    options = ["-runs=-1", "-timeout=600", "-rss_limit_mb=0", "-max_len=4096", "-seed=1"]
    known = [str(corpus)] if corpus.is_dir() else []
    atheris.Setup([sys.argv[0], *options, *dictionary, str(seeds), *known], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
