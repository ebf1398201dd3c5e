from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has no stubs


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small models on busy machines: more threads only wait for each other."""
    with threadpool_limits(1):
        yield
