"""The line by which a list shows what a trace was asked and what it answered."""

import json
from typing import Any

LONGEST = 1000


def preview(value: Any, role: str) -> str | None:
    """What the last message of the role says, where the value is a chat; else the value's JSON."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    messages = _messages(_document(value))
    said = _said(_last(messages, role)) if messages else ""
    shown = said or text
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."


def _document(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def _messages(document: Any) -> list[dict[str, Any]]:
    """Messages of a chat's request or answer, in the forms that OpenAI has for them."""
    if not isinstance(document, dict):
        return []
    choices = document.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return _kept([choices[0].get("message")])
    for name in ("messages", "input", "output"):
        if isinstance(found := document.get(name), list) and found:
            return _kept(found)
    return _messages(document.get("request"))


def _kept(found: list[Any]) -> list[dict[str, Any]]:
    return [item for item in found if isinstance(item, dict) and {"role", "content"} <= item.keys()]


def _last(messages: list[dict[str, Any]], role: str) -> dict[str, Any]:
    return next((message for message in reversed(messages) if message["role"] == role), messages[-1])


def _said(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            return part
        if isinstance(part, dict) and part.get("type") in ("text", "output_text"):
            return str(part.get("text") or "")
    return ""
