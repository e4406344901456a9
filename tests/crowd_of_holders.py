"""Hundreds of processes that lease fake devices and end in every way; run by test_leases.py.

What they hold stands in a table that all of them share, one row for each process: 0, then the
device and how many it allows there, then GONE. A row is set once a lease is had, and set to GONE
before it ends, by whoever knows that it is to end: its process, or the parent before it kills it.
So a row says less than the truth, never more, and rows that did not change between two readings
stood all at once.
"""

import json
import mmap
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from annobench import leases

DEVICES = ("GPU-a", "GPU-b", "GPU-c", "MIG-d")
GONE = 255
AT_ONCE = 40
ENDS = ("returns", "raises", "exits", "is killed", "leaves a fork", "leaves a program")
ROUNDS = 20
"""Milliseconds that a lease is held at most."""


def too_many(rows: mmap.mmap) -> list[str]:
    """Devices that have more holders than one of these allows."""
    first = bytes(rows)
    while (second := bytes(rows)) != first:
        first = second
    held: dict[int, list[int]] = {}
    for row in second:
        if row not in (0, GONE):
            held.setdefault(row // 10, []).append(row % 10)
    return [f"{DEVICES[n]}: {of}" for n, of in held.items() if len(of) > min(of)]


def hold(
    number: int, most: int, end: str, rows: mmap.mmap, folder: Path, said: int, life: int
) -> None:
    """Lease a device, look whether others have it too, and end.

    What it leaves behind ends with the end of `life`, and holds no end of a pipe but this one.
    """
    chance = random.Random(number)
    with leases.lease(DEVICES, most, folder) as device:
        rows[number] = 10 * DEVICES.index(device) + most
        wrong = too_many(rows)
        os.write(said, f"{device} {';'.join(wrong)}\n".encode())
        if end == "leaves a fork" and os.fork() == 0:
            os.close(said)
            os.read(life, 1)
            os._exit(0)
        if end == "leaves a program":
            subprocess.Popen(["cat"], stdin=life, close_fds=False)
        time.sleep(60 if end == "is killed" else chance.random() * ROUNDS / 1000)
        rows[number] = GONE
        if end == "raises":
            raise ValueError("as any code may")
        if end not in ("returns", "raises"):
            os._exit(1)


def crowd(processes: int, mosts: list[int], folder: Path) -> dict:
    """Run them, at most AT_ONCE at a time, and say what was seen."""
    rows = mmap.mmap(-1, processes)
    chance = random.Random(0)
    heard, said = os.pipe()
    life, alive = os.pipe()
    living: dict[int, tuple[int, float]] = {}
    wrong: list[str] = []
    waiting = list(range(processes))
    while waiting or living:
        while waiting and len(living) < AT_ONCE:
            number = waiting.pop()
            end = ENDS[number % len(ENDS)]
            killed_at = time.monotonic() + chance.random() * ROUNDS / 200
            process = os.fork()
            if process == 0:
                os.close(alive)
                with suppress(ValueError):
                    hold(number, mosts[number % len(mosts)], end, rows, folder, said, life)
                os._exit(0)
            living[process] = (number, killed_at if end == "is killed" else float("inf"))
        wrong += too_many(rows)
        for process, (number, killed_at) in list(living.items()):
            if time.monotonic() > killed_at:
                rows[number] = GONE
                os.kill(process, signal.SIGKILL)
            if os.waitpid(process, os.WNOHANG)[0]:
                del living[process]
    os.close(said)
    with open(heard) as lines:
        had = [line.rstrip("\n").split(" ", 1) for line in lines]
    return {
        "had": Counter(device for device, _ in had),
        "wrong": wrong + [text for _, text in had if text],
        "slots": free_slots(max(mosts), folder),
    }


def free_slots(most: int, folder: Path) -> Counter:
    """How often each device can be taken now, with nobody letting go."""
    found: Counter = Counter()
    while taken := leases._take(DEVICES, most, folder):
        found[taken[0]] += 1
    return found


if __name__ == "__main__":
    leases.POLL_SECONDS = 0.002
    path, processes, *mosts = sys.argv[1:]
    print(json.dumps(crowd(int(processes), [int(most) for most in mosts], Path(path))))
