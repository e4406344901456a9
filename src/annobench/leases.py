"""Leases of GPUs: on none are more jobs at work than the study allows, whoever started them.

A lease is a lock (flock) on a file of this machine. The kernel frees it when its holder ends, by
whatever means, so no lease outlives its job and none has to be cleaned up. Files are named
`<device>.<most>.<number>`, `most` being how many jobs its holder allows on the device, and are
never removed: a lock on a file that another process has just removed would be worth nothing.

A process that the holder forks does not hold the lease (it cannot use the holder's CUDA either),
nor does a program that it starts: its descriptors are closed there. So a server that forks its
jobs must leave it to each of them to take its own.
"""

import fcntl
import logging
import os
import re
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from annobench.clock import phase
from annobench.errors import AnnobenchError, one_line

log = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
FOLDER = "ANNOBENCH_LEASES"
POLL_SECONDS = 0.2
_NONE = ("", "-1", "NoDevFiles")
"""What hides all devices that would come behind it; the last is a batch system's."""


def devices() -> tuple[str, ...]:
    """The ids of the GPUs that this process may use: UUIDs, which are the same for all processes
    of a machine, of whole GPUs and of the instances of those that are split (MIG).

    They are those that nvidia-smi lists, narrowed by CUDA_VISIBLE_DEVICES; none without nvidia-smi.

    Raises:
        AnnobenchError: CUDA_VISIBLE_DEVICES names a device that is not there.
    """
    visible = os.environ.get(VISIBLE)
    if visible in _NONE or shutil.which("nvidia-smi") is None:
        return ()
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    if listed.returncode:
        log.warning("nvidia-smi: %s; no GPU is leased", one_line(listed.stdout + listed.stderr))
        return ()
    return chosen(visible, parsed(listed.stdout))


def parsed(listing: str) -> dict[str, tuple[str, ...]]:
    """What `nvidia-smi -L` prints -> of each GPU's UUID, in order, what may be leased of it: the
    UUIDs of its instances, or its own if it is not split."""
    found: dict[str, tuple[str, ...]] = {}
    for device in re.findall(r"\(UUID: ((?:GPU|MIG)-[\w-]+)\)", listing):
        if device.startswith("GPU-"):
            last, found[device] = device, ()
        else:
            found[last] += (device,)
    return {device: instances or (device,) for device, instances in found.items()}


def chosen(visible: str | None, present: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """What CUDA_VISIBLE_DEVICES leaves of the devices that are present, in its order.

    A GPU is named by its place in nvidia-smi's list, or by as much of its UUID as no other device
    begins with; an instance by its UUID. As in CUDA, -1 ends the list. CUDA also ends it, without
    a word, at a device that is not there, and a study would run on the CPU: here it is an error.

    Raises:
        AnnobenchError: a name is that of no device, or of several.
    """
    if visible is None:
        return tuple(leaf for leaves in present.values() for leaf in leaves)
    places = {str(place): leaves for place, leaves in enumerate(present.values())}
    names = dict(present) | {leaf: (leaf,) for leaves in present.values() for leaf in leaves}
    found: list[str] = []
    for token in (part.strip() for part in visible.split(",")):
        if token in _NONE:
            break
        begun = [leaves for name, leaves in names.items() if name.startswith(token)]
        exact = places.get(token) or names.get(token)
        if exact is None and len(begun) != 1:
            allowed = ", ".join([*places, *names]) or "none"
            raise AnnobenchError(f"{VISIBLE}: found {token!r}; allowed: {allowed}")
        found += exact or begun[0]
    return tuple(dict.fromkeys(found))


@contextmanager
def gpu(most: int) -> Iterator[str | None]:
    """Lease a GPU for this process, at most `most` jobs on each; where there is none, nothing.

    From here on CUDA sees this device only: one command is one process, and leases one.

    Raises:
        AnnobenchError: see `devices` and `lease`.
    """
    found = devices()
    if not found:
        yield None
        return
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        raise RuntimeError("CUDA was initialised before a GPU was leased")
    with lease(found, most, folder()) as device:
        log.info("GPU %s", device)
        os.environ[VISIBLE] = device
        yield device


def folder() -> Path:
    """Where this user's leases on this machine are: the same whatever session, job or TMPDIR a
    process has; not in /tmp, which is cleaned of files of ten days. ANNOBENCH_LEASES names
    another."""
    return Path(os.environ.get(FOLDER, f"/var/tmp/annobench-leases-{os.getuid()}"))


@contextmanager
def lease(among: Sequence[str], most: int, folder: Path) -> Iterator[str]:
    """Hold one of these devices, that with the fewest holders; wait for it if need be.

    No device has more holders than `most`, nor than any of its holders allows.

    Raises:
        AnnobenchError: the folder of leases is not this user's own.
        OSError: a file of leases cannot be made or written.
    """
    taken = _take(among, most, folder)
    if taken is None:
        log.info("wait for a GPU: %s", "; ".join(holders(among, folder)))
    with phase("waiting"):
        while taken is None:
            time.sleep(POLL_SECONDS)
            taken = _take(among, most, folder)
    device, descriptor = taken
    try:
        yield device
    finally:
        _let_go(descriptor)


def holders(among: Sequence[str], folder: Path) -> list[str]:
    """Who holds these devices, in words."""
    with _alone(folder) as inside:
        return [f"{device}: {who}" for device in among for _, who in _held_files(device, inside)]


_held: set[int] = set()


def _let_go(descriptor: int) -> None:
    if descriptor in _held:  # not in a fork
        _held.remove(descriptor)
        os.close(descriptor)


def _let_all_go() -> None:
    for descriptor in tuple(_held):
        _let_go(descriptor)


os.register_at_fork(after_in_child=_let_all_go)


def _take(among: Sequence[str], most: int, folder: Path) -> tuple[str, int] | None:
    """A device and the descriptor that holds it; None if none has room."""
    with _alone(folder) as inside:
        limits = {device: [limit for limit, _ in _held_files(device, inside)] for device in among}
        room = [device for device in among if len(limits[device]) < min([most, *limits[device]])]
        if not room:
            return None
        device = min(room, key=lambda device: len(limits[device]))
        for number in count():
            descriptor = _open(f"{device}.{most}.{number}", inside, os.O_CREAT)
            if _locked(descriptor):
                break
            os.close(descriptor)
        _held.add(descriptor)
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, _signature().encode())
        except OSError:
            _let_go(descriptor)
            raise
        return device, descriptor


def _signature() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}: {shlex.join(sys.argv)}"


def _held_files(device: str, inside: int) -> Iterator[tuple[int, str]]:
    """Of each holder of a device: how many it allows there, and who it is."""
    for name in os.listdir(inside):
        if name.rsplit(".", 2)[0] == device:
            descriptor = _open(name, inside)
            try:
                if not _locked(descriptor):
                    who = os.read(descriptor, 1000).decode(errors="replace")
                    yield int(name.rsplit(".", 2)[1]), who
            finally:
                os.close(descriptor)


def _open(name: str, inside: int, flags: int = 0) -> int:
    """A descriptor that no started program inherits, as all of Python's."""
    return os.open(name, os.O_RDWR | os.O_NOFOLLOW | flags, 0o600, dir_fd=inside)


def _locked(descriptor: int) -> bool:
    """Whether this descriptor now has the lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """The open folder of leases, in which nobody else takes one meanwhile.

    Raises:
        AnnobenchError: it is a link, another user's, or open to others.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except NotADirectoryError as error:
        raise AnnobenchError(f"{folder}: found a link; allowed: a folder") from error
    try:
        found = os.fstat(inside)
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise AnnobenchError(
                f"{folder}: found a folder of user {found.st_uid} with mode "
                f"{stat.S_IMODE(found.st_mode):o}; allowed: one of user {os.getuid()} that nobody "
                f"else can enter (mode 700), or another in {FOLDER}"
            )
        fcntl.flock(inside, fcntl.LOCK_EX)
        yield inside
    finally:
        os.close(inside)
