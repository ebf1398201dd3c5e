"""Runs one job's command and ends its whole process group when the cloud that started it is gone.

Arguments: the file descriptor of the lifeline, then the command. Ends as the command ended: with its exit
code, or by its signal.
"""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys

_NOT_FOUND = 127


def _watch(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _leave_to_the_job(_number: int, _frame: object) -> None:
    """The whole group gets the signal; the job decides what to make of it."""


def main(arguments: list[str]) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave_to_the_job)
    _thread.start_new_thread(_watch, (int(arguments[1]),))
    try:
        code = subprocess.call(arguments[2:])  # noqa: S603 - the image's own command
    except OSError as error:
        sys.stderr.write(f"exec {arguments[2]}: {error.strerror}\n")
        return _NOT_FOUND
    if code < 0:
        # The two signals that nobody can catch have no handler to take back.
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv))
