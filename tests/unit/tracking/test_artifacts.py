import pytest

from shelflife.tracking.artifacts import INLINE_LIMIT, UPLOAD_LIMIT, Artifacts, disposition
from shelflife.tracking.errors import ArtifactNotFoundError, ArtifactTooLargeError, InvalidArtifactPathError
from tests.fakes.tracking import MemoryArtifactFiles


@pytest.fixture
def files() -> MemoryArtifactFiles:
    return MemoryArtifactFiles()


@pytest.fixture
def artifacts(files: MemoryArtifactFiles) -> Artifacts:
    return Artifacts(files)


@pytest.mark.parametrize(
    "path",
    ["", "/etc", "a/../b", "..", "a//b", "a/./b", "a/", "a\\b", "a%2F..%2Fb", "a/\x00", "a%0Ab", "ä" * 501],
)
def test_a_path_that_could_lead_elsewhere_is_refused(artifacts: Artifacts, path: str) -> None:
    with pytest.raises(InvalidArtifactPathError):
        artifacts.write(path, b"", "text/plain")
    with pytest.raises(InvalidArtifactPathError):
        artifacts.read(path)
    with pytest.raises(InvalidArtifactPathError):
        artifacts.remove(path)
    with pytest.raises(InvalidArtifactPathError):
        artifacts.begin_upload(path, 1, "text/plain")


def test_an_encoded_path_names_the_same_file(artifacts: Artifacts) -> None:
    artifacts.write("1/a%20b/gr%C3%B6%C3%9Fe.txt", b"1", "text/plain")
    assert artifacts.read("1/a b/größe.txt").body == b"1"


def test_a_small_file_is_answered_and_a_large_one_located(artifacts: Artifacts) -> None:
    artifacts.write("small", bytes(INLINE_LIMIT), "text/plain")
    artifacts.write("large", bytes(INLINE_LIMIT + 1), "text/plain")
    small, large = artifacts.read("small"), artifacts.read("large")
    assert (small.body, small.url) == (bytes(INLINE_LIMIT), None)
    assert (large.body, large.url) == (None, "https://storage.example/large")
    assert artifacts.locate("small").url == "https://storage.example/small"


def test_a_file_over_the_limit_is_refused_with_the_limit(
    artifacts: Artifacts, files: MemoryArtifactFiles
) -> None:
    with pytest.raises(ArtifactTooLargeError, match=r"'a' has 5000001 bytes, 5000000 may"):
        artifacts.write("a", bytes(UPLOAD_LIMIT + 1), "text/plain")
    assert files.files == {}


def test_what_is_not_there_is_named(artifacts: Artifacts) -> None:
    with pytest.raises(ArtifactNotFoundError, match="'1/nothing'"):
        artifacts.read("1/nothing")
    assert artifacts.entries("1") == []


def test_an_upload_without_parts_makes_an_empty_file(artifacts: Artifacts) -> None:
    upload = artifacts.begin_upload("1/empty", 0, "text/plain")
    artifacts.complete_upload("1/empty", upload.upload_id, [])
    assert artifacts.read("1/empty").body == b""


def test_a_name_cannot_break_out_of_its_header() -> None:
    assert disposition('1/a"; x=\r\nß.txt') == "attachment; filename*=UTF-8''a%22%3B%20x%3D%0D%0A%C3%9F.txt"
