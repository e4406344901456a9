import pytest

from aggregation import JOBS, LABELS_PER_ITEM, markdown, read, simulate, work


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crowd")
    simulate(folder, items=300, annotators=500)
    return folder


def test_each_item_is_labelled_by_different_annotators(folder):
    given = read(folder)
    by_item = given.annotations.groupby("item")["annotator"]
    assert len(by_item) == 300
    assert by_item.size().eq(LABELS_PER_ITEM).all()
    assert by_item.nunique().eq(LABELS_PER_ITEM).all()


@pytest.mark.parametrize("job", JOBS)
def test_every_job_can_be_done(folder, job):
    found = work(job, folder)
    assert found["seconds"] > 0
    assert found["peak_memory_bytes"] > 2**20
    assert markdown([found | {"job": job}]).count("\n") == 2


def test_realm_keeps_one_number_for_each_annotator(folder):
    found = work("loss and gradient of REALM's omega", folder)
    assert found["parameter_bytes"] == found["vector_bytes"] == 4 * len(read(folder).annotators)
