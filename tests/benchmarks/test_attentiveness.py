import numpy as np
import pytest

from attentiveness import JOBS, PEERS, markdown, simulate, work


def test_every_user_has_a_comparison():
    choices = simulate(300, 2000)
    assert len(choices.user) == 2000
    assert (np.bincount(choices.user, minlength=choices.users) >= 1).all()


@pytest.fixture(scope="module")
def done():
    return {job: work(job, 200, 6000) for job in JOBS}


def test_every_job_can_be_done(done):
    assert all(found["seconds"] > 0 for found in done.values())
    assert all(found["peak_memory_bytes"] > 2**20 for found in done.values())
    table = markdown([found | {"job": job} for job, found in done.items()])
    assert table.count("\n") == len(JOBS) + 1
    assert all(peer in table for peer in PEERS)


def test_the_peer_climbs_to_the_same_maximum(done):
    ours, theirs = done["two-types, mu: joint"], done["two types, scipy"]
    assert ours["log_likelihood"] == pytest.approx(theirs["log_likelihood"], abs=1e-3)
    assert ours["share"] == pytest.approx(theirs["share"], abs=0.005)
