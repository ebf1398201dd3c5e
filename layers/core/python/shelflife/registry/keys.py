"""The registry's table.

Items:  pk = MODEL#<name>             sk = MODEL               a RegisteredModel
                                      sk = VERSION#<number>    a ModelVersion
                                      sk = ALIAS#<alias>       where it points now
                                      sk = MOVE#<alias>#<number>  its history
        pk = JOB#<name>#<job id>      sk = JOB                 the version that a job led to
        pk = NEWS#<event id>          sk = NEWS                aws/outbox.py
Index `listed`:  list_pk = MODELS     list_sk = <name>
                 list_pk = VERSIONS   list_sk = <created at>#<name>#<number>
Numbers have eight digits, so that keys sort by them.
"""

from shelflife.kernel.tables import PARTITION_KEY, SORT_KEY
from shelflife.registry.settings import LISTED

Key = dict[str, str]

MODEL = "MODEL"
VERSIONS = "VERSION#"
ALIASES = "ALIAS#"
ALL_MODELS = "MODELS"
ALL_VERSIONS = "VERSIONS"
INDEX = (LISTED.name, LISTED.partition_key, LISTED.sort_key)


def model_pk(name: str) -> str:
    return f"MODEL#{name}"


def model_key(name: str) -> Key:
    return _key(model_pk(name), MODEL)


def version_key(model_name: str, version: int) -> Key:
    return _key(model_pk(model_name), f"{VERSIONS}{version:08d}")


def alias_key(model_name: str, alias: str) -> Key:
    return _key(model_pk(model_name), f"{ALIASES}{alias}")


def moves_prefix(alias: str) -> str:
    return f"MOVE#{alias}#"


def move_key(model_name: str, alias: str, number: int) -> Key:
    return _key(model_pk(model_name), f"{moves_prefix(alias)}{number:08d}")


def job_key(model_name: str, job_id: str) -> Key:
    return _key(f"JOB#{model_name}#{job_id}", "JOB")


def listed(kind: str, order: str) -> Key:
    return {LISTED.partition_key: kind, LISTED.sort_key: order}


def place(key: Key) -> tuple[str, str]:
    return key[PARTITION_KEY], key[SORT_KEY]


def _key(pk: str, sk: str) -> Key:
    return {PARTITION_KEY: pk, SORT_KEY: sk}
