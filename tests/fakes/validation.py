from shelflife.contracts.models import Candidate
from shelflife.kernel.paging import Page, decode_cursor, encode_cursor
from shelflife.validation.errors import EvaluationExistsError, JudgementExistsError, PolicyChangedError
from shelflife.validation.model import Evaluation, EvaluationRecord, Judgement, Measurement, Policy


class MemoryPolicies:
    def __init__(self) -> None:
        self._policies: dict[str, Policy] = {}

    def find(self, model_name: str) -> Policy | None:
        return self._policies.get(model_name)

    def put(self, policy: Policy) -> None:
        seen = self._policies.get(policy.model_name)
        if (seen.revision if seen else 0) != policy.revision - 1:
            raise PolicyChangedError(policy.model_name)
        self._policies[policy.model_name] = policy


class MemoryEvaluations:
    def __init__(self) -> None:
        self._records: dict[str, EvaluationRecord] = {}

    def add(self, evaluation: Evaluation) -> None:
        if evaluation.evaluation_id in self._records:
            raise EvaluationExistsError(evaluation.evaluation_id)
        self._records[evaluation.evaluation_id] = EvaluationRecord(evaluation=evaluation)

    def find(self, evaluation_id: str) -> EvaluationRecord | None:
        return self._records.get(evaluation_id)

    def judge(self, evaluation_id: str, judgement: Judgement) -> None:
        record = self._records.get(evaluation_id)
        if record is None or record.judgement is not None:
            raise JudgementExistsError(evaluation_id)
        self._records[evaluation_id] = record.model_copy(update={"judgement": judgement})

    def page(self, model_name: str, limit: int, cursor: str | None) -> Page[EvaluationRecord]:
        after = (decode_cursor(cursor) or {}).get("after", 0)
        found = [one for one in self._records.values() if one.evaluation.model_name == model_name]
        found.sort(key=lambda one: (one.evaluation.evaluated_at, one.evaluation.evaluation_id), reverse=True)
        more = encode_cursor({"after": after + limit}) if len(found) > after + limit else None
        return Page(items=tuple(found[after : after + limit]), next_cursor=more)


class KnownTrials:
    """Answers what is known of a model by its job."""

    def __init__(self, known: dict[str, Measurement]) -> None:
        self.known = known
        self.measured: list[tuple[str, str]] = []

    def measure(self, judged: Candidate, rows_of: Candidate) -> Measurement:
        self.measured.append((judged.job_id, rows_of.job_id))
        return self.known[judged.job_id]
