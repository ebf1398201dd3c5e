"""One installation for the whole folder: every test has names of its own in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.stories import Stories
from tests.harness.installation import News, Platform, installed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    yield from installed(tmp_path_factory.mktemp("installation"), [])


@pytest.fixture(scope="session")
def news(platform: Platform) -> News:
    return News(platform)


@pytest.fixture(scope="session")
def stories(platform: Platform, news: News) -> Stories:
    return Stories(platform)
