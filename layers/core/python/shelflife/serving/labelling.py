"""Labels of captured answers become losses in the minutes of the variants that gave them.

Monitoring compares labels with what a deployment answered, days later and over all variants; a rollout that
is under way asks which variant erred more. Answers are read from the capture files, where they already are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import add
from typing import Any, NamedTuple

import numpy as np

from shelflife.contracts.models import Candidate, Task
from shelflife.contracts.monitoring import Label, LabelsReceived
from shelflife.contracts.serving import CAPTURE_ID, CAPTURE_ROW, OUTPUT_COLUMN
from shelflife.kernel.errors import ShelflifeError
from shelflife.kernel.ids import Clock
from shelflife.serving import observed
from shelflife.serving.capture_ports import (
    CaptureFiles,
    Claims,
    Filed,
    LabelBatches,
    Loss,
    WatchedVariant,
    Windows,
)
from shelflife.serving.captures import claim_key_of
from shelflife.serving.columns import ANSWER, Columns
from shelflife.serving.figures import Figures
from shelflife.serving.ports import Deployments, Versions


class Counted(NamedTuple):
    """How many answers' losses were added now.

    `unknown` have no capture, or none yet; `others` were counted before, were asked for by name, or cannot be
    compared: a masked answer, another number of rows, rows of several messages.
    """

    added: int
    unknown: int
    others: int


@dataclass(frozen=True, slots=True)
class Labelling:
    batches: LabelBatches
    claims: Claims
    files: CaptureFiles
    deployments: Deployments
    versions: Versions
    windows: Windows
    now: Clock

    def count(self, told: LabelsReceived) -> Counted:
        """Add the losses of the answers that these labels are about; told again, each counts once.

        Raises:
            WindowsContendedError: others keep writing the same minutes.
        """
        labels = {
            claim_key_of(told.deployment, label.capture_id): label
            for label in self.batches.read(told.labels_uri).labels
        }
        filed = self.claims.filed([*labels])
        counting = {key: found for key, found in filed.items() if found.answered.assigned}
        losses = [
            loss
            for uri in dict.fromkeys(found.uri for found in counting.values())
            for loss in self._losses(
                told.deployment, {key: found for key, found in counting.items() if found.uri == uri}, labels
            )
        ]
        added = self.windows.add_losses(losses, self.now())
        return Counted(added, unknown=len(labels) - len(filed), others=len(filed) - added)

    def count_all(self, messages: Mapping[str, LabelsReceived]) -> tuple[Counted, dict[str, Exception]]:
        """All of it together, and by message id why some have to come again."""
        whole, failed = Counted(0, 0, 0), dict[str, Exception]()
        for message_id, told in messages.items():
            try:
                whole = Counted(*map(add, whole, self.count(told)))
            except ShelflifeError as error:
                failed[message_id] = error
        return whole, failed

    def _losses(
        self, deployment: str, filed: Mapping[str, Filed], labels: Mapping[str, Label]
    ) -> Iterator[Loss]:
        """Of answers that are in one file: all of one variant of one revision."""
        (uri, answered), *_ = filed.values()
        candidate = self._candidate(deployment, answered.revision, answered.variant)
        if candidate is None:
            return
        answers = _answers(self.files.read(uri), ANSWER[candidate.task])
        for key, found in filed.items():
            by = found.answered
            figures = _loss(answers.get(labels[key].capture_id, []), labels[key].values, candidate)
            if figures is not None:
                watched = WatchedVariant(deployment, by.revision, by.variant)
                yield Loss(key, watched, by.captured_at.replace(second=0, microsecond=0), figures)

    def _candidate(self, deployment: str, number: int, variant: str) -> Candidate | None:
        revision = self.deployments.revision(deployment, number)
        of = revision.traffic.rule.variant(variant) if revision else None
        known = self.versions.find(revision.model_name, of.model_version) if revision and of else None
        return known.reference.candidate if known else None


def _answers(columns: Columns, name: str) -> dict[str, list[Any]]:
    """The answers of each request in the order of its rows; of a request in several messages, a part."""
    told = columns.get(OUTPUT_COLUMN.format(name=name))
    if told is None:
        return {}
    answers: dict[str, list[Any]] = {}
    for at in np.argsort(columns[CAPTURE_ROW], kind="stable"):
        answers.setdefault(str(columns[CAPTURE_ID][at]), []).append(told[at])
    return answers


def _loss(answers: Sequence[Any], truths: Sequence[Any], candidate: Candidate) -> Figures | None:
    """The losses of a request's rows; nothing if the answers are masked, or are not all of them."""
    if len(answers) != len(truths):
        return None
    pairs = list(zip(answers, truths, strict=True))
    if candidate.task is Task.REGRESSION:
        if any(answer is None or isinstance(answer, str) for answer in answers):
            return None
        return observed.losses(abs(float(answer) - float(truth)) for answer, truth in pairs)
    if not {str(answer) for answer in answers} <= set(candidate.signature.classes):
        return None
    return observed.losses(float(str(answer) != str(truth)) for answer, truth in pairs)
