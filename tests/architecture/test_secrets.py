import re
from pathlib import Path

import pytest

from tests.architecture.secrets import PATTERNS, ROOT, findings, tracked

BINARY = {".png", ".parquet", ".onnx"}


def test_no_tracked_file_holds_a_secret() -> None:
    assert findings(tracked()) == []


@pytest.mark.parametrize(
    "secret",
    [
        "shl_" + "0" * 26 + "_" + "a" * 64,
        "AKIA" + "Z" * 16,
        "-----BEGIN RSA " + "PRIVATE KEY-----\n",
        "ghp_" + "x" * 36,
    ],
)
def test_a_secret_would_be_found(secret: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(f"key = {secret}")
    assert len(findings([tmp_path / "file"])) == 1
    assert len(PATTERNS) == 4


def test_no_tracked_file_names_a_path_of_a_machine_or_an_index_of_packages() -> None:
    foreign = re.compile(r"(?<![\w.])/(?:home|Users|root|work)/\w|https?://[^\s\"']+/(?:simple|packages)/")
    texts = {
        path: path.read_text(errors="replace")
        for path in tracked()
        if path.is_file() and path.suffix not in BINARY
    }
    found = {
        path.relative_to(ROOT).as_posix(): match.group()
        for path, text in texts.items()
        if path != Path(__file__) and (match := foreign.search(text))
    }
    assert found == {}
