"""What exists is documented, and what is documented exists."""

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import typer

from infra.build.reference.errors import SHARED, errors
from infra.build.reference.pages import outdated
from infra.build.reference.routes import doors, routes, shown
from infra.build.reference.settings import settings
from infra.cli.app import app
from infra.config import ROOT, STAGES, Stage
from shelflife.kernel.names import Context
from shelflife.kernel.news import News

DOCS = ROOT / "docs"
PAGES = DOCS / "pages"
ALL_PAGES = sorted(PAGES.rglob("*.md"))
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+?)$", re.MULTILINE)
_LOADED = re.compile(
    r"""(?:src|srcset)=["']?https?://|<link[^>]+rel="?(?:stylesheet|preconnect)[^>]*https?://"""
)


def page(path: str) -> str:
    return (PAGES / path).read_text()


def context_page(context: str) -> str:
    return page(f"contexts/{context}.md")


def missing(wanted: list[str], text: str) -> list[str]:
    return [one for one in dict.fromkeys(wanted) if f"`{one}`" not in text]


def news() -> list[type[News]]:
    told = [kind for kind in News.__subclasses__() if kind.__module__.startswith("shelflife.")]
    return sorted(told, key=lambda kind: kind.detail_type)


@pytest.mark.parametrize("context", list(Context))
def test_every_context_has_a_page(context: Context) -> None:
    assert context_page(context).startswith("# ")


@pytest.mark.parametrize("context", list(Context))
def test_every_route_is_on_the_page_of_its_context(context: Context) -> None:
    wanted = [f"{route.method} {route.path}" for route in routes() if route.context == context]
    assert wanted
    assert missing(wanted, context_page(context)) == []


@pytest.mark.parametrize("context", list(Context))
def test_every_route_says_its_role(context: Context) -> None:
    text = context_page(context)
    for route in (route for route in routes() if route.context == context):
        row = next(line for line in text.splitlines() if f"`{route.method} {route.path}`" in line)
        assert f"| {route.role or 'none'} |" in row


@pytest.mark.parametrize("context", list(Context))
def test_every_setting_is_on_the_page_of_its_context(context: Context) -> None:
    wanted = [setting.variable for setting in settings() if setting.room == context]
    if (ROOT / "functions" / context / "publish_news").is_dir():
        wanted += [setting.variable for setting in settings() if setting.room == "kernel"]
    assert wanted
    assert missing(wanted, context_page(context)) == []


@pytest.mark.parametrize("context", list(Context))
def test_every_error_is_on_the_page_of_its_context(context: Context) -> None:
    text = context_page(context)
    for error in (error for error in errors() if error.room == context):
        row = next((line for line in text.splitlines() if f"`{error.code}`" in line), None)
        assert row is not None, f"{error.code} is not on the page"
        assert f"| {error.status} |" in row


def test_every_shared_error_is_in_the_reference() -> None:
    wanted = [error.code for error in errors() if error.room == SHARED]
    assert missing(wanted, page("reference/errors.md")) == []


@pytest.mark.parametrize("context", list(Context))
def test_every_function_and_workflow_is_on_the_page_of_its_context(context: Context) -> None:
    functions = [folder.name for folder in (ROOT / "functions" / context).iterdir() if folder.is_dir()]
    machines = [file.name.partition(".")[0] for file in (ROOT / "statemachines").glob(f"{context}/*.json")]
    assert (
        missing([name for name in functions + machines if name != "__pycache__"], context_page(context)) == []
    )


def test_news_is_on_the_page_of_who_says_it() -> None:
    for kind in news():
        context = kind.__module__.rpartition(".")[2]
        assert f"`{kind.detail_type}`" in context_page(context)


def test_the_routes_of_the_reference_are_those_of_the_doors() -> None:
    read = {(route.function, route.method, route.path) for route in routes()}
    imported = {
        ("/".join(source.parts[-3:-1]), method, shown(path))
        for source in doors()
        for method, path in _door(source).routes
    }
    assert read == imported


def test_the_generated_reference_is_up_to_date() -> None:
    assert [path.name for path in outdated()] == [], "run `python -m infra.build.reference`"


def test_every_command_is_documented() -> None:
    text = page("start.md")
    names = [
        " ".join((*group, str(command.name or getattr(command.callback, "__name__", ""))))
        for group, typed in _typers()
        for command in typed.registered_commands
    ]
    assert names
    assert [name for name in names if f"`shelflife {name}" not in text] == []


def test_every_make_target_is_documented() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets
    assert missing([f"make {target}" for target in targets], page("start.md")) == []


def test_every_field_of_a_stage_and_every_stage_is_documented() -> None:
    text = page("deploy-to-aws.md")
    assert missing([field.name for field in fields(Stage)], text) == []
    assert f"| field | {' | '.join(STAGES)} |" in text


def test_every_direct_dependency_has_its_reasons() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    names = {re.split(r"[\[<>=~ ]", one)[0] for group in groups for one in group if isinstance(one, str)}
    text = page("decisions/0008-dependencies.md")
    assert sorted(name for name in names if name not in text) == []


def test_a_decision_says_context_decision_consequences_and_when_to_revisit() -> None:
    for decision in sorted((PAGES / "decisions").glob("*.md")):
        headings = _HEADING.findall(decision.read_text())
        assert [
            one for one in ("Context", "Decision", "Consequences", "Revisit when") if one not in headings
        ] == []


@pytest.mark.parametrize("path", [*ALL_PAGES, ROOT / "README.md"], ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for link in _LINK.findall(_FENCE.sub("", path.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{path.name}: {link}"
        if anchor:
            assert anchor in {_slug(heading) for heading in _HEADING.findall(target.read_text())}, link


@pytest.mark.parametrize("path", ALL_PAGES, ids=lambda path: path.name)
def test_every_test_that_a_page_names_is_there(path: Path) -> None:
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", path.read_text()):
        assert f"def {name}(" in (ROOT / file).read_text(), f"{file}::{name}"


def test_the_navigation_lists_every_page_once() -> None:
    nav = (DOCS / "mkdocs.yml").read_text().partition("\nnav:")[2]
    listed = re.findall(r"^ +- (\S+\.md)$", nav, re.MULTILINE)
    assert sorted(listed) == [path.relative_to(PAGES).as_posix() for path in ALL_PAGES]


def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns(".site", ".cache"))
    built = subprocess.run(
        [Path(sys.executable).with_name("zensical"), "build", "--strict", "-f", "docs/mkdocs.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    html = sorted((tmp_path / "docs" / ".site").rglob("*.html"))
    assert len(html) >= len(ALL_PAGES)
    assert [path.name for path in html if _LOADED.search(path.read_text())] == []


def _door(source: Path) -> Any:
    spec = spec_from_file_location(f"door_of_{source.parts[-3]}_{source.parts[-2]}", source)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.door


def _typers() -> list[tuple[tuple[str, ...], typer.Typer]]:
    groups = [((str(group.name),), group.typer_instance) for group in app.registered_groups]
    return [((), app), *[(name, typed) for name, typed in groups if typed is not None]]


def _slug(heading: str) -> str:
    """As Python-Markdown makes the id of a heading."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())
