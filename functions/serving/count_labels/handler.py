"""Queue: labels that monitoring took in become losses of the variants that answered."""

from collections.abc import Mapping

from shelflife.contracts.monitoring import LabelsReceived
from shelflife.entry.observe import Outcome
from shelflife.entry.queue import consumer
from shelflife.serving.wiring_captures import labelling


@consumer(LabelsReceived)
def handler(messages: Mapping[str, LabelsReceived], outcome: Outcome) -> Mapping[str, Exception]:
    counted, failed = labelling().count_all(messages)
    outcome.note(added=counted.added, unknown=counted.unknown, others=counted.others)
    return failed
