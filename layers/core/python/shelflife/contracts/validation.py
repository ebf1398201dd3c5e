"""What is asked of validation, and what it answers."""

from shelflife.contracts.models import Candidate, ModelVersionReference
from shelflife.kernel.ids import Name
from shelflife.kernel.model import Model


class EvaluateCandidate(Model):
    """The input of `validate_candidate` once the champion, if there is one, was found."""

    candidate: Candidate
    champion: ModelVersionReference | None = None


class GateResult(Model):
    """One gate's answer; `evidence` holds the figures that it was decided on."""

    gate: str
    passed: bool
    reason: str
    evidence: dict[str, float | str | None]


class Verdict(Model):
    """All gates passed, or not; `evaluation_id` names the record that holds the evidence."""

    evaluation_id: str
    model_name: Name
    passed: bool
    gates: tuple[GateResult, ...]
