"""kill -9, of any process of a run, at any moment: one command still ends at the same tables."""

import os
import shutil
import signal
import time
from pathlib import Path

KILLS = int(os.environ.get("ANNOBENCH_KILLS", "3"))
LONGEST = 12.0
"""Seconds between two kills, at most."""
RUN = ("snakemake", "--cores", "2")


def at_work(folder):
    """Who works in a folder, by process id: Snakemake, shells, commands, the warm process and its
    children."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                status = (entry / "stat").read_text().rpartition(") ")[2].split()[0]
                if (entry / "cwd").readlink() == folder and status != "Z":
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[int(entry.name)] = command
            except OSError:  # it has ended
                continue
    return found


def test_one_command_finishes_a_study_whatever_was_killed(
    new_study, fresh, finished, chance, wait_for, tmp_path
):
    folder, wanted = new_study.folder.resolve(), finished.tables()
    kills, runs, studies, hit = 0, 1, 0, False
    began, log = time.monotonic(), tmp_path / "log"
    output = log.open("a")
    run = new_study.start(*RUN, stdout=output, stderr=output)
    while kills < KILLS:
        time.sleep(chance.uniform(0, LONGEST))
        if run.poll() == 0:  # all is done: begin anew
            assert new_study.tables() == wanted
            wait_for(lambda: not at_work(folder))
            studies += 1
            shutil.rmtree(folder)
            shutil.copytree(fresh.folder, folder)
        elif run.poll() is None and (present := at_work(folder)):
            victim = chance.choice(sorted(present))
            print(f"kill {kills}: {present[victim][:150]}", flush=True)
            try:
                os.kill(victim, signal.SIGKILL)
                kills += 1
                hit = True
            except ProcessLookupError:
                continue
            if victim != run.pid or chance.random() < 0.5:
                continue  # the next command may find the last one's jobs still dying
        if run.poll() is not None:
            assert hit or run.returncode == 0, log.read_text()[-9999:]
            run = new_study.start(*RUN, stdout=output, stderr=output)
            runs, hit = runs + 1, False
    run.kill()
    run.wait()
    output.close()
    new_study.do(*RUN)
    seconds = time.monotonic() - began
    print(f"{kills} kills, {runs + 1} runs, {studies} studies finished meanwhile, {seconds:.0f} s")
    assert new_study.tables() == wanted
    assert new_study.planned() == []
    new_study.do("annobench", "check", "config.yaml", "--remove")
    assert not list(folder.rglob(".making.*"))
    wait_for(lambda: not at_work(folder))
