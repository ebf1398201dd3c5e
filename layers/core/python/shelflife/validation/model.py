"""What a candidate is judged by, what was measured of it, and what was decided."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from shelflife.contracts.models import DatasetReference, Task
from shelflife.contracts.validation import Verdict
from shelflife.kernel.ids import Moment, Name
from shelflife.kernel.model import Model


class Metric(StrEnum):
    """What is measured on held-out rows (metrics.py)."""

    MAE = "mae"
    RMSE = "rmse"
    R2 = "r2"
    MEDIAN_AE = "median_ae"
    MAX_ERROR = "max_error"
    ACCURACY = "accuracy"
    F1_MACRO = "f1_macro"
    LOG_LOSS = "log_loss"
    ROC_AUC = "roc_auc"


HIGHER_IS_BETTER = frozenset({Metric.R2, Metric.ACCURACY, Metric.F1_MACRO, Metric.ROC_AUC})
#: What a candidate and the champion are compared by, unless the policy names another.
PRIMARY = {Task.REGRESSION: Metric.MAE, Task.CLASSIFICATION: Metric.LOG_LOSS}


class Threshold(Model):
    """A bound of one metric; at least one of the two is given."""

    metric: Metric
    at_most: float | None = Field(None, allow_inf_nan=False)
    at_least: float | None = Field(None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_most is None and self.at_least is None:
            msg = f"threshold of {self.metric} has neither at_most nor at_least"
            raise ValueError(msg)
        return self


class Gates(Model):
    """What a model's candidates have to pass.

    `min_improvement` is a share of the champion's primary metric: 0 asks for not being worse, 0.05 for being
    5 % better, -0.02 tolerates being 2 % worse. A champion that cannot be run on the candidate's rows lets no
    candidate pass while it is `required`.
    """

    thresholds: tuple[Threshold, ...] = Field((), max_length=50)
    primary_metric: Metric | None = None
    min_improvement: float = Field(0.0, ge=-1, le=1)
    champion: Literal["required", "when_comparable"] = "required"
    max_model_bytes: int = Field(200_000_000, ge=1)
    min_holdout_rows: int = Field(30, ge=1)


class Policy(Model):
    """The gates of one model; revision 0 is what holds before anyone has set them."""

    model_name: Name
    revision: int = 0
    gates: Gates = Gates()
    changed_at: Moment | None = None
    changed_by: str | None = None


class Measurement(Model):
    """What a model did on the held-out rows; a model that could not be run has a problem and no metrics."""

    metrics: dict[Metric, float] = Field(default_factory=dict)
    rows: int = 0
    problem: str | None = None


class ChampionMeasurement(Model):
    version: int
    measured: Measurement


class Evaluation(Model):
    """A candidate, and the champion of that moment, on the candidate's held-out rows."""

    evaluation_id: str
    model_name: Name
    job_id: str
    run_id: str
    task: Task
    dataset: DatasetReference
    model_bytes: int
    candidate: Measurement
    champion: ChampionMeasurement | None
    evaluated_at: Moment


class Judgement(Model):
    """The verdict with the policy that it was reached by."""

    verdict: Verdict
    policy: Policy
    judged_at: Moment


class EvaluationRecord(Model):
    """An evaluation and, once it was judged, the judgement: written once each, never changed."""

    evaluation: Evaluation
    judgement: Judgement | None = None


class JudgeEvaluation(Model):
    evaluation_id: str


def evaluation_id_of(job_id: str, champion_version: int | None) -> str:
    """One evaluation per job and champion: asked again, the same one is meant."""
    return f"{job_id}.{'first' if champion_version is None else f'against-{champion_version}'}"
