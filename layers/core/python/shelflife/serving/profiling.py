"""The profile of captured rows over the bins of their model version's baseline."""

from collections import OrderedDict

import numpy as np

from shelflife.aws.objects import Objects
from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import Candidate
from shelflife.contracts.serving import INPUT_COLUMN, OUTPUT_COLUMN
from shelflife.kernel.profiles import ColumnProfile, Profile, from_json, profile_over
from shelflife.serving.columns import ANSWER, Column, Columns

#: What a baseline calls the column of answers.
PREDICTION = "prediction"
_KEPT = 8


class S3Baselines:
    """Baselines by digest; the ones used last are kept, for a consumer sees the same few all day."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._kept: OrderedDict[str, Profile] = OrderedDict()

    def read(self, baseline: StoredObject) -> Profile:
        kept = self._kept.get(baseline.sha256)
        if kept is None:
            kept = from_json(self._objects.read(baseline.uri, sha256=baseline.sha256))
            self._kept[baseline.sha256] = kept
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return kept


def captured_profile(columns: Columns, candidate: Candidate, baseline: Profile) -> Profile:
    """Count captured rows over the baseline's bins; what the model has and `columns` has not is left out.

    Raises:
        ProfileMismatchError: the baseline has a column that the model has not.
    """
    places = {tensor.name: INPUT_COLUMN.format(name=tensor.name) for tensor in candidate.signature.inputs}
    places[PREDICTION] = OUTPUT_COLUMN.format(name=ANSWER[candidate.task])
    rows = {name: columns[place] for name, place in places.items() if place in columns}
    left_out = places.keys() - rows.keys()
    counted = {name: frozen for name, frozen in baseline.columns.items() if name not in left_out}
    for name, frozen in counted.items():
        if frozen.kind == "number" and name in rows:
            rows[name] = _aligned(rows[name], frozen)
    return profile_over(Profile(baseline.row_count, counted), rows)


def _aligned(values: Column, frozen: ColumnProfile) -> Column:
    """Numbers for the baseline's bins: what is an edge as FP32 is that edge.

    A model sees FP32, a caller sends 0.24, and a baseline's edge may be either: without this, values that
    sit on an edge (all values of a column with few different ones) would count in the bin beside theirs.
    """
    numbers = np.array(values, dtype=np.float64)
    edges = np.asarray(frozen.bins, dtype=np.float64)
    if edges.size:
        with np.errstate(over="ignore"):
            coarse_edges, coarse = edges.astype(np.float32), numbers.astype(np.float32)
        place = np.minimum(np.searchsorted(coarse_edges, coarse), edges.size - 1)
        at_edge = coarse_edges[place] == coarse
        numbers[at_edge] = edges[place[at_edge]]
    return numbers
