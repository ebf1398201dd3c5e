import json
from typing import Any

import numpy as np
import pytest

from functions.validation.api.handler import handler as api
from functions.validation.evaluate_candidate.handler import handler as evaluate_candidate
from functions.validation.judge.handler import handler as judge
from shelflife.contracts.models import Candidate, Task
from shelflife.contracts.validation import Verdict
from shelflife.validation.errors import EvaluationNotFoundError
from shelflife.validation.model import Evaluation, Metric
from shelflife.validation.settings import TABLE, ValidationSettings
from tests.harness.cloud import make_bucket, make_table
from tests.harness.events import LambdaContext, golden, http_event
from tests.harness.models import held_out
from tests.harness.trained import SIGN, line, npz, rows, sign, stored, trained

CONTEXT = LambdaContext()
BUCKET = "artifacts"


@pytest.fixture(autouse=True)
def installed(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table(TABLE)
    for name, value in ValidationSettings(validation_table_name=table.table_name).to_env().items():
        monkeypatch.setenv(name, value)
    make_bucket(BUCKET)


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    answer = api(http_event(method, path, body, **event), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None


def evaluate(candidate: Candidate, champion: Candidate | None = None) -> Evaluation:
    told = (
        {"model_name": champion.model_name, "version": 4, "candidate": champion.model_dump(mode="json")}
        if champion
        else None
    )
    event = {"candidate": candidate.model_dump(mode="json"), "champion": told}
    return Evaluation.model_validate(evaluate_candidate(event, CONTEXT))


def test_a_candidate_and_its_champion_are_measured_on_the_same_rows() -> None:
    found = evaluate(trained(BUCKET, "new"), trained(BUCKET, "old", model=line(1.0), holdout=rows(2)))
    assert found.candidate.problem is None
    assert found.candidate.rows == 40
    assert found.candidate.metrics[Metric.MAE] == pytest.approx(0.5)
    assert found.candidate.metrics[Metric.MAX_ERROR] == pytest.approx(0.5)
    assert found.champion is not None
    x = np.linspace(-5, 5, 40)
    assert found.champion.measured.metrics[Metric.MAE] == pytest.approx(
        np.abs(x + 0.5 * np.where(np.arange(40) % 2, 1, -1)).mean(), rel=1e-6
    )


def test_a_classifier_is_measured() -> None:
    x = np.array([-2.0, -1.0, 1.0, 2.0], dtype=np.float32)
    found = evaluate(
        trained(
            BUCKET,
            task=Task.CLASSIFICATION,
            model=sign(),
            signature=SIGN,
            holdout=npz(x=x, target=np.array([0, 1, 1, 1])),
        )
    )
    assert found.candidate.problem is None
    assert found.candidate.metrics[Metric.ACCURACY] == 0.75
    assert found.candidate.metrics[Metric.ROC_AUC] == 1.0
    expected = -np.log(1 / (1 + np.exp([-4.0, 2.0, -2.0, -4.0]))).mean()
    assert found.candidate.metrics[Metric.LOG_LOSS] == pytest.approx(expected, rel=1e-5)


def test_what_cannot_be_run_is_evaluated_with_its_problem() -> None:
    good = trained(BUCKET, "good")
    other = {"uri": good.model.uri, "sha256": "0" * 64, "size_bytes": 1}
    gone = good.model.model_copy(update={"uri": f"s3://{BUCKET}/gone"})
    for problem, candidate in (
        ("cannot be loaded", trained(BUCKET, "text", model=b"not ONNX")),
        (
            "has SHA-256",
            trained(BUCKET, "changed").model_copy(update={"model": good.model.model_validate(other)}),
        ),
        ("does not exist", trained(BUCKET, "gone").model_copy(update={"model": gone})),
        ("no column 'season'", trained(BUCKET, "rows", holdout=npz(x=np.ones(3), target=np.ones(3)))),
        ("no output 'label'", trained(BUCKET, "task", task=Task.CLASSIFICATION)),
    ):
        measured = evaluate(candidate).candidate
        assert measured.problem is not None, problem
        assert problem in measured.problem
        assert measured.metrics == {}


def test_a_champion_for_another_question_cannot_be_compared() -> None:
    evaluate(trained(BUCKET, "new"), trained(BUCKET, "old", target="z"))
    verdict = Verdict.model_validate(judge({"evaluation_id": "new.against-4"}, CONTEXT))
    (gate,) = (gate for gate in verdict.gates if not gate.passed)
    assert "it is a regression of 'z', the rows are for a regression of 'y'" in gate.reason


def test_every_task_can_be_asked_twice() -> None:
    candidate = trained(BUCKET, "job-1")
    first = evaluate(candidate)
    stored(held_out(candidate).uri, b"changed since")
    assert evaluate(candidate) == first
    verdicts = [judge(golden("validation/judge"), CONTEXT) for _ in range(2)]
    assert verdicts[0] == verdicts[1]
    assert verdicts[0]["passed"] is True


def test_the_golden_evaluation_of_what_is_not_there_is_refused() -> None:
    evaluate_candidate(golden("validation/evaluate_candidate"), CONTEXT)
    verdict = Verdict.model_validate(judge(golden("validation/judge"), CONTEXT))
    assert not verdict.passed
    with pytest.raises(EvaluationNotFoundError):
        judge({"evaluation_id": "none"}, CONTEXT)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_gates_are_set_by_approvers_and_told(version: str) -> None:
    path = "/v1/validation/policies/bikeshare"
    status, policy = ask("GET", path, role="viewer", version=version)
    assert (status, policy["revision"], policy["gates"]["min_holdout_rows"]) == (200, 0, 30)
    gates = {"thresholds": [{"metric": "mae", "at_most": 60}], "min_improvement": -0.02}
    assert ask("PUT", path, gates, role="contributor", version=version)[0] == 403
    status, policy = ask("PUT", path, gates, role="approver", version=version)
    assert (status, policy["revision"], policy["changed_by"]) == (200, 1, "tester")
    assert ask("GET", path, version=version) == (200, policy)


def test_what_is_wrong_with_gates_is_named() -> None:
    gates = {"thresholds": [{"metric": "beauty", "at_most": 1}], "min_improvement": 2}
    status, problem = ask("PUT", "/v1/validation/policies/bikeshare", gates)
    assert status == 400
    assert [fault["field"] for fault in problem["errors"]] == ["thresholds.0.metric", "min_improvement"]
    assert ask("GET", "/v1/validation/policies/not a name")[0] in {400, 404}


def test_evaluations_are_told_with_their_judgement() -> None:
    evaluate(trained(BUCKET, "job-1"))
    evaluate(trained(BUCKET, "job-2"))
    judge({"evaluation_id": "job-1.first"}, CONTEXT)
    status, record = ask("GET", "/v1/validation/evaluations/job-1.first")
    assert (status, record["judgement"]["verdict"]["passed"]) == (200, True)
    status, listed = ask("GET", "/v1/validation/evaluations?model_name=bikeshare&limit=1")
    assert [one["evaluation"]["job_id"] for one in listed["evaluations"]] == ["job-2"]
    assert listed["evaluations"][0]["judgement"] is None
    status, problem = ask("GET", "/v1/validation/evaluations")
    assert (status, problem["errors"][0]["field"]) == (400, "model_name")
    status, problem = ask("GET", "/v1/validation/evaluations/none")
    assert (status, problem["type"]) == (404, "/errors/evaluation-not-found")
