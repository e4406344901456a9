"""Jobs without the start-up: a process that forks a child for each command of a workflow.

Importing torch and transformers takes seconds, and loading a model again as much, which small cells
should not pay one by one. So the first job of a workflow starts a server, and every job hands its
command over to it: the server forks a child, which runs the command in the job's folder and
environment and writes to the job's stdout and stderr. A child that ends tells the server which
modules it imported and which models it loaded; the server then does so, too, and the next child
has them. Children share these pages until they write.

Nothing outlives the workflow. The server ends with Snakemake, whatever ends that, once it is done
with what it is loading; a child ends with the server, and with its client. A failing command ends
its own child only. After an edit of annobench's source the command is run afresh.

Linux only, as it needs abstract sockets (which leave no file behind) and pidfds; elsewhere, and by
hand, a command runs in its own process. Nothing of a GPU is touched before the fork.
"""

import ctypes
import errno
import gc
import importlib
import json
import logging
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from annobench import clock, seals

WORKFLOW = "ANNOBENCH_WORKFLOW"
"""The environment variable that names the process of the workflow; the Snakefile sets it."""
_LENGTH = struct.Struct("!Q")
_LOST = 75  # sysexits.h: a temporary failure
_SHARE_OF_MEMORY = 0.25
"""What the models that are kept may take together."""
_LATER = ["annobench.stages.record", "transformers.modeling_utils"]
"""What the jobs behind a workflow's first ones need: the server imports it while those run."""

log = logging.getLogger(__name__)


def run(argv: list[str], begun: float) -> int | None:
    """Run a command of annobench in a child of this workflow's server; its exit status.

    None if there is no workflow, or no server to be had: then the caller runs it itself. `begun` is
    when the command began, in seconds since the epoch.
    """
    workflow = os.environ.get(WORKFLOW, "")
    if not sys.platform.startswith("linux") or not _lives(workflow):
        return None
    connection = _connected(workflow)
    if connection is None:
        print("annobench: no warm process to be had; this one does the work", file=sys.stderr)
        return None
    request = {"argv": argv, "cwd": os.getcwd(), "environment": dict(os.environ), "begun": begun}
    with connection:
        try:
            _send(connection, request, [1, 2])
            answer = _received(connection)
        except (EOFError, OSError):
            print("annobench: error: the warm process died, and this job with it", file=sys.stderr)
            return _LOST
        except KeyboardInterrupt:  # with the connection goes the child
            return 128 + signal.SIGINT
    if killed := answer["signal"]:
        name = signal.Signals(killed).name
        print(f"annobench: error: killed by {name}, perhaps for want of memory", file=sys.stderr)
        return 128 + int(killed)
    return int(answer["status"])


def _lives(workflow: str) -> bool:
    try:
        return workflow.isdigit() and Path(f"/proc/{workflow}").stat().st_uid == os.getuid()
    except OSError:
        return False


def _address(workflow: str) -> str:
    """An abstract socket of this process of a workflow and this environment's Python."""
    fields = Path(f"/proc/{workflow}/stat").read_text().rpartition(")")[2].split()
    born = fields[19]  # process ids come again
    environment = sha256(f"{sys.executable} {Path(__file__)}".encode()).hexdigest()[:12]
    return f"\0annobench-{os.getuid()}-{workflow}-{born}-{environment}"


def _connected(workflow: str) -> socket.socket | None:
    """A connection to the workflow's server, which is started if need be."""
    server = None
    while _lives(workflow):
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(_address(workflow))
        except (ConnectionRefusedError, FileNotFoundError):
            connection.close()
        else:
            return connection if _is_ours(connection) else None
        if server is None or server.poll() == 0:  # 0: another job's server was quicker
            server = _started(workflow)
        elif server.poll() is not None:
            return None
        time.sleep(0.01)
    return None


def _started(workflow: str) -> subprocess.Popen[bytes]:
    folder = Path(".snakemake/log")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"warm-{workflow}.log").open("ab") as file:
        return subprocess.Popen(
            # -P: no module of the user's folder is taken for another.
            [sys.executable, "-P", "-m", __name__, workflow],
            # Whether there is a GPU is then asked of NVML, and CUDA is not begun before the fork.
            env=os.environ | {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def _is_ours(connection: socket.socket) -> bool:
    """Whether the other end runs as the same user: anyone may bind an abstract socket."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", found)[1] == os.getuid())


def _received(connection: socket.socket) -> dict[str, Any]:
    return _body(connection, _exactly(connection, _LENGTH.size))


def _body(connection: socket.socket, length: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_exactly(connection, _LENGTH.unpack(length)[0]))
    return found


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def _send(
    connection: socket.socket, value: dict[str, Any], descriptors: Sequence[int] = ()
) -> None:
    body = json.dumps(value).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(body))], descriptors)
    connection.sendall(body)


@dataclass(frozen=True)
class _Job:
    """A command that a child is running."""

    pid: int
    pidfd: int
    client: socket.socket
    news: int
    """A file in memory in which the child says what it loaded."""


class Server:
    """The process that forks; see the module. `work` runs a request in a child."""

    def __init__(self, workflow: int, work: Callable[[dict[str, Any]], int]) -> None:
        self.begun = time.time()
        self.workflow = os.pidfd_open(workflow)
        self.work = work
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(_address(str(workflow)))
        self.listening.listen(1024)
        self.jobs: list[_Job] = []

    def serve(self) -> None:
        """Until the workflow ends."""
        while True:
            waiting = select.poll()
            ends = [job.pidfd for job in self.jobs] + [job.client.fileno() for job in self.jobs]
            for descriptor in (self.workflow, self.listening.fileno(), *ends):
                waiting.register(descriptor, select.POLLIN)
            ready = {descriptor for descriptor, _ in waiting.poll()}
            if self.workflow in ready:
                return self._end()
            for job in list(self.jobs):
                if job.pidfd in ready:
                    self._finish(job)
                elif job.client.fileno() in ready:  # it says nothing more, so it has gone
                    _kill(job)
            if self.listening.fileno() in ready:
                self._begin()

    def _begin(self) -> None:
        """Fork a child for the next request."""
        client, _ = self.listening.accept()
        descriptors: list[int] = []
        request: Any = None
        try:
            if not _is_ours(client):
                raise PermissionError("another user's")
            client.settimeout(10)
            length, descriptors, _, _ = socket.recv_fds(client, _LENGTH.size, 2)
            request = _body(client, length)
            client.settimeout(None)
            self.jobs.append(self._forked(request, descriptors, client))
        except (OSError, EOFError, ValueError, struct.error) as error:
            log.warning("a request was not taken: %s", error)
            client.close()
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        match request:
            case {"argv": ["fetch" | "prepare", *_]}:
                _import(_LATER)

    def _forked(
        self, request: dict[str, Any], descriptors: list[int], client: socket.socket
    ) -> _Job:
        news = os.memfd_create("news")
        gc.freeze()
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._child(server, request, descriptors, news)
        return _Job(pid, os.pidfd_open(pid), client, news)

    def _child(
        self, server: int, request: dict[str, Any], descriptors: list[int], news: int
    ) -> NoReturn:
        """Run a request and end."""
        status = 1
        try:
            _die_with(server)
            os.setsid()
            with suppress(OSError):  # if memory does not suffice, a child goes and not the server
                Path("/proc/self/oom_score_adj").write_text("500")
            self.listening.close()
            for job in self.jobs:
                job.client.close()
            for number, descriptor in enumerate(descriptors, start=1):
                os.dup2(descriptor, number)
                os.close(descriptor)
            if _edited(self.begun):
                _run_afresh(request)
            before = set(sys.modules)
            status = self.work(request)
            sys.stdout.flush()
            sys.stderr.flush()
            with os.fdopen(news, "w") as file:
                json.dump(_learned(before), file)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def _finish(self, job: _Job) -> None:
        """Tell the client how its command ended, and learn from the child."""
        _, code = os.waitpid(job.pid, 0)
        status = os.waitstatus_to_exitcode(code)
        if status < 0:
            log.warning("%d was killed by %s", job.pid, signal.Signals(-status).name)
        try:
            _send(job.client, {"status": max(status, 0), "signal": max(-status, 0)})
        except OSError:
            log.warning("%d: its client has gone", job.pid)
        job.client.close()
        os.close(job.pidfd)
        self.jobs.remove(job)
        with os.fdopen(job.news, "r") as file:
            file.seek(0)
            told = file.read()
        if told and status >= 0:
            try:
                _learn(**json.loads(told))
            except Exception:
                log.exception("not learned")

    def _end(self) -> None:
        for job in self.jobs:
            _kill(job)


def _kill(job: _Job) -> None:
    """End a child, and what it has started."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(job.pidfd, signal.SIGKILL)
        os.killpg(job.pid, signal.SIGKILL)


def _edited(since: float) -> bool:
    """Whether a module of annobench that this process has imported was edited since then."""
    ours = [module for name, module in sys.modules.items() if name.split(".")[0] == "annobench"]
    try:
        return any(Path(module.__file__ or "").stat().st_mtime > since for module in ours)
    except OSError:
        return True


def _run_afresh(request: dict[str, Any]) -> NoReturn:
    """Replace this process by one that imports everything anew."""
    os.chdir(request["cwd"])
    environment = request["environment"] | {WORKFLOW: ""}
    argv = [sys.executable, "-P", "-m", "annobench", *request["argv"]]
    os.execve(sys.executable, argv, environment)


def _die_with(parent: int) -> None:
    """End this process when its parent ends, however that ends."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(_LOST)


def _learned(before: set[str]) -> dict[str, Any]:
    """What a child had to load itself, the models' files that it checked, and the sources that it
    parsed."""
    loading = sys.modules.get("annobench.models.loading")
    recipes = sys.modules.get("annobench.recipes")
    return {
        "modules": [name for name in sys.modules if name not in before],
        "models": [] if loading is None else [str(folder) for folder in loading.loaded],
        "checked": [file for file in seals.faultless if file[1]],
        "parsed": {} if recipes is None else recipes.parsed,
    }


def _learn(
    modules: list[str], models: list[str], checked: list[Any], parsed: dict[str, Any]
) -> None:
    """Load what a child loaded, for the next ones, and know what it found."""
    seals.faultless.update(map(tuple, checked))
    _import(modules)
    if parsed:
        from annobench import recipes

        recipes.parsed.update(parsed)
    if models:
        import torch

        from annobench.models import loading

        torch.set_num_threads(1)  # a pool of threads does not survive a fork
        for folder in models:
            loading.keep(Path(folder), _SHARE_OF_MEMORY)


def _import(modules: list[str]) -> None:
    for name in modules:
        if name not in sys.modules:
            try:
                importlib.import_module(name)
            except Exception as error:  # some names in sys.modules are no modules of their own
                log.info("not imported: %s (%s)", name, error)


def command(request: dict[str, Any]) -> int:
    """Run a request's command line in this process; its exit status."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["annobench", *request["argv"]]
    clock.begun = request["begun"]
    from annobench import cli

    try:
        cli.app(prog_name="annobench")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def main() -> None:
    """`python -m annobench.warm PROCESS`: serve a workflow until it ends."""
    log.addHandler(logging.StreamHandler())  # and not the root's, which is the commands'
    try:
        server = Server(int(sys.argv[1]), command)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.ESRCH):
            raise
        return  # another job's server was quicker, or the workflow has ended
    server.serve()


if __name__ == "__main__":
    main()
