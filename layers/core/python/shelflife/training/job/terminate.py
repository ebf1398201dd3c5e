import os
import signal
import threading

from shelflife.training.job.contract import Tree

#: What a shell answers for a process that SIGTERM ended.
TERMINATED = 128 + signal.SIGTERM


def end_on_sigterm(tree: Tree) -> None:
    """Let SIGTERM end the process at once, even while a library computes.

    The first process of a container is not ended by a signal that it does not handle, and Python runs a
    handler only between its own instructions; a thread that waits for the signal answers at any time. To be
    called before any other thread exists, so that all of them leave the signal to this one.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def wait() -> None:
        signal.sigwait({signal.SIGTERM})
        tree.failure.write_text("the job was ended by SIGTERM")
        print("ended by SIGTERM", flush=True)  # noqa: T201 - the job's log is its standard output
        os._exit(TERMINATED)

    threading.Thread(target=wait, daemon=True, name="sigterm").start()
