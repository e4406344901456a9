import pytest

from annobench import errors
from annobench.errors import AnnobenchError


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (AnnobenchError("study.yaml: found 1; allowed: 2"), "study.yaml: found 1; allowed: 2"),
        (PermissionError(13, "Permission denied", "results"), "results: Permission denied"),
        (OSError("no name"), "no name"),
    ],
)
def test_what_a_user_can_mend_is_one_sentence_and_status_2(capsys, error, sentence):
    with pytest.raises(SystemExit) as caught, errors.plain():
        raise error
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"annobench: error: {sentence}\n"


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError), errors.plain():
        1 / 0  # noqa: B018


def test_one_line():
    assert errors.one_line(ValueError("two\n  lines.")) == "two lines"
