"""What MLflow's clients send. They are of many versions, so fields not known here are passed over."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from shelflife.registry.model import ModelName, NewVersion

#: An answer of Lambda ends at 6 MB, so a page ends here, whatever was asked for; clients go on by its token.
LARGEST_PAGE = 1000

Key = Annotated[str, Field(min_length=1, max_length=250)]
TagValue = Annotated[str, Field(max_length=100_000)]
Description = Annotated[str, Field(max_length=5000)]
Version = Annotated[int, Field(ge=1)]


class Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


R = TypeVar("R", bound=Request)


class SentTag(Request):
    key: Key
    value: TagValue = ""


class CreateModel(Request):
    name: ModelName
    description: Description | None = None
    tags: tuple[SentTag, ...] = ()


class NamedModel(Request):
    name: str = Field(min_length=1)


class DescribeModel(NamedModel):
    description: Description = ""


class TagModel(NamedModel, SentTag):
    pass


class UntagModel(NamedModel):
    key: Key


class NamedAlias(NamedModel):
    alias: str = Field(min_length=1)


class SetAlias(NamedAlias):
    version: Version


class CreateVersion(NamedModel):
    source: str = Field(min_length=1, max_length=1000)
    run_id: str | None = None
    run_link: str | None = None
    model_id: str | None = None
    description: Description | None = None
    tags: tuple[SentTag, ...] = ()

    def new(self) -> NewVersion:
        return NewVersion(
            source_uri=self.source,
            run_id=self.run_id or None,
            run_link=self.run_link or None,
            model_id=self.model_id or None,
            description=self.description,
            tags=plain(self.tags),
        )


class NumberedVersion(NamedModel):
    version: Version


class DescribeVersion(NumberedVersion):
    description: Description = ""


class TagVersion(NumberedVersion, SentTag):
    pass


class UntagVersion(NumberedVersion):
    key: Key


class Search(Request):
    filter: str = ""
    max_results: int = Field(100, ge=1, le=200_000)
    order_by: tuple[str, ...] = ()
    page_token: str | None = None

    @property
    def limit(self) -> int:
        return min(self.max_results, LARGEST_PAGE)


def plain(tags: Sequence[SentTag]) -> dict[str, str]:
    return {tag.key: tag.value for tag in tags}
