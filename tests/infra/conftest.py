import json
from pathlib import Path
from typing import Any

import pytest

from infra.installation import synthesized

Template = dict[str, Any]


@pytest.fixture(scope="session", params=["local", "prod"])
def stage_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def assembly(stage_name: str) -> Path:
    """The cloud assembly of a stage, as it would be deployed."""
    return synthesized(stage_name, lambda _: None)


@pytest.fixture(scope="session")
def templates(assembly: Path) -> dict[str, Template]:
    """Every stack's template by the stack's own name (`registry`)."""
    return {
        name.rpartition("-")[2]: json.loads((assembly / f"{name}.template.json").read_text())
        for name in json.loads((assembly / "order.json").read_text())
    }


@pytest.fixture(scope="session")
def prod() -> dict[str, Template]:
    folder = synthesized("prod", lambda _: None)
    return {
        name.rpartition("-")[2]: json.loads((folder / f"{name}.template.json").read_text())
        for name in json.loads((folder / "order.json").read_text())
    }
