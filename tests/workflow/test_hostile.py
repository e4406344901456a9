"""A study whose every text is a trick: they are shown as text, and nothing of them runs."""

import csv
import html
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
import yaml
from markdown_it import MarkdownIt

TRICKS = [
    "<script>document.title='pwned'</script>",
    "</script><img src=x onerror=\"document.title='pwned'\">",
    "&amp; &#60;b&#62;",
    r"$\input{/etc/passwd}$ \write18{touch pwned}",
    r"100 % of $x_{ #1 ^ ~ & \end{tabular}",
    "`touch pwned` $(touch pwned) ; touch pwned | tee pwned",
    "../../../pwned",
    "=cmd|' /C calc'!A0",
    "| **b** [x](javascript:alert(1)) |\n\n# head\r\n```",
    "{{ 7*7 }} {% raw %} {wildcards} {item} {{x}}",
    "\N{ZERO WIDTH SPACE}\N{RIGHT-TO-LEFT OVERRIDE}evil\x1b]0;pwned\x07",
    "--help",
    "_nolegend_",
    "long " * 12,
    ".. raw:: html\n\n   <script>document.title='pwned'</script>\n",
    "é 漢字 \N{PILE OF POO} null None nan",
]
ITEMS = "items $(touch pwned) '` --x ;%s ..%.csv"
STUDY = {
    "study": "tiny",
    "seeds": [0],
    "datasets": {"mine": {"kind": "file", "path": ITEMS}},
    "models": {
        "llama": {
            "source": "path:model <img src=x onerror=document.title='pwned'> `|x|_ {y}",
            "tune": {"kind": "top-layers", "layers": 1},
            "template": "```\n<script>document.title='pwned'</script> {prompt}",
        }
    },
    "noise": {"observed": {"path": "labels.csv"}},
    "methods": {"realm-tasks": {}},
    "export": ["realm-tasks"],
    "training": {"epochs": 1, "items_per_batch": 8, "precision": "fp32"},
    "tables": {
        "annotators": {"methods": ["realm-tasks"]},
        "expertise": {},
        "results": {},
    },
    "figures": {"expertise-matrix": {"method": "realm-tasks"}},
}
CELL = "mine/observed/llama/realm-tasks/0"


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerows(rows)


@pytest.fixture(scope="module")
def hostile(fresh, tmp_path_factory):
    """The study after its run, alone in a folder."""
    outside = tmp_path_factory.mktemp("hostile")
    study = type(fresh)(shutil.copytree(fresh.folder, outside / "a" / "study"))
    study.path("model").rename(study.path(STUDY["models"]["llama"]["source"].removeprefix("path:")))
    study.path("config.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    items = [[trick, trick, f"{trick} 1", f"{trick} 2", f"{trick} 1", trick] for trick in TRICKS]
    items = [[*row, "test" if n % 4 == 3 else "train"] for n, row in enumerate(items)]
    columns = ["item", "prompt", "option_1", "option_2", "gold", "task", "split"]
    write(study.path(ITEMS), [columns, *items])
    labels = [
        [trick, TRICKS[(n + shift) % len(TRICKS)], f"{trick} {1 + shift % 2}"]
        for n, trick in enumerate(TRICKS)
        for shift in range(6)
    ]
    write(study.path("labels.csv"), [["item", "annotator", "label"], *labels])
    before = {path.name for path in study.folder.iterdir()}
    study.finish()
    made = {path.name for path in study.folder.iterdir()} - before
    assert made <= {"results", "assets", ".snakemake"}, made
    assert [path.name for path in outside.iterdir()] == ["a"]
    assert not list(outside.rglob("pwned*"))
    return study


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_names_of_files_hold_nothing_of_a_users_text(hostile):
    made = [*hostile.path("results").rglob("*"), *hostile.path("assets").rglob("*")]
    assert {path.name for path in made if not re.fullmatch(r"[A-Za-z0-9._-]+", path.name)} == set()


def test_csv_holds_every_text_as_it_is(hostile):
    folder = hostile.path(f"results/tiny/models/{CELL}")
    found = rows(folder / "predictions.csv")
    assert [row["item"] for row in found] == TRICKS
    assert [row["gold"] for row in found] == [f"{trick} 1" for trick in TRICKS]
    assert {row["annotator"] for row in rows(folder / "annotators.csv")} == set(TRICKS)
    shown = rows(hostile.path("results/tiny/tables/annotators.csv"))
    assert {row["annotator"] for row in shown} == set(TRICKS)


class Page(HTMLParser):
    """The marks and the cells of a page."""

    def __init__(self):
        super().__init__()
        self.marks, self.cells = set(), []

    def handle_starttag(self, tag, attrs):
        self.marks.add(tag)
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


def plain(text):
    """A text on one line, as tables to be read show it."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f\u202e]", " ", text).split())


def test_tables_show_text(hostile):
    table = hostile.path("results/tiny/tables/annotators.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(table)
    assert (
        page.marks
        == {
            *("html", "meta", "title", "style", "table", "thead", "tbody", "tr", "th", "td"),
            *("small",),
        }
        & page.marks
    )
    assert {plain(trick) for trick in TRICKS} <= {plain(cell) for cell in page.cells}
    marked = hostile.path("results/tiny/tables/annotators.md").read_text(encoding="utf-8")
    page = Page()
    page.feed(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(marked))
    assert page.marks <= {"table", "thead", "tbody", "tr", "th", "td", "strong"}
    assert {plain(trick) for trick in TRICKS} <= {plain(cell) for cell in page.cells}
    tex = hostile.path("results/tiny/tables/annotators.tex").read_text(encoding="utf-8")
    commands = set(re.findall(r"\\([A-Za-z]+)", tex))
    assert not commands & {"input", "write"}
    assert tex.count("\\end{tabular}") == 1


def test_the_card_shows_text(hostile):
    card = hostile.path(f"results/tiny/models/{CELL}/README.md").read_text(encoding="utf-8")
    shown = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(card)
    page = Page()
    page.feed(shown)
    assert not page.marks & {"script", "img", "a"}
    for text in (TRICKS[0], STUDY["models"]["llama"]["source"]):
        assert f"<code>{html.escape(text, quote=False)}</code>" in shown


def test_no_script_of_a_study_runs_in_its_report(hostile):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    report = hostile.path("results/tiny/report.html")
    text = report.read_text(encoding="utf-8")
    assert "root:x:" not in text
    assert "<img src=x" not in text
    if browser is None:
        pytest.skip("no browser here")
    # What the study's texts would do where they are marks.
    profile = hostile.folder.parent / "browser"
    control = hostile.folder.parent / "control.html"
    control.write_text(f"<title>control</title>{''.join(TRICKS)}", encoding="utf-8")
    assert "pwned" in title_in(browser, control, profile)
    assert "pwned" not in title_in(browser, report, profile)


def title_in(browser, page, profile):
    """A page's title after its scripts ran."""
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    flags += " --disable-background-networking --disable-component-update --dump-dom"
    flags += f" --virtual-time-budget=8000 --user-data-dir={profile}"
    done = subprocess.run(
        [browser, *flags.split(), page.as_uri()], capture_output=True, text=True, check=True
    )
    assert "<body" in done.stdout
    title = re.search("<title>(.*?)</title>", done.stdout)
    return "" if title is None else title[1]
