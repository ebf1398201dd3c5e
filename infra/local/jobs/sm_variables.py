"""The ``SM_*`` variables that SageMaker's training toolkit gives a script.

https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from infra.local.jobs.tree import JOB_HOST, Tree, resource_config

if TYPE_CHECKING:
    from collections.abc import Mapping


def sm_variables(tree: Tree, request: Mapping[str, Any]) -> dict[str, str]:
    """Everything that the toolkit derives from a training job's request."""
    hyperparameters = {name: _decoded(value) for name, value in request.get("HyperParameters", {}).items()}
    channels = [channel["ChannelName"] for channel in request.get("InputDataConfig", ())]
    cluster = resource_config(request)
    plain: dict[str, Any] = {
        "SM_MODEL_DIR": str(tree.model),
        "SM_OUTPUT_DIR": str(tree.output),
        "SM_OUTPUT_DATA_DIR": str(tree.output / "data"),
        "SM_INPUT_DIR": str(tree.base / "input"),
        "SM_INPUT_CONFIG_DIR": str(tree.config),
        "SM_HPS": hyperparameters,
        "SM_CHANNELS": channels,
        "SM_HOSTS": [JOB_HOST],
        "SM_CURRENT_HOST": JOB_HOST,
        "SM_CURRENT_INSTANCE_TYPE": cluster["current_instance_type"],
        "SM_RESOURCE_CONFIG": cluster,
        "SM_NETWORK_INTERFACE_NAME": cluster["network_interface_name"],
        "SM_NUM_CPUS": os.cpu_count() or 1,
        "SM_NUM_GPUS": 0,
        "SM_LOG_LEVEL": 20,
    }
    plain |= {f"SM_CHANNEL_{name.upper()}": str(tree.channel(name)) for name in channels}
    plain |= {f"SM_HP_{name.upper()}": value for name, value in hyperparameters.items()}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in plain.items()}


def _decoded(value: str) -> Any:
    """Hyperparameters travel as strings; the toolkit reads those that are JSON."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
