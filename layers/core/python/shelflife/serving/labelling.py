"""Labels of captured answers become losses in the minutes of the variants that gave them.

Monitoring compares labels with what a deployment answered, days later and over all variants; a rollout that
is under way asks which variant erred more. Answers are read from the capture files, where they already are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import add
from typing import Any, NamedTuple

import numpy as np

from shelflife.aws.objects import ObjectNotFoundError
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
    Later,
    Loss,
    WatchedVariant,
    Windows,
)
from shelflife.serving.captures import claim_key_of
from shelflife.serving.columns import ANSWER, Columns
from shelflife.serving.figures import Figures
from shelflife.serving.ports import Deployments, Versions

#: A capture that is not stored by then went to the dead letters, if there ever was one: of a deployment that
#: samples its captures, most labels have none.
PATIENCE = timedelta(hours=1)
#: SQS delays no message longer.
_LONGEST_DELAY = timedelta(minutes=15)


class Counted(NamedTuple):
    """How many answers' losses were added now.

    `unknown` have no capture, or none that is stored yet; `others` were counted before, were asked for by
    name, or cannot be compared: a masked answer, another number of rows, rows of several messages.
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
    later: Later
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
        before = self.windows.labelled([*filed])
        counting = {
            key: found for key, found in filed.items() if found.answered.assigned and key not in before
        }
        losses, unknown = list[Loss](), labels.keys() - filed.keys()
        for uri in dict.fromkeys(found.uri for found in counting.values()):
            some = {key: found for key, found in counting.items() if found.uri == uri}
            answers = self._answers(told.deployment, some)
            if answers is None:
                continue
            unknown |= {key for key in some if labels[key].capture_id not in answers.of}
            losses += _losses(told.deployment, some, labels, answers)
        added = self.windows.add_losses(losses, self.now())
        return Counted(added, len(unknown), others=len(labels) - len(unknown) - added)

    def count_all(self, messages: Mapping[str, LabelsReceived]) -> tuple[Counted, dict[str, Exception]]:
        """All of it together, and by message id why some have to come again.

        What came before its captures comes later, after as long again as it has waited already.
        """
        whole, failed = Counted(0, 0, 0), dict[str, Exception]()
        for message_id, told in messages.items():
            try:
                counted = self.count(told)
                waited = max(self.now() - told.happened_at, timedelta(seconds=1))
                if counted.unknown and waited < PATIENCE:
                    self.later.put(told.model_dump_json(), min(waited, _LONGEST_DELAY))
            except ShelflifeError as error:
                failed[message_id] = error
            else:
                whole = Counted(*map(add, whole, counted))
        return whole, failed

    def _answers(self, deployment: str, filed: Mapping[str, Filed]) -> "_Answers | None":
        """Of answers that are in one file: all of one variant of one revision.

        None if the model is not known. A file that is claimed, but not written, has no answers yet.
        """
        (uri, answered), *_ = filed.values()
        candidate = self._candidate(deployment, answered.revision, answered.variant)
        if candidate is None:
            return None
        try:
            columns = self.files.read(uri)
        except ObjectNotFoundError:
            return _Answers(candidate, {})
        return _Answers(candidate, _by_request(columns, ANSWER[candidate.task]))

    def _candidate(self, deployment: str, number: int, variant: str) -> Candidate | None:
        revision = self.deployments.revision(deployment, number)
        of = revision.traffic.rule.variant(variant) if revision else None
        known = self.versions.find(revision.model_name, of.model_version) if revision and of else None
        return known.reference.candidate if known else None


class _Answers(NamedTuple):
    """What the requests of one file were answered by one model: in the order of their rows."""

    candidate: Candidate
    of: Mapping[str, list[Any]]


def _by_request(columns: Columns, name: str) -> dict[str, list[Any]]:
    """Of a request in several messages, a part; of one whose answers are hidden, none."""
    told = columns.get(OUTPUT_COLUMN.format(name=name))
    answers: dict[str, list[Any]] = {}
    for at in np.argsort(columns[CAPTURE_ROW], kind="stable"):
        of = answers.setdefault(str(columns[CAPTURE_ID][at]), [])
        if told is not None:
            of.append(told[at])
    return answers


def _losses(
    deployment: str, filed: Mapping[str, Filed], labels: Mapping[str, Label], answers: _Answers
) -> Iterator[Loss]:
    for key, found in filed.items():
        by, label = found.answered, labels[key]
        figures = _loss(answers.of.get(label.capture_id, []), label.values, answers.candidate)
        if figures is not None:
            watched = WatchedVariant(deployment, by.revision, by.variant)
            yield Loss(key, watched, by.captured_at.replace(second=0, microsecond=0), figures)


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
