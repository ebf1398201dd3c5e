"""What is measured on held-out rows: arrays in, floats out.

Definitions are scikit-learn's (`sklearn.metrics`, user guide 3.4), against which the tests compare.
What is undefined for the rows (R² of a constant target, ROC AUC of one class) is left out, never 0.
"""

import numpy as np
import numpy.typing as npt

from shelflife.validation.model import Metric

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Metrics = dict[Metric, float]


def regression(target: Floats, predicted: Floats) -> Metrics:
    """The errors of predictions, both of shape [rows]."""
    errors = np.abs(target - predicted)
    found: Metrics = {
        Metric.MAE: float(errors.mean()),
        Metric.RMSE: float(np.sqrt(np.square(errors).mean())),
        Metric.MEDIAN_AE: float(np.median(errors)),
        Metric.MAX_ERROR: float(errors.max()),
    }
    spread = float(np.square(target - target.mean()).sum())
    if spread > 0:
        found[Metric.R2] = 1 - float(np.square(errors).sum()) / spread
    return found


def classification(target: Codes, predicted: Codes, probabilities: Floats) -> Metrics:
    """The quality of labels and probabilities.

    Args:
        target: the class's place in the order of `probabilities`' columns, per row; -1 for a class that the
            model does not know.
        predicted: likewise.
        probabilities: of shape [rows, classes].
    """
    found: Metrics = {
        Metric.ACCURACY: float((target == predicted).mean()),
        Metric.F1_MACRO: _f1_macro(target, predicted),
        Metric.LOG_LOSS: _log_loss(target, probabilities),
    }
    positives = int((target == 1).sum())
    if probabilities.shape[1] == 2 and 0 < positives < target.size:  # noqa: PLR2004 - of a binary classifier only
        found[Metric.ROC_AUC] = _roc_auc(target == 1, probabilities[:, 1])
    return found


def _f1_macro(target: Codes, predicted: Codes) -> float:
    """The mean over classes of 2TP / (2TP + FP + FN)."""
    scores = []
    for code in np.union1d(target, predicted):
        hits = int(((target == code) & (predicted == code)).sum())
        scores.append(2 * hits / (int((target == code).sum()) + int((predicted == code).sum())))
    return float(np.mean(scores))


def _log_loss(target: Codes, probabilities: Floats) -> float:
    """The mean of -log of the probability that the model gave the row's class; certain errors stay finite.

    32-bit probabilities add up to 1 only nearly; the logarithm is taken of what adds up to 1.
    """
    shares = probabilities / probabilities.sum(axis=1, keepdims=True)
    given = np.where(target >= 0, shares[np.arange(target.size), np.maximum(target, 0)], 0.0)
    least = float(np.finfo(np.float64).eps)
    return float(-np.log(np.clip(given, least, 1 - least)).mean())


def _roc_auc(positive: npt.NDArray[np.bool_], scores: Floats) -> float:
    """The chance that a positive row scores above a negative one, ties counting half.

    Mann-Whitney's U over the product of the sizes (Hanley and McNeil 1982,
    doi:10.1148/radiology.143.1.7063747).
    """
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positives, negatives = int(positive.sum()), int((~positive).sum())
    above = float(ranks[positive].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)
