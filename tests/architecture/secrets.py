"""Secrets in files: our own tokens, AWS keys, private keys. `python -m tests.architecture.secrets FILE …`."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = {
    "an API token": re.compile(r"\bshl_[0-9a-z]{26}_[0-9a-f]{64}\b"),
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s"),
    "a GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
}


def tracked() -> list[Path]:
    """Every file that git knows of."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def findings(paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        text = path.read_text(errors="replace") if path.is_file() else ""
        found += [f"{path}: {what}" for what, pattern in PATTERNS.items() if pattern.search(text)]
    return found


if __name__ == "__main__":
    sys.exit("\n".join(findings([Path(name) for name in sys.argv[1:]])) or 0)
