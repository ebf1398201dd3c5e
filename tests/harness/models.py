"""Candidates and verdicts as tests of several contexts need them, from the golden ones."""

from typing import Any

from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import Candidate, DatasetReference
from shelflife.contracts.validation import Verdict
from tests.harness.events import golden


def candidate(**changes: Any) -> Candidate:
    """The candidate of `events/registry/register_version.json`."""
    return Candidate.model_validate(golden("registry/register_version")["candidate"] | changes)


def verdict(**changes: Any) -> Verdict:
    """A verdict on it that every gate passed."""
    return Verdict.model_validate(golden("registry/register_version")["verdict"] | changes)


def held_out(candidate: Candidate) -> StoredObject:
    """The rows that were kept back from a candidate that was trained here."""
    assert candidate.holdout is not None
    return candidate.holdout


def trained_on(candidate: Candidate) -> DatasetReference:
    assert candidate.dataset is not None
    return candidate.dataset
