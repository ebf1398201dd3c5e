import pytest

from shelflife.entry.observe import logger


@pytest.fixture(autouse=True)
def logging_to_the_sessions_output() -> None:
    """Made before a test captures its own output: a logger keeps the stream that it found."""
    logger()
