"""Dying with one's parent: a pipe that only the parent holds open ends when the parent ends, however."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def on_parent_end(descriptor: int, act: Callable[[], object]) -> None:
    """Call ``act`` in a thread as soon as the other end of the pipe is gone."""

    def wait() -> None:
        while os.read(descriptor, 1):
            pass
        act()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
