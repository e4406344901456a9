"""A bad study stops Snakemake and the command line with the same sentence and no traceback."""

import pytest

CASES = {
    "unknown method": (
        "config.yaml",
        ("  realm: {}", "  relm: {}"),
        "config.yaml: methods.relm: kind 'relm' is unknown: did you mean 'realm'? allowed: clean, ",
    ),
    "impossible combination": (
        "config.yaml",
        ("ladder: one-good, ann", "ladder: one-good, anonymous: true, ann"),
        "config.yaml: methods.realm needs annotator ids, and noise.one-good has none; allowed: ",
    ),
    "key twice": (
        "config.yaml",
        ("seeds: [0, 1]", "seeds: [0, 1]\nseeds: [2]"),
        "config.yaml: line 3: found 'seeds' twice; allowed: YAML",
    ),
    "broken": ("config.yaml", ("seeds: [0, 1]", "seeds: [0, 1"), "config.yaml: line 3: expected "),
}


def no_traceback(text):
    return "Traceback" not in text and 'File "' not in text


@pytest.mark.parametrize("case", CASES)
def test_a_bad_study_is_one_sentence(new_study, case):
    file, change, sentence = CASES[case]
    new_study.edit(file, *change)
    for command in (("annobench", "validate", "config.yaml"), ("snakemake", "--dry-run")):
        done = new_study.run(*command)
        assert done.returncode != 0
        assert done.stdout == ""
        errors = [line for line in done.stderr.splitlines() if "profile" not in line]
        assert len(errors) == 1
        assert errors[0].startswith(f"annobench: error: {sentence}")
        assert no_traceback(done.stderr)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "config.yaml: found nothing; allowed: keys with their values"),
        ("- study: tiny\n", "config.yaml: found a list; allowed: keys with their values"),
        (None, "config.yaml: cannot be read as YAML: "),
    ],
    ids=["empty", "list", "missing"],
)
def test_a_file_that_is_no_study_is_named(new_study, content, sentence):
    config = new_study.path("config.yaml")
    config.unlink()
    if content is not None:
        config.write_text(content, encoding="utf-8")
    done = new_study.run("snakemake", "--dry-run")
    assert done.returncode != 0
    assert f"annobench: error: {sentence}" in done.stderr
    assert no_traceback(done.stderr)


def test_another_study_file_takes_the_place_of_config_yaml(new_study):
    config = new_study.path("config.yaml").read_text(encoding="utf-8")
    other = new_study.path("other.yaml")
    other.write_text(config.replace("study: tiny", "study: other"), encoding="utf-8")
    new_study.edit("config.yaml", "realm", "relm")  # is not read
    printed = new_study.do("snakemake", "--dry-run", "--configfile", "other.yaml")
    assert "results/other/report.html" in printed
    other.write_text(config.replace("realm: {}", "relm: {}"), encoding="utf-8")
    done = new_study.run("snakemake", "--dry-run", "--configfile", "other.yaml")
    assert "other.yaml: methods.relm: kind 'relm' is unknown: did you mean 'realm'?" in done.stderr


def test_a_value_given_on_the_command_line_overrides_the_file_and_is_checked(new_study):
    printed = new_study.do("snakemake", "--dry-run", "--printshellcmds", "--config", "seeds=[7]")
    assert "geo/_/llama/clean/7" in printed
    assert "geo/_/llama/clean/0" not in printed
    done = new_study.run("snakemake", "--dry-run", "--config", "seeds=7")
    assert "config.yaml: seeds: found 7; allowed: a valid list" in done.stderr
