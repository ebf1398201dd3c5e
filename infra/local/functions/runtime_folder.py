"""What Lambda's Python runtime brings along besides the standard library."""

from __future__ import annotations

import importlib.util
from pathlib import Path

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html: boto3 and what it needs.
PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


def link_runtime(folder: Path) -> Path:
    """Make a folder with links to this environment's copies of the runtime's packages, and only of these."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PACKAGES:
        source = _source(name)
        link = folder / source.name
        if link.is_symlink():
            if link.readlink() == source:
                continue
            link.unlink()
        link.symlink_to(source)
    return folder


def _source(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin
