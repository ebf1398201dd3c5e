import pytest

from tests.harness.registry import World


@pytest.fixture
def world() -> World:
    return World()
