"""What MLflow's clients send of assessments, and the forms of fields that all requests share.

Numbers may come as texts; times are RFC 3339, durations seconds with an ``s``.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shelflife.tracing.assessments import Change
from shelflife.tracing.model import Assessment, AssessmentKind

LONG = 2**63
LONGEST_KEY = 250
LONGEST_VALUE = 8000
_PREVIEW = 10_000
_SNAKE = {"assessmentName": "assessment_name", "updateMask": "update_mask"}


def _milliseconds(value: Any) -> Any:
    """Milliseconds of a moment or of a duration as protobuf writes them in JSON."""
    if not isinstance(value, str) or value.isdecimal():
        return value
    if value.endswith("s"):
        return int(float(value[:-1]) * 1000 + 0.5)
    moment = datetime.fromisoformat(value)
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (known - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


Milliseconds = Annotated[int, BeforeValidator(_milliseconds), Field(ge=0, lt=LONG)]
Long = Annotated[int, Field(ge=-LONG, lt=LONG)]
TraceId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}$")]
Key = Annotated[str, Field(min_length=1, max_length=LONGEST_KEY)]
# As in MLflow, what is too long for a tag or metadata is cut off.
Value = Annotated[str, AfterValidator(lambda text: text[:LONGEST_VALUE])]
Preview = Annotated[str, AfterValidator(lambda text: text[:_PREVIEW])]


class Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class SentSource(Request):
    source_type: str = "SOURCE_TYPE_UNSPECIFIED"
    source_id: str | None = None


class SerializedValue(Request):
    serialization_format: str = "JSON_FORMAT"
    value: str


class SentValue(Request):
    """A feedback's, an expectation's or an issue's."""

    value: Any = None
    serialized_value: SerializedValue | None = None
    error: dict[str, Any] | None = None
    issue_name: str | None = None

    def fields(self) -> dict[str, Any]:
        """The fields of an assessment that hold it."""
        if self.serialized_value is not None:
            return {"value": json.loads(self.serialized_value.value), "serialized": True, "error": None}
        value = self.issue_name if self.issue_name is not None else self.value
        return {"value": value, "serialized": False, "error": self.error}


class SentAssessment(Request):
    assessment_id: str | None = Field(None, max_length=LONGEST_KEY)
    assessment_name: str = Field("", max_length=LONGEST_KEY)
    span_id: str | None = Field(None, max_length=LONGEST_KEY)
    source: SentSource = SentSource()
    create_time: Milliseconds = 0
    last_update_time: Milliseconds = 0
    feedback: SentValue | None = None
    expectation: SentValue | None = None
    issue: SentValue | None = None
    rationale: str | None = None
    metadata: dict[Key, str] = Field(default_factory=dict)
    overrides: str | None = Field(None, max_length=LONGEST_KEY)
    valid: bool | None = None

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for _, sent in self._values():
            sent.fields()
        return self

    def _values(self) -> list[tuple[AssessmentKind, SentValue]]:
        sent = ((kind, getattr(self, kind)) for kind in AssessmentKind)
        return [(kind, value) for kind, value in sent if value is not None]

    def assessment(self) -> Assessment:
        ((kind, sent),) = self._values()
        return Assessment(
            assessment_id=self.assessment_id or "",
            name=self.assessment_name,
            kind=kind,
            source_type=self.source.source_type,
            source_id=self.source.source_id,
            created_at=self.create_time,
            updated_at=self.last_update_time,
            rationale=self.rationale,
            metadata=self.metadata,
            span_id=self.span_id,
            overrides=self.overrides or None,
            valid=self.valid is not False,
            **sent.fields(),
        )

    @property
    def has_value(self) -> bool:
        return len(self._values()) == 1

    def change(self, mask: str) -> Change:
        """What of an assessment the mask names; its names are in camel case."""
        named = {_SNAKE.get(name.strip(), name.strip()) for name in mask.split(",")}
        values = [(kind, sent) for kind, sent in self._values() if kind in named]
        kind, sent = values[0] if values else (None, None)
        return Change(
            name=self.assessment_name if "assessment_name" in named else None,
            kind=kind,
            value=sent.fields() if sent else None,
            rationale=self.rationale or "" if "rationale" in named else None,
            metadata=self.metadata if "metadata" in named else None,
        )


class OneAssessment(SentAssessment):
    """One that says something."""

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        if not self.has_value:
            msg = "one of feedback, expectation and issue must be set"
            raise ValueError(msg)
        return self
