"""What MLflow's clients send. They are of many versions, so fields not known here are passed over."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from shelflife.kernel.entry_names import entry_name
from shelflife.registry import stages
from shelflife.registry.found import Search
from shelflife.registry.model import PROMPT_TAG, NewVersion, Stage

#: An answer of Lambda ends at 6 MB, so pages end before this, whatever is asked for.
LARGEST_PAGE = 10_000


def _number(value: Any) -> int:
    """MLflow sends a version as text."""
    if not isinstance(value, str):
        msg = f"a version is text, this is of type {type(value).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - Pydantic tells of ValueErrors
    return int(value)


Key = Annotated[str, Field(min_length=1, max_length=250)]
Name = Annotated[Key, AfterValidator(entry_name)]
TagValue = Annotated[str, Field(max_length=100_000)]
Description = Annotated[str, Field(max_length=5000)]
Version = Annotated[int, BeforeValidator(_number)]


class Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


R = TypeVar("R", bound=Request)


class SentTag(Request):
    key: Name
    value: TagValue = ""


class CreateModel(Request):
    name: str = Field(min_length=1)
    description: Description | None = None
    tags: tuple[SentTag, ...] = ()


class NamedModel(Request):
    name: str = Field(min_length=1)


class DescribeModel(NamedModel):
    description: Description | None = None


class RenameModel(NamedModel):
    new_name: str = Field(min_length=1)


class LatestVersions(NamedModel):
    stages: tuple[str, ...] = ()

    def canonical(self) -> tuple[Stage, ...]:
        return tuple(stages.canonical(stage) for stage in self.stages)


class TagModel(NamedModel, SentTag):
    pass


class UntagModel(NamedModel):
    key: Key


class NamedAlias(NamedModel):
    alias: str = Field(min_length=1)


class SetAlias(NamedAlias):
    """MLflow's aliases have no dots, unlike our own."""

    alias: str = Field(pattern=r"^[\w-]+$")
    version: Version


class CreateVersion(NamedModel):
    source: str = Field(min_length=1, max_length=1000)
    run_id: str | None = None
    run_link: str | None = None
    model_id: str | None = None
    description: Description | None = None
    tags: tuple[SentTag, ...] = ()

    @property
    def is_prompt(self) -> bool:
        return plain(self.tags).get(PROMPT_TAG, "").lower() == "true"

    def new(self) -> NewVersion:
        """What is unset is empty to MLflow's clients, and found by searches for what is empty."""
        return NewVersion(
            source_uri=self.source,
            run_id=self.run_id or "",
            run_link=self.run_link or "",
            model_id=self.model_id or "",
            description=self.description or "",
            tags=plain(self.tags),
        )


class NumberedVersion(NamedModel):
    version: Version


class FileOfVersion(NumberedVersion):
    path: str = Field(min_length=1, max_length=1000)


class DescribeVersion(NumberedVersion):
    description: Description = ""


class TagVersion(NumberedVersion, SentTag):
    pass


class UntagVersion(NumberedVersion):
    key: Key


class MoveStage(NumberedVersion):
    stage: str = Field(min_length=1)
    archive_existing_versions: bool = Field(default=False, strict=True)


class SearchModels(Request):
    filter: str = ""
    max_results: int = Field(100, ge=1, le=1000)
    order_by: tuple[str, ...] = ()
    page_token: str | None = None

    def search(self) -> Search:
        limit = min(self.max_results, LARGEST_PAGE)
        return Search(self.filter, self.order_by, limit, self.page_token)


class SearchVersions(SearchModels):
    max_results: int = Field(LARGEST_PAGE, ge=1, le=200_000)


def plain(tags: Sequence[SentTag]) -> dict[str, str]:
    return {tag.key: tag.value for tag in tags}
