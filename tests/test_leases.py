import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annobench import leases
from annobench.errors import AnnobenchError

CROWD = Path(__file__).parent / "crowd_of_holders.py"
LISTING = """\
GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-1a2b3c4d-0000-1111-2222-333344445555)
GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-1a2b99ff-0000-1111-2222-333344445555)
  MIG 3g.40gb     Device  0: (UUID: MIG-77777777-aaaa-5555-bbbb-000000000000)
  MIG 3g.40gb     Device  1: (UUID: MIG-88888888-aaaa-5555-bbbb-000000000000)
GPU 2: Tesla T4 (UUID: GPU-ffffffff-0000-1111-2222-333344445555)
"""
PRESENT = leases.parsed(LISTING)
FIRST, SPLIT, LAST = PRESENT
ONE, OTHER = PRESENT[SPLIT]


# which devices


def test_a_listing_by_hand():
    assert PRESENT == {
        "GPU-1a2b3c4d-0000-1111-2222-333344445555": ("GPU-1a2b3c4d-0000-1111-2222-333344445555",),
        "GPU-1a2b99ff-0000-1111-2222-333344445555": (
            "MIG-77777777-aaaa-5555-bbbb-000000000000",
            "MIG-88888888-aaaa-5555-bbbb-000000000000",
        ),
        "GPU-ffffffff-0000-1111-2222-333344445555": ("GPU-ffffffff-0000-1111-2222-333344445555",),
    }
    assert leases.parsed("No devices found.\n") == {}


@pytest.mark.parametrize(
    ("visible", "wanted"),
    [
        (None, (FIRST, ONE, OTHER, LAST)),
        ("", ()),
        ("-1", ()),
        ("NoDevFiles", ()),
        ("2,0", (LAST, FIRST)),
        (" 2 , 0 ", (LAST, FIRST)),
        ("2,-1,0", (LAST,)),
        ("2,2", (LAST,)),
        ("1", (ONE, OTHER)),
        (SPLIT, (ONE, OTHER)),
        (OTHER, (OTHER,)),
        ("GPU-1a2b3", (FIRST,)),
        ("GPU-f,0", (LAST, FIRST)),
    ],
)
def test_visible_devices_by_hand(visible, wanted):
    assert leases.chosen(visible, PRESENT) == wanted


@pytest.mark.parametrize("token", ["3", "GPU-1a2b", "GPU-2", "MIG-9", "one", "0 1", "+1"])
def test_a_device_that_is_not_there_is_an_error(token):
    """CUDA would go on without it, and without all behind it."""
    with pytest.raises(
        AnnobenchError, match=r"CUDA_VISIBLE_DEVICES: found .*allowed: 0, 1, 2, GPU"
    ):
        leases.chosen(f"0,{token}", PRESENT)


uuids = st.lists(st.text("0123456789abcdef", min_size=6, max_size=6), min_size=1, unique=True)


@given(st.data(), uuids)
def test_however_devices_are_named_they_are_those(data, hexes):
    names = [f"GPU-{digits}" for digits in hexes]
    wanted = data.draw(st.lists(st.sampled_from(names), min_size=1))

    def spelled(name):
        shortest = next(
            n for n in range(5, 11) if sum(other.startswith(name[:n]) for other in names) == 1
        )
        length = data.draw(st.integers(shortest, 10))
        return data.draw(st.sampled_from([name[:length], name, str(names.index(name))]))

    visible = data.draw(st.sampled_from([",", " ,", ", "])).join(map(spelled, wanted))
    found = leases.chosen(visible, {name: (name,) for name in names})
    assert found == tuple(dict.fromkeys(wanted))
    hidden = visible + data.draw(st.sampled_from([",-1", ",", ",-1,0", ",,no such device"]))
    assert leases.chosen(hidden, {name: (name,) for name in names}) == found


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """nvidia_smi(script): the only program of that name, and of any."""

    def make(script):
        path = tmp_path / "bin" / "nvidia-smi"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent))

    return make


def test_devices_are_those_that_nvidia_smi_lists(nvidia_smi, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("LISTING", LISTING)
    nvidia_smi('[ "$*" = -L ] && echo "$LISTING"')
    assert leases.devices() == (FIRST, ONE, OTHER, LAST)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert leases.devices() == (LAST,)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert leases.devices() == ()


def test_without_a_driver_there_are_no_devices(nvidia_smi, monkeypatch, tmp_path, caplog):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert leases.devices() == ()
    assert not caplog.records
    nvidia_smi("echo cannot talk to the driver; exit 9")
    assert leases.devices() == ()
    assert "nvidia-smi: cannot talk to the driver" in caplog.text


def test_without_a_gpu_nothing_changes(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with leases.gpu(1) as device:
        assert device is None
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"


# who holds them


@pytest.mark.parametrize("mosts", [["1"], ["2"], ["1", "3"]], ids="-".join)
def test_a_crowd_never_holds_too_much_and_loses_nothing(tmp_path, mosts):
    """Of 300 processes some return, some fail, some are killed, some leave others behind; in the
    last case half of them allow one job on a GPU and half allow three."""
    crowd = [sys.executable, CROWD, tmp_path / "leases", "300", *mosts]
    done = subprocess.run(crowd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["wrong"] == []
    devices = {"GPU-a", "GPU-b", "GPU-c", "MIG-d"}
    assert set(seen["had"]) == devices
    assert sum(seen["had"].values()) >= 250  # the others were killed before
    assert seen["slots"] == dict.fromkeys(devices, max(map(int, mosts)))


def test_the_least_loaded_device_is_taken(tmp_path):
    with ExitStack() as held:
        taken = [
            held.enter_context(leases.lease(["GPU-a", "GPU-b"], 2, tmp_path / "leases"))
            for _ in range(4)
        ]
    assert taken == ["GPU-a", "GPU-b"] * 2


def test_who_waits_says_for_whom(tmp_path, caplog):
    folder = tmp_path / "leases"
    caplog.set_level("INFO")
    with leases.lease(["GPU-a", "GPU-b"], 2, folder) as mine:
        assert not caplog.records
        (holder,) = leases.holders(["GPU-a", "GPU-b"], folder)
        assert holder.startswith(f"{mine}: process {os.getpid()} on ")
        waiter = subprocess.Popen(
            [sys.executable, "-c", WAITER, folder], stderr=subprocess.PIPE, text=True
        )
        assert waiter.stderr.readline() == f"wait for a GPU: {holder}\n"
    assert waiter.stderr.readline() == f"{mine}\n"
    assert waiter.wait() == 0
    assert leases.holders(["GPU-a", "GPU-b"], folder) == []


WAITER = """
import logging, sys
from pathlib import Path
from annobench import leases
logging.basicConfig(level=logging.INFO, format="%(message)s")
with leases.lease(["GPU-a"], 1, Path(sys.argv[1])) as device:
    print(device, file=sys.stderr)
"""


def test_leases_are_nobody_elses(tmp_path):
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("folder")
    with (
        pytest.raises(AnnobenchError, match=r"link: found a link; allowed: a folder"),
        leases.lease(["GPU-a"], 1, tmp_path / "link"),
    ):
        pass
    (tmp_path / "folder").chmod(0o755)
    with (
        pytest.raises(AnnobenchError, match=r"folder: found a folder of user \d+ with mode 755"),
        leases.lease(["GPU-a"], 1, tmp_path / "folder"),
    ):
        pass
    assert not list((tmp_path / "folder").iterdir())


def test_all_processes_of_a_user_agree_on_the_folder(monkeypatch):
    monkeypatch.delenv("ANNOBENCH_LEASES", raising=False)
    found = leases.folder()
    assert found.parent == Path("/var/tmp")  # /tmp is cleaned of files of ten days
    monkeypatch.setenv("TMPDIR", "/somewhere")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/somewhere")
    assert leases.folder() == found
    monkeypatch.setenv("ANNOBENCH_LEASES", "/elsewhere")
    assert leases.folder() == Path("/elsewhere")
