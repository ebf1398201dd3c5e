"""The registry's table.

Items:  pk = NAME#<name>              sk = NAME                a RegisteredModel, under its name
        pk = MODEL#<id>               sk = NAME                that name
                                      sk = VERSION#<number>    a ModelVersion
                                      sk = STAGE#<stage>#<number>  the version is in the stage
        pk = HISTORY#<id>             sk = CHANGE#<number>     one Change, kept for ever
        pk = TENURE#<name>            sk = <since>#<id>        who had the name, and until when
        pk = RUN#<run id>             sk = <id>#<number>       a version of the run
        pk = JOB#<id>#<job id>        sk = JOB                 the version that a job led to
        pk = USES#<name>              sk = <deployment>        what a deployment follows and serves
        pk = NEWS#<event id>          sk = NEWS                aws/outbox.py
Index `listed`:  list_pk = MODELS or PROMPTS         list_sk = <name>
                 list_pk = VERSIONS or PROMPT_VERSIONS  list_sk = <updated at>#<id>#<number>
                 list_pk = MOVES#<id>#<alias>        list_sk = <number of the change>
Index `recent`:  recent_pk = MODELS or PROMPTS       recent_sk = <updated at>#<name>
                 recent_pk = VERSIONS#<id>           recent_sk = <updated at>#<number>
Numbers of versions have eight digits, those of changes ten, so that keys sort by them; times have
microseconds, for the same reason. Everything but the first item is under the model's id, which no rename
changes: that is why a rename is one small transaction, however many versions there are.
"""

from datetime import UTC, datetime

from shelflife.kernel.tables import PARTITION_KEY, SORT_KEY
from shelflife.registry.model import Stage
from shelflife.registry.settings import LISTED, RECENT

Key = dict[str, str]

VERSIONS = "VERSION#"
CHANGES = "CHANGE#"
BY_NAME = (LISTED.name, LISTED.partition_key, LISTED.sort_key)
BY_AGE = (RECENT.name, RECENT.partition_key, RECENT.sort_key)


def name_key(name: str) -> Key:
    return _key(f"NAME#{name}", "NAME")


def model_pk(model_id: str) -> str:
    return f"MODEL#{model_id}"


def id_key(model_id: str) -> Key:
    return _key(model_pk(model_id), "NAME")


def version_key(model_id: str, version: int) -> Key:
    return _key(model_pk(model_id), f"{VERSIONS}{digits(version)}")


def stage_prefix(stage: Stage) -> str:
    return f"STAGE#{stage}#"


def stage_key(model_id: str, stage: Stage, version: int) -> Key:
    return _key(model_pk(model_id), f"{stage_prefix(stage)}{digits(version)}")


def history_pk(model_id: str) -> str:
    return f"HISTORY#{model_id}"


def change_key(model_id: str, number: int) -> Key:
    return _key(history_pk(model_id), f"{CHANGES}{number:010d}")


def tenure_pk(name: str) -> str:
    return f"TENURE#{name}"


def tenure_key(name: str, since: datetime, model_id: str) -> Key:
    return _key(tenure_pk(name), f"{stamp(since)}#{model_id}")


def run_pk(run_id: str) -> str:
    return f"RUN#{run_id}"


def run_key(run_id: str, model_id: str, version: int) -> Key:
    return _key(run_pk(run_id), f"{model_id}#{digits(version)}")


def job_key(model_id: str, job_id: str) -> Key:
    return _key(f"JOB#{model_id}#{job_id}", "JOB")


def uses_pk(name: str) -> str:
    return f"USES#{name}"


def models_pk(*, prompts: bool) -> str:
    return "PROMPTS" if prompts else "MODELS"


def versions_pk(*, prompts: bool) -> str:
    return "PROMPT_VERSIONS" if prompts else "VERSIONS"


def recent_pk(model_id: str) -> str:
    return f"VERSIONS#{model_id}"


def moves_pk(model_id: str, alias: str) -> str:
    return f"MOVES#{model_id}#{alias}"


def listed(pk: str, sk: str) -> Key:
    return {LISTED.partition_key: pk, LISTED.sort_key: sk}


def recent(pk: str, sk: str) -> Key:
    return {RECENT.partition_key: pk, RECENT.sort_key: sk}


def digits(version: int) -> str:
    return f"{version:08d}"


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def place(key: Key) -> tuple[str, str]:
    return key[PARTITION_KEY], key[SORT_KEY]


def _key(pk: str, sk: str) -> Key:
    return {PARTITION_KEY: pk, SORT_KEY: sk}
