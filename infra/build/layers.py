"""Build the layers from their lock files, for this machine or for Lambda: no Docker, offline once cached.

``python -m infra.build.layers local aws`` (and `aws-arm64`, for a stage of that architecture). A layer whose
inputs have not changed is left alone; one whose build was cut off has no marker and is made anew. Bytecode is
shipped with every layer, because it more than halves a cold start; for Lambda that needs a Python of Lambda's
version on this machine.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ROOT / "layers"
BUILT = ROOT / ".build" / "layers"
PACKAGE = LAYERS / "core" / "python"
#: Third-party layers have a lock file; `core` is our package as it stands.
THIRD_PARTY = ("runtime", "inference", "analytics", "graphql", "pages")
CORE = "core"
#: Holds MLflow's own pages (shelflife/tracking/pages.py names the same folder).
PAGES, PAGES_FOLDER = "pages", "mlflow_pages"
_COMPRESSED = frozenset({".css", ".html", ".js", ".json", ".cjs", ".mjs", ".svg", ".txt"})
#: What Lambda runs; infra/names.py names the same version to CDK (a test compares them).
LAMBDA_PYTHON = "3.13"
#: Lambda's architectures by the folder of their layers: wheels are built for one, bytecode is for any.
_LAMBDA_MACHINES = {"aws": "x86_64-manylinux_2_28", "aws-arm64": "aarch64-manylinux_2_28"}
_LAMBDA_TARGET = ("--python-version", LAMBDA_PYTHON, "--only-binary", ":all:")
#: Brought by a dependency, used by nothing that runs in a function.
_DROPPED = ("bin", "share", "*/tests", "*/test", "onnxruntime/tools", "onnxruntime/transformers")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a layer will run, and with which Python its bytecode is made (none: shipped without)."""

    platform: str
    arguments: tuple[str, ...]
    python: str | None


class UnknownPlatformError(ValueError):
    def __init__(self, platform: str) -> None:
        super().__init__(f"platform {platform!r} is none of 'local', 'aws' and 'aws-arm64'")


def target(platform: str) -> Target:
    if platform == "local":
        return Target("local", ("--python", sys.executable), sys.executable)
    if platform in _LAMBDA_MACHINES:
        machine = ("--python-platform", _LAMBDA_MACHINES[platform])
        return Target(platform, (*machine, *_LAMBDA_TARGET), _lambda_python())
    raise UnknownPlatformError(platform)


def build(platform: str) -> list[str]:
    """Bring every layer of a platform up to date; the answer names those that were made."""
    aimed = target(platform)
    if platform in _LAMBDA_MACHINES and aimed.python is None:
        _say(f"no python{LAMBDA_PYTHON} on this machine: the layers for Lambda are built without bytecode,")
        _say("which works, but doubles cold starts; install it before deploying to production")
    return [layer for layer in (*THIRD_PARTY, CORE) if _build(layer, aimed)]


def _build(layer: str, aimed: Target) -> bool:
    folder = BUILT / aimed.platform / layer
    marker = folder.with_suffix(".built")
    wanted = _fingerprint(layer, aimed)
    if marker.exists() and marker.read_text() == wanted and folder.is_dir():
        return False
    _say(f"building layer {layer} for {aimed.platform}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made aside and moved into place, so that a cut-off build or one beside it leaves no half a layer.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{layer}-") as aside:
        python = Path(aside) / "python"
        _fill(layer, python, aimed)
        if aimed.python:
            _compile(python, aimed.python)
        marker.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        python.rename(folder / "python")
    marker.write_text(wanted)
    return True


def _fill(layer: str, python: Path, aimed: Target) -> None:
    if layer == CORE:
        shutil.copytree(
            PACKAGE, python, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "py.typed~")
        )
        return
    command = [
        *(_uv(), "pip", "install", "--quiet", "--no-progress", "--target", str(python), *aimed.arguments),
        *("--require-hashes", "--no-deps", "-r", str(LAYERS / layer / "requirements.txt")),
    ]
    # From the cache alone first: a clone on a train must build, too.
    if subprocess.run([*command, "--offline"], check=False, capture_output=True).returncode:  # noqa: S603 - our own arguments
        shutil.rmtree(python, ignore_errors=True)
        subprocess.run(command, check=True)  # noqa: S603 - our own arguments
    for pattern in _DROPPED:
        for found in python.glob(pattern):
            shutil.rmtree(found)
    (python / ".lock").unlink(missing_ok=True)
    if layer == PAGES:
        _keep_pages(python)


def _keep_pages(python: Path) -> None:
    """Of MLflow's package only its pages with their licences are shipped, texts compressed."""
    package = python.rename(python.with_name("package"))
    folder = python / PAGES_FOLDER
    shutil.copytree(package / "mlflow" / "server" / "js" / "build", folder)
    (licences,) = package.glob("mlflow-*.dist-info/licenses")
    shutil.copytree(licences, folder / "licenses")
    shutil.rmtree(package)
    for file in [file for file in folder.rglob("*") if file.suffix in _COMPRESSED]:
        # Without a time, so that the same files are the same layer.
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
        file.unlink()


def _compile(python: Path, interpreter: str) -> None:
    """Bytecode that holds whatever its file's time is: zips keep no times."""
    subprocess.run(  # noqa: S603 - our own arguments
        [
            interpreter,
            "-I",
            "-m",
            "compileall",
            "-q",
            "-j",
            "2",
            "--invalidation-mode",
            "unchecked-hash",
            python,
        ],
        check=True,
    )


def _fingerprint(layer: str, aimed: Target) -> str:
    """What a layer is made from: its lock or our sources, where it will run, and how this module makes it."""
    digest = hashlib.sha256(repr((aimed.platform, aimed.arguments, _version(aimed.python))).encode())
    sources = sorted(PACKAGE.rglob("*.py")) if layer == CORE else [LAYERS / layer / "requirements.txt"]
    for source in (Path(__file__), *sources):
        digest.update(source.relative_to(ROOT).as_posix().encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _version(python: str | None) -> str:
    if python is None:
        return "no bytecode"
    told = subprocess.run([python, "-I", "-VV"], check=True, capture_output=True, text=True)  # noqa: S603 - our own
    return told.stdout


def _lambda_python() -> str | None:
    """A Python of Lambda's version; a name on PATH may be a stub, so it is tried."""
    if sys.version_info[:2] == tuple(int(part) for part in LAMBDA_PYTHON.split(".")):
        return sys.executable
    home = Path.home()
    candidates = [
        shutil.which(f"python{LAMBDA_PYTHON}"),
        *(str(found) for found in sorted(home.glob(f".pyenv/versions/{LAMBDA_PYTHON}.*/bin/python"))),
    ]
    works = "import sys; sys.exit(sys.version_info[:2] != (%s))" % LAMBDA_PYTHON.replace(".", ",")  # noqa: UP031 - braces
    for candidate in filter(None, candidates):
        if not subprocess.run([candidate, "-I", "-c", works], check=False, capture_output=True).returncode:  # noqa: S603 - found above
            return candidate
    return None


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else "uv"


def _say(line: str) -> None:
    sys.stderr.write(line + os.linesep)


if __name__ == "__main__":
    for wanted_platform in sys.argv[1:] or ["local"]:
        build(wanted_platform)
