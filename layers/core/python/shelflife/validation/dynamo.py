"""Policies and evaluations in DynamoDB.

Items:  pk = POLICY#<model>           sk = POLICY        revision, policy_json
        pk = EVALUATION#<id>          sk = EVALUATION    evaluation_json, and once judged judgement_json
                                      (index `listed`: list_pk = MODEL#<model>, list_sk = <evaluated at>#<id>)
Metrics are any floats, so records are kept as JSON text.
"""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, is_lost_condition
from shelflife.kernel.paging import Page
from shelflife.validation.errors import EvaluationExistsError, JudgementExistsError, PolicyChangedError
from shelflife.validation.model import Evaluation, EvaluationRecord, Judgement, Policy
from shelflife.validation.settings import LISTED

_POLICY = "POLICY"
_EVALUATION = "EVALUATION"
_NEW = "attribute_not_exists(pk)"


@dataclass(frozen=True, slots=True)
class DynamoPolicies:
    items: Items

    def find(self, model_name: str) -> Policy | None:
        item = self.items.get(_policy_pk(model_name), _POLICY)
        return Policy.model_validate_json(item["policy_json"]) if item else None

    def put(self, policy: Policy) -> None:
        item = {
            "pk": _policy_pk(policy.model_name),
            "sk": _POLICY,
            "revision": policy.revision,
            "policy_json": policy.model_dump_json(),
        }
        seen = policy.revision - 1
        try:
            if seen == 0:
                self.items.put(item, _NEW)
            else:
                self.items.put(item, "revision = :seen", values={":seen": seen})
        except ClientError as error:
            if is_lost_condition(error):
                raise PolicyChangedError(policy.model_name) from error
            raise


@dataclass(frozen=True, slots=True)
class DynamoEvaluations:
    items: Items

    def add(self, evaluation: Evaluation) -> None:
        item = {
            "pk": _evaluation_pk(evaluation.evaluation_id),
            "sk": _EVALUATION,
            LISTED.partition_key: _list_pk(evaluation.model_name),
            LISTED.sort_key: f"{evaluation.evaluated_at.isoformat()}#{evaluation.evaluation_id}",
            "evaluation_json": evaluation.model_dump_json(),
        }
        try:
            self.items.put(item, _NEW)
        except ClientError as error:
            if is_lost_condition(error):
                raise EvaluationExistsError(evaluation.evaluation_id) from error
            raise

    def find(self, evaluation_id: str) -> EvaluationRecord | None:
        item = self.items.get(_evaluation_pk(evaluation_id), _EVALUATION)
        return _record(item) if item else None

    def judge(self, evaluation_id: str, judgement: Judgement) -> None:
        try:
            self.items.update(
                (_evaluation_pk(evaluation_id), _EVALUATION),
                "SET judgement_json = :j",
                values={":j": judgement.model_dump_json()},
                condition="attribute_exists(pk) AND attribute_not_exists(judgement_json)",
            )
        except ClientError as error:
            if is_lost_condition(error):
                raise JudgementExistsError(evaluation_id) from error
            raise

    def page(self, model_name: str, limit: int, cursor: str | None) -> Page[EvaluationRecord]:
        index = (LISTED.name, LISTED.partition_key, LISTED.sort_key)
        found, following = self.items.query(
            _list_pk(model_name), limit=limit, cursor=cursor, newest_first=True, index=index
        )
        return Page(items=tuple(_record(item) for item in found), next_cursor=following)


def _policy_pk(model_name: str) -> str:
    return f"POLICY#{model_name}"


def _evaluation_pk(evaluation_id: str) -> str:
    return f"EVALUATION#{evaluation_id}"


def _list_pk(model_name: str) -> str:
    return f"MODEL#{model_name}"


def _record(item: Item) -> EvaluationRecord:
    judgement = item.get("judgement_json")
    return EvaluationRecord(
        evaluation=Evaluation.model_validate_json(item["evaluation_json"]),
        judgement=Judgement.model_validate_json(judgement) if judgement else None,
    )
