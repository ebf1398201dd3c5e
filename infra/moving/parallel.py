"""Some things at a time: never more are read ahead than are being worked on."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

T = TypeVar("T")


def each(things: Iterable[T], do: Callable[[T], Any], workers: int) -> None:
    """Do it for each; the first failure ends it, once what was begun has ended."""
    pending: set[Future[Any]] = set()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for thing in things:
                pending.add(pool.submit(do, thing))
                if len(pending) >= 2 * workers:
                    pending = _some_done(pending)
            while pending:
                pending = _some_done(pending)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _some_done(pending: set[Future[Any]]) -> set[Future[Any]]:
    done, left = wait(pending, return_when=FIRST_COMPLETED)
    for one in done:
        one.result()
    return left
