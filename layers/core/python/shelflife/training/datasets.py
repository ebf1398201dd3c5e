from shelflife.contracts.data import DatasetManifest
from shelflife.kernel.errors import FieldFault
from shelflife.training.errors import PlanRefusedError
from shelflife.training.model import TrainingPlan
from shelflife.training.ports import Manifests


def chosen_manifest(plan: TrainingPlan, manifests: Manifests) -> DatasetManifest:
    """That of the plan's dataset version; `latest` is the highest one that is final now.

    Raises:
        PlanRefusedError: there is no such dataset or version.
    """
    name, version = plan.dataset.name, plan.dataset.version
    latest = manifests.latest(name)
    if latest is None:
        raise PlanRefusedError([FieldFault("dataset.name", f"there is no dataset {name!r}")])
    if version in ("latest", latest.version):
        return latest
    found = manifests.find(name, int(version)) if int(version) < latest.version else None
    if found is None:
        message = f"dataset {name!r} has no version {version}; its latest is {latest.version}"
        raise PlanRefusedError([FieldFault("dataset.version", message)])
    return found
