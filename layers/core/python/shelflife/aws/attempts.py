"""Trying again what DynamoDB turned away, where botocore does not."""

from collections.abc import Iterator
from random import uniform
from time import sleep

_MOST = 10
_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0


def attempts() -> Iterator[int]:
    """A few attempts with a pause before each but the first, longer each time.

    Full jitter: callers that were turned away together do not come back together.
    """
    for attempt in range(_MOST):
        if attempt:
            sleep(uniform(0, min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2**attempt)))  # noqa: S311 - no secret
        yield attempt
