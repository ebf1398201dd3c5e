import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from infra.build.reference.source import first_paragraph, modules, room
from shelflife.kernel.settings import Settings

_DECLARED = re.compile(r"^class \w+\(\w*Settings\):", re.MULTILINE)
_REMARK = re.compile(r"#: (.+)\n\s+(\w+):")


@dataclass(frozen=True, slots=True)
class SettingEntry:
    """One variable of one settings class; `remark` is what the class says about it."""

    room: str
    settings: str
    variable: str
    kind: str
    default: str
    remark: str


def settings() -> list[SettingEntry]:
    """Every variable of every settings class."""
    return [
        entry
        for module in modules(_DECLARED)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Settings) and kind.__module__ == module.__name__
        for entry in _entries(module, kind)
    ]


def _entries(module: ModuleType, kind: type[Settings]) -> Iterator[SettingEntry]:
    remarks = {field: remark for remark, field in _REMARK.findall(inspect.getsource(kind))}
    for field, declared in kind.model_fields.items():
        yield SettingEntry(
            room=room(module),
            settings=kind.__name__,
            variable=field.upper(),
            kind=getattr(declared.annotation, "__name__", str(declared.annotation)),
            default="" if declared.is_required() else str(declared.default),
            remark=first_paragraph(remarks.get(field)),
        )
