"""One real cloud for the whole folder."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.cloud import LocalCloud
from tests.infra.local.account import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path_factory.mktemp("cloud"), stop_grace_seconds=1) as running:
        yield running


@pytest.fixture(scope="session")
def aws(cloud: LocalCloud) -> Account:
    return Account(cloud)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Ask until the answer is true."""

    def ask(question: Callable[[], Any], seconds: float = 15) -> Any:
        until = time.monotonic() + seconds
        while not (answer := question()):
            assert time.monotonic() < until, "it never came true"
            time.sleep(0.05)
        return answer

    return ask
