"""The program `annobench`, in a child of the workflow's warm process if it is called by one."""

import sys
import time


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
