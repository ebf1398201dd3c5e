"""What others tell is counted once, whoever tells it how often and at the same time.

Each thing told has a marker, which is written with what it adds to counters, all or nothing.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from botocore.exceptions import ClientError

from shelflife.aws.items import Items, Write, is_contended, lost_conditions

T = TypeVar("T")

#: Waits between tries, in seconds, each times a random number below 1: about three seconds in all.
_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


def count_once(
    items: Items,
    told: Sequence[T],
    writes: Callable[[Sequence[T]], list[Write]],
    contended: Exception,
    sleep: Callable[[float], None],
) -> list[T]:
    """Count what was not counted before; those that were.

    `writes` begin with the markers, in the order of what they are given: a refusal names them by place. They
    are 100 at the most. `contended` rises if others keep writing the same counters.
    """
    left, before, waits = list(told), list[T](), iter(_WAITS)
    while left:
        try:
            items.transact(writes(left))
        except ClientError as error:
            if lost := lost_conditions(error):
                before += [left[place] for place in lost]
                left = [one for place, one in enumerate(left) if place not in lost]
            elif is_contended(error):
                _wait(waits, sleep, contended, error)
            else:
                raise
        else:
            break
    return before


def _wait(
    waits: Iterator[float], sleep: Callable[[float], None], contended: Exception, error: ClientError
) -> None:
    wait = next(waits, None)
    if wait is None:
        raise contended from error
    # Random, so that two who clashed do not again.
    sleep(wait * random.random())  # noqa: S311 - no secret
