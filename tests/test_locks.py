import subprocess
import sys
import threading

import pytest

from annobench import locks
from annobench.errors import AnnobenchError

HOLD = """
import sys, time
from pathlib import Path
from annobench import locks
locks.hold(Path(sys.argv[1]))
locks.hold(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def test_a_lock_lives_as_long_as_its_holder_whatever_ends_it(tmp_path):
    path = tmp_path / "results" / ".lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(AnnobenchError, match=rf"results: found a run .* \(process {holder.pid} on"):
        locks.hold(path)
    holder.kill()
    holder.communicate()
    locks.hold(path)
    assert path.exists()


def test_what_a_holder_starts_does_not_hold_the_lock(tmp_path):
    """Or else a job that survives its run would keep the next one out."""
    then = "import subprocess; subprocess.Popen(['sleep', '5'], stdout=-3, stderr=-3)"
    code = HOLD.replace("time.sleep(600)", then)
    command = [sys.executable, "-c", code, tmp_path / "lock"]
    holder = subprocess.run(command, capture_output=True, check=False)
    assert holder.returncode == 0, holder.stderr
    locks.hold(tmp_path / "lock")


def test_who_wants_to_be_alone_waits(tmp_path):
    order = []

    def second():
        with locks.alone(tmp_path / "lock"):
            order.append("second")

    thread = threading.Thread(target=second)
    with locks.alone(tmp_path / "lock"):
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
