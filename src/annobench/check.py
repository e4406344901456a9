"""Every file of a study, and of the models that it uses, held against its checksum."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from annobench import assets, layout, seals, sums
from annobench.errors import one_line
from annobench.files import read_json
from annobench.methods import VIEWS
from annobench.study import Study

_CELL = (layout.RECORD, *(f"{layout.CELL}/{name}" for name in layout.CELL_FILES[1:]))
_MADE: list[tuple[str, ...]] = [
    (layout.RESPONSES,),
    (layout.ITEMS,),
    (layout.EMBEDDINGS,),
    (layout.VIEW,),
    (layout.ANNOTATIONS, layout.TRUTH),
    (layout.TOKENS, layout.STATES),
    _CELL,
    tuple(layout.STUDY_TABLE.replace("{table}", name) for name in layout.STUDY_TABLES),
    tuple(layout.TABLE.replace("{suffix}", end) for end in (*layout.TABLE_SUFFIXES, layout.SUMS)),
    tuple(layout.FIGURE.replace("{suffix}", end) for end in (*layout.FIGURE_SUFFIXES, layout.SUMS)),
    (layout.REPORT, layout.REPORT_SUMS),
    (f"{layout.EXPORT}/README.md", f"{layout.EXPORT}/{layout.EXPORT_SUMS}"),
]
"""The files that each job makes, in the order in which they are made."""
_KEPT: list[tuple[str, ...]] = [
    (layout.STUDY,),
    (layout.CHECKPOINT,),
    (f"{layout.ASKED}/{{questions}}.parquet",),
]
"""What jobs keep for each other; no job is there to make it."""


@dataclass(frozen=True)
class Fault:
    path: Path
    found: str
    remade: Path | None
    """What to remove, so that it is made again: a file, a cell's record, or an exported model's
    folder. None for the user's own model, which nothing makes again."""
    step: int | None
    """When to make it again, see `steps`; None if it is not by Snakemake."""


def faults(study: Study) -> list[Fault]:
    """The files that are damaged, or missing though others of the same job are there."""
    results = Path(layout.RESULTS.format(study=study.study))
    exports = results / "models"
    paths = {str(path) for path in results.rglob("[!.]*") if path.is_file()}
    found: dict[Path, Fault] = {}
    for number, job in enumerate([*_MADE, *_KEPT], start=1):
        step = None if job in _KEPT else number
        for made in _found(study, job, paths):
            if job is _CELL and made[0] not in paths:  # not finished
                continue
            for name in made:
                for path, fault in _of(Path(name), made, paths).items():
                    remade = path
                    if exports in path.parents:
                        remade = Path(name).parent
                    elif job is _CELL:
                        remade = Path(made[0])
                    found[path] = Fault(path, fault, remade, step)
    for source in study.sources():
        manifest = Path(layout.MODEL.format(asset=layout.asset(source)))
        if manifest.exists():
            faulty = _sealed(manifest) or assets.faults(read_json(manifest))
            for path, fault in faulty.items():
                if assets.is_own(source) and path != manifest:
                    found[path] = Fault(path, f"{fault}; {assets.remedy(source)}", None, None)
                else:
                    found[path] = Fault(path, fault, manifest, 0)
    return [found[path] for path in sorted(found)]


def remove(path: Path) -> None:
    """Remove what is then made again."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def steps(found: list[Fault]) -> list[list[str]]:
    """What Snakemake is to make again in runs of their own, before the usual run.

    In one run it would make anew all that depends on what it makes. In the next, it finds by their
    checksums that files of up to a megabyte are what they were. And a file that is missing, but not
    newer than what was made of it, it makes only if asked.
    """
    groups: dict[int, dict[str, None]] = {}
    for fault in found:
        if fault.step is not None:
            groups.setdefault(fault.step, {})[str(fault.remade)] = None
    return [list(groups[step]) for step in sorted(groups)]


def _found(study: Study, job: tuple[str, ...], paths: set[str]) -> Iterator[tuple[str, ...]]:
    """The files of each job of a kind of which one at least is there."""
    names = {
        "study": [study.study],
        "dataset": study.datasets,
        "noise": ["_", *study.noise],
        "model": study.models,
        "method": study.methods,
        "seed": ["_", *map(str, study.seeds)],
        "view": VIEWS,
        "table": study.tables,
        "figure": study.figures,
    }
    fields = {field: "|".join(map(re.escape, values)) or "(?!)" for field, values in names.items()}
    fields["questions"] = "[0-9a-f]{64}"
    seen = set()
    for pattern in job:
        parts = re.split(r"\{(\w+)\}", pattern)
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = (f"(?P<{field}>{fields[field]})" for field in parts[1::2])
        matches = map(re.compile("".join(parts)).fullmatch, paths)
        seen |= {tuple(sorted(match.groupdict().items())) for match in matches if match}
    for place in sorted(seen):
        yield tuple(pattern.format(**dict(place)) for pattern in job)


def _of(path: Path, made: tuple[str, ...], paths: set[str]) -> dict[Path, str]:
    """What is wrong with one of the files that a job made, and with those that it names."""
    if str(path) not in paths:
        return {path: "no such file"}
    if path.name == layout.EXPORT_SUMS:
        return sums.faults(path, {Path(p) for p in paths if path.parent in Path(p).parents})
    if path.suffix == f".{layout.SUMS}":
        return sums.faults(path, map(Path, made))
    return _sealed(path) if path.suffix in seals.SUFFIXES else {}


def _sealed(path: Path) -> dict[Path, str]:
    try:
        found = seals.fault(path)
    except OSError as error:
        found = error.strerror or one_line(error)
    return {path: found} if found else {}
