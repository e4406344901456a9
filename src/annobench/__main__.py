"""The program `annobench`, in a child of the workflow's warm process if it is called by one."""

import os
import sys
import time

# Linear algebra adds in another order with more threads, and would take as many as there are cores.
# What a model may use is said by training.threads, whatever stands here. The warm process inherits
# it, and has to: what is imported does not look again.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main() -> None:
    begun = time.time()
    from annobench import clock, warm

    status = warm.run(sys.argv[1:], begun)
    if status is not None:
        raise SystemExit(status)
    clock.begun = begun
    from annobench import cli

    cli.app(prog_name="annobench")


if __name__ == "__main__":
    main()
