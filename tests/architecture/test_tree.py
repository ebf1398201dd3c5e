"""Everything is in its room: who knows one address of a context knows the others."""

import pytest

from shelflife.kernel.names import Context
from tests.harness.tree import FUNCTIONS, PACKAGE, ROOT, contexts, modules, shown

#: Where a context lives beside its package; a kind is added by adding its pattern.
PLACES = (
    "functions/{context}",
    "events/{context}",
    "tests/unit/{context}",
    "infra/stacks/{context}.py",
)
#: What every context's package holds.
MODULES = ("model", "errors", "settings", "ports", "service", "wiring")
#: Packages of the layer that are no contexts.
SHARED = {"kernel", "contracts", "aws", "entry"}
LONGEST = 300


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("context", contexts())
def test_a_context_lives_in_every_kind(context: str, place: str) -> None:
    assert (ROOT / place.format(context=context)).exists()


@pytest.mark.parametrize("context", contexts())
def test_a_context_has_the_same_modules_as_the_others(context: str) -> None:
    missing = [name for name in MODULES if not (PACKAGE / context / f"{name}.py").exists()]
    assert missing == []


@pytest.mark.parametrize("kind", ["functions", "statemachines", "tests/unit", "tests/store", "tests/doors"])
def test_a_kind_holds_contexts_only(kind: str) -> None:
    rooms = {path.name for path in (ROOT / kind).iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert rooms <= {context.value for context in Context} | {
        "kernel",
        "entry",
        "aws",
        "contracts",
        "harness",
    }


def test_the_layer_holds_contexts_and_what_they_share() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert rooms <= {context.value for context in Context} | SHARED


def test_no_module_is_too_long() -> None:
    places = (PACKAGE, FUNCTIONS, ROOT / "infra", ROOT / "tests" / "harness", ROOT / "tests" / "fakes")
    lengths = {shown(path): len(path.read_text().splitlines()) for path in modules(*places)}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_names_say_what_is_inside() -> None:
    vague = {"helper", "helpers", "util", "utils", "common", "misc", "manager", "processor"}
    named = [
        shown(path)
        for path in modules(PACKAGE, FUNCTIONS, ROOT / "infra")
        if vague & set(path.stem.split("_"))
    ]
    assert named == []
