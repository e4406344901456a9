"""One side of the comparison: `python sides.py SIDE STUDY CELL LAUNCHED OUT [--share S]`.

`engine_vs_trainer.py` starts each side in a process of its own, so that its peak memory is its own.
LAUNCHED is when that was, in seconds since the epoch.
"""

import argparse
import math
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from comparison import Run, extrapolate, steps_to_run
from torch import nn

from annobench.disk import Disk
from annobench.evaluation.metrics import accuracy
from annobench.files import write_json
from annobench.methods import Given, realm
from annobench.models.decoder import DecoderScorer
from annobench.models.loading import load_model
from annobench.models.memory import peak_memory
from annobench.models.read_out import read_out_in_fp32
from annobench.models.tuning import Scorer, load_scorer
from annobench.stages import encode as features
from annobench.stages.job import Job
from annobench.study import Cell, Study, read_study
from annobench.training.loop import Checkpointing, Objective, fit, predict
from annobench.training.precision import pick_device, store_frozen
from annobench.training.rows import rows_of


@dataclass(frozen=True)
class Work:
    """What a side did, before anything is evaluated."""

    begun: float
    """When its timed part began, in seconds since the epoch."""
    seconds: float
    peak_memory_bytes: int
    steps: int = 0
    trained_parameters: int = 0
    accuracy: float | None = None
    extrapolated: bool = False


def shared_states(study: Study, cell: Cell) -> Work:
    """Tokens and frozen states of the cell's data set, loading of the model included."""
    disk = Disk(study)
    items, folder = disk.items(cell.dataset), disk.model_folder(cell.model)
    training = study.shared_training(cell.dataset, cell.model)
    begun, clock = time.time(), time.perf_counter()
    found = features.encode(items, folder, study.models[cell.model], training)
    features.write_features(*disk.feature_paths(cell.dataset, cell.model), *found)
    return Work(begun, time.perf_counter() - clock, peak_memory())


def engine(job: Job) -> Work:
    """This engine, as `annobench train` runs it."""
    scorer = load_scorer(
        job.folder, job.model, job.tokens, job.states, job.training.row_tokens, pick_device()
    )
    store_frozen(scorer.model, job.training.precision)
    known = given(job)
    targets = job.method.targets(known, job.settings)
    rows = rows_of(targets, job.items, known.annotators, known.tasks)
    objective = Objective(job.method, job.settings, known, rows)
    never = Checkpointing(job.folder / "none.safetensors", math.inf, "")
    begun, clock = time.time(), time.perf_counter()
    _, history = fit(scorer, objective, job.training, job.stream, never)
    done = Work(begun, time.perf_counter() - clock, peak_memory(), len(history))
    return replace(
        done,
        trained_parameters=_trained(scorer.model) + len(known.annotators),
        accuracy=test_accuracy(scorer, job),
    )


def trainer(job: Job, seed: int, share: float | None, folder: Path) -> Work:
    """The Trainer on the same cell; with a share, only that part of one epoch."""
    # Importing the Trainer takes seconds that are no part of the engine's process.
    from trainer_peer import Clock, RealmTrainer, arguments, collate, examples, freeze

    device = pick_device()
    known = given(job)
    assert isinstance(job.settings, realm.Settings)
    model = load_model(job.folder)
    freeze(model, job.model.tune)
    assert job.annotations is not None
    data = examples(job.tokens, numbered(job, known.annotators))
    items = job.annotations["item"].nunique()
    batch_size = round(len(data) / items * job.training.items_per_batch)
    per_epoch = math.ceil(len(data) / batch_size)
    steps = math.ceil(job.training.epochs * per_epoch)
    clock = Clock(None if share is None else steps_to_run(share, per_epoch, steps))
    peer = RealmTrainer(
        model,
        known,
        job.training,
        job.settings,
        args=arguments(job.training, batch_size, seed, folder),
        train_dataset=data,
        data_collator=collate,
        callbacks=[clock],
    )
    begun, clock.begun = time.time(), time.perf_counter()
    peer.train()
    seconds = time.perf_counter() - clock.begun
    done = Work(begun, seconds, peak_memory(), steps, _trained(model))
    if share is not None:
        return replace(done, seconds=extrapolate(clock.ends, steps), extrapolated=True)
    read_out_in_fp32(model)
    scorer = DecoderScorer(model, job.tokens, job.model.score, job.training.row_tokens, device)
    return replace(done, accuracy=test_accuracy(scorer, job))


def test_accuracy(scorer: Scorer, job: Job) -> float:
    """Share of test items that are answered correctly, by the engine's own prediction."""
    numbers = np.flatnonzero(job.items["split"] == "test")
    test = job.items.iloc[numbers]
    options = int(test["options"].map(len).max())
    log_p = predict(scorer, numbers, options, job.training.precision)
    probabilities = log_p.double().softmax(-1).numpy()
    gold = test["gold"].to_numpy(np.int64)
    return float(accuracy.value(probabilities, gold, np.ones(len(gold))))


def given(job: Job) -> Given:
    """What both sides learn from."""
    return Given(job.items[job.items["split"] == "train"], job.annotations)


def numbered(job: Job, names: list[str]) -> list[tuple[int, int, int]]:
    """(number of the item, label, number of the annotator) of each annotation."""
    assert job.annotations is not None
    item = {name: number for number, name in enumerate(job.items["item"])}
    annotator = {name: number for number, name in enumerate(names)}
    columns = (job.annotations[name] for name in ("item", "label", "annotator"))
    return [(item[i], label, annotator[a]) for i, label, a in zip(*columns, strict=True)]


def _trained(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=["shared-states", "engine", "trainer"])
    parser.add_argument("study", type=Path)
    parser.add_argument("cell")
    parser.add_argument("launched", type=float)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    study = read_study(given.study)
    (cell,) = (point for point in study.cells() if point.path == given.cell)
    torch.set_num_threads(study.training_of(cell).threads)
    match given.side:
        case "shared-states":
            work = shared_states(study, cell)
        case "engine":
            work = engine(Disk(study).job(cell))
        case "trainer":
            assert cell.seed is not None
            job = replace(Disk(study).job(cell), states=None)
            work = trainer(job, cell.seed, given.share, given.out.parent)
    fields = {name: value for name, value in vars(work).items() if name != "begun"}
    run = Run(
        side=given.side.replace("-", " "),
        seed=None if given.side == "shared-states" else cell.seed,
        process_seconds=work.begun - given.launched + work.seconds,
        device=str(pick_device()),
        load_average=load,
        **fields,
    )
    write_json(given.out, vars(run))


if __name__ == "__main__":
    main()
