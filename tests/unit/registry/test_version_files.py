import pytest

from shelflife.registry.errors import InvalidFilePathError, InvalidSourceError
from shelflife.registry.sources import file_below

ROOT = "mlflow-artifacts:/7/models/m-1/artifacts"


@pytest.mark.parametrize("path", ["MLmodel", "data/model.onnx", "notes/größe.txt"])
def test_a_file_is_below_the_folder_of_its_version(path: str) -> None:
    assert file_below(ROOT, path) == f"7/models/m-1/artifacts/{path}"


@pytest.mark.parametrize(
    "path", ["../x", "a/../b", "/etc/passwd", "a//b", "a/", ".", "%2e%2e/x", "%252e%252e/x", "a\\b", "a\nb"]
)
def test_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(InvalidFilePathError):
        file_below(ROOT, path)


@pytest.mark.parametrize(
    "location", ["s3://bucket/x", "dummy-source", "mlflow-artifacts://host/x", "models:/m-1"]
)
def test_files_elsewhere_are_not_shown(location: str) -> None:
    with pytest.raises(InvalidSourceError):
        file_below(location, "MLmodel")
