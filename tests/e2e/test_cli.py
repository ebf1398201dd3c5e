"""The `shelflife` command against a running installation."""

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.app import main
from infra.deploy import assembly
from infra.installation import STAGE, synthesized
from tests.e2e import steps
from tests.harness.installation import SCHEDULE, Platform

pytestmark = pytest.mark.e2e

COMMAND = str(Path(sys.executable).with_name("shelflife"))
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(platform: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command on the installation; its exit status, and what it wrote to both outputs."""

    def run(*arguments: str, folder: Path = platform.folder) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["shelflife", *arguments, "--state", str(folder)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return int(ended.value.code or 0), written.out, written.err

    return run


def test_status_tells_where_it_runs_and_what_is_deployed(run: Run, platform: Platform) -> None:
    code, out, err = run("status")
    assert (code, err) == (0, "")
    assert platform.endpoints.aws_endpoint_url in out
    assert platform.endpoints.api_url in out
    complete = re.findall(r"(shelflife-local-\w+) +│ (?:CREATE|UPDATE)_COMPLETE", out)
    stacks = assembly.stacks(synthesized(STAGE, lambda _: None))
    assert sorted(complete) == sorted(stack.name for stack in stacks)


@pytest.mark.parametrize("function", ["registry/api", "access/authorize"])
def test_logs_are_those_of_the_function(function: str, run: Run, platform: Platform) -> None:
    platform.get("/v1/registry/models")
    code, out, err = run("logs", function)
    assert (code, err) == (0, "")
    assert '"message":"done"' in out


def test_a_function_that_is_not_there_is_named(run: Run) -> None:
    code, out, err = run("logs", "registry/nothing")
    assert (code, out) == (1, "")
    assert err.startswith("shelflife: there is no function 'registry/nothing'; there are access/api, ")


def test_a_schedule_is_fired(run: Run, platform: Platform) -> None:
    code, out, err = run("fire", "drift")
    assert (code, err) == (0, "")
    told = re.fullmatch(rf"{SCHEDULE}: started (\S+)\n", out)
    assert told is not None
    assert platform.ended(told[1])["status"] == "SUCCEEDED"


def test_a_token_is_made(run: Run, platform: Platform) -> None:
    code, out, err = run("token", "create", "by command", "--role", "viewer", "--days", "1")
    assert (code, err) == (0, "")
    token, token_id = (re.search(rf"^{name} +(\S+)$", out, re.MULTILINE) for name in ("token", "id"))
    assert token is not None
    assert token_id is not None
    assert platform.ask("GET", "/v1/access/me", token=token[1]).json()["name"] == "by command"
    assert steps.tokens(platform)["by command"]["token_id"] == token_id[1]


def test_a_role_that_is_none_is_refused(run: Run) -> None:
    code, out, err = run("token", "create", "by command", "--role", "king")
    assert (code, out) == (2, "")
    assert "'king' is not one of 'viewer', 'contributor', 'approver', 'admin'" in err


def test_a_lifetime_that_is_too_long_is_one_line(run: Run) -> None:
    code, out, err = run("token", "create", "by command", "--days", "366")
    assert (code, out) == (1, "")
    assert err == "shelflife: a token may live from 1 second to 365 days, not 366 days\n"


def test_a_folder_without_a_cloud_is_said(run: Run, tmp_path: Path) -> None:
    assert run("status", folder=tmp_path) == (0, "no local cloud runs here\n", "")
    assert run("down", folder=tmp_path) == (0, "no local cloud runs here\n", "")


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [COMMAND, "up", "--state", str(tmp_path), "--port", str(port)],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith(f"shelflife: port {port} is taken: ")
    assert "Traceback" not in ended.stdout


def test_a_folder_in_use_is_one_line(platform: Platform) -> None:
    ended = subprocess.run(
        [COMMAND, "up", "--state", str(platform.folder)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "is in use by process" in ended.stderr
    assert platform.get("/v1/access/me")["role"] == "admin"
