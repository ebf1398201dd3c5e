from functools import cache

from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.aws.objects import Objects
from shelflife.kernel.ids import utc_now
from shelflife.validation.dynamo import DynamoEvaluations, DynamoPolicies
from shelflife.validation.service import Evaluator, Validation
from shelflife.validation.settings import ValidationSettings


@cache
def validation() -> Validation:
    items = _items()
    return Validation(policies=DynamoPolicies(items), evaluations=DynamoEvaluations(items), now=utc_now)


@cache
def evaluator() -> Evaluator:
    # numpy and onnxruntime are in the layer of `evaluate_candidate` alone.
    from shelflife.validation.trials import OnnxTrials  # noqa: PLC0415

    return Evaluator(
        evaluations=DynamoEvaluations(_items()), trials=OnnxTrials(Objects(client("s3"))), now=utc_now
    )


def _items() -> Items:
    return Items(client("dynamodb"), ValidationSettings.from_env().validation_table_name)
