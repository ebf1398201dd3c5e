"""What a span says in the words of others, said in MLflow's.

Clients of MLflow use its own attributes. Others follow OpenTelemetry's conventions for generative AI, or
OpenInference's: their inputs, outputs, token counts, model and kind of span are added under MLflow's names.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from shelflife.tracing.model import Digest, Span


class Attribute:
    """MLflow's attributes of spans."""

    REQUEST = "mlflow.traceRequestId"
    TYPE = "mlflow.spanType"
    INPUTS = "mlflow.spanInputs"
    OUTPUTS = "mlflow.spanOutputs"
    USAGE = "mlflow.chat.tokenUsage"
    COST = "mlflow.llm.cost"
    MODEL = "mlflow.llm.model"
    PROVIDER = "mlflow.llm.provider"
    TRACE_TAG = "mlflow.traceTag."


_UNKNOWN = "UNKNOWN"
_INPUTS = ("gen_ai.input.messages", "gen_ai.tool.call.arguments", "input.value", "traceloop.entity.input")
_OUTPUTS = ("gen_ai.output.messages", "gen_ai.tool.call.result", "output.value", "traceloop.entity.output")
_MODELS = (
    "gen_ai.response.model",
    "gen_ai.request.model",
    "llm.response.model_name",
    "llm.model_name",
    "llm.request.model_name",
    "embedding.model_name",
)
_PROVIDERS = ("gen_ai.provider.name", "gen_ai.system", "llm.provider")
#: Each count of tokens, and the names that the conventions have for it.
_TOKENS = {
    "input_tokens": ("gen_ai.usage.input_tokens", "llm.token_count.prompt", "gen_ai.usage.prompt_tokens"),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "llm.token_count.completion",
        "gen_ai.usage.completion_tokens",
    ),
    "total_tokens": ("llm.token_count.total", "llm.usage.total_tokens"),
    "cache_read_input_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    "cache_creation_input_tokens": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
}
_CACHED = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})
_KINDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "openinference.span.kind": {
            name: name
            for name in (
                "TOOL",
                "CHAIN",
                "LLM",
                "RETRIEVER",
                "EMBEDDING",
                "AGENT",
                "RERANKER",
                "GUARDRAIL",
                "EVALUATOR",
            )
        },
        "gen_ai.operation.name": {
            "chat": "CHAT_MODEL",
            "create_agent": "AGENT",
            "embeddings": "EMBEDDING",
            "execute_tool": "TOOL",
            "generate_content": "LLM",
            "invoke_agent": "AGENT",
            "text_completion": "LLM",
            "response": "LLM",
        },
        "traceloop.span.kind": {"workflow": "WORKFLOW", "task": "TASK", "agent": "AGENT", "tool": "TOOL"},
    }
)
_LONGEST_MODEL = 500


def translated(span: Span) -> Span:
    """The span with MLflow's attributes beside its own; what it says itself in MLflow's words stands."""
    said = {key: _unfolded(value) for key, value in span.attributes.items()}
    said[Attribute.REQUEST] = span.trace_id
    if said.get(Attribute.TYPE) in (None, _UNKNOWN) and (kind := _kind(said)):
        said[Attribute.TYPE] = kind
    for name, others in (
        (Attribute.INPUTS, _INPUTS),
        (Attribute.OUTPUTS, _OUTPUTS),
        (Attribute.MODEL, _MODELS),
        (Attribute.PROVIDER, _PROVIDERS),
    ):
        if name not in said and (found := _first(said, others)) is not None:
            said[name] = found
    if Attribute.USAGE not in said and (usage := _usage(said)):
        said[Attribute.USAGE] = usage
    return replace(span, attributes=said)


def digest_of(span: Span) -> Digest:
    """What is kept of a translated span beside its trace."""
    said = span.attributes
    return Digest(
        span_id=span.span_id,
        parent_id=span.parent_id,
        name=span.name,
        type=_text(said.get(Attribute.TYPE)),
        status=span.status,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        usage=_object(said.get(Attribute.USAGE)),
        cost=_object(said.get(Attribute.COST)),
        model=_text(said.get(Attribute.MODEL)),
        provider=_text(said.get(Attribute.PROVIDER)),
    )


def _unfolded(value: Any) -> Any:
    """An object or a list that came as JSON in a text, as itself."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            found = json.loads(value)
        except ValueError:
            return value
        return found if isinstance(found, dict | list | str) else value
    return value


def _first(said: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((said[name] for name in names if said.get(name) not in (None, "")), None)


def _kind(said: Mapping[str, Any]) -> str | None:
    for name, kinds in _KINDS.items():
        if isinstance(found := said.get(name), str) and found in kinds:
            return kinds[found]
    return None


def _usage(said: Mapping[str, Any]) -> dict[str, int]:
    usage = {
        name: count for name, others in _TOKENS.items() if (count := _count(_first(said, others))) is not None
    }
    if not usage.keys() - _CACHED:
        return {}
    if "total_tokens" not in usage and {"input_tokens", "output_tokens"} <= usage.keys():
        usage["total_tokens"] = usage["input_tokens"] + usage["output_tokens"]
    return usage


def _count(value: Any) -> int | None:
    try:
        return None if value is None or isinstance(value, bool) else int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _text(value: Any) -> str | None:
    return value[:_LONGEST_MODEL] if isinstance(value, str) else None


def _object(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else None
