"""The unmodified MLflow client, against our doors on the loopback interface."""

from collections.abc import Iterator
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Expectation, SpanType
from mlflow.entities.model_registry import PromptVersion
from mlflow.exceptions import MlflowException
from mlflow.utils.server_info import _clear_server_info_cache

from functions.tracing.api.handler import handler as traces
from functions.tracking.api.handler import handler as runs
from tests.harness.http_server import served

# The client swallows what goes wrong within it, so a warning of its own made an error would end all tracing.
pytestmark = pytest.mark.filterwarnings("ignore")
OF_TRACES = ("/v1/traces", "/api/2.0/mlflow/traces", "/api/3.0/mlflow/traces")


def both(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What the gateway does: the longest path that fits names the function."""
    answer: dict[str, Any] = (traces if event["rawPath"].startswith(OF_TRACES) else runs)(event, context)
    return answer


@pytest.fixture
def client(installed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    _clear_server_info_cache()
    with served(both) as url:
        mlflow.set_tracking_uri(url)
        mlflow.set_experiment(experiment_id="0")
        yield MlflowClient(url)
        while mlflow.active_run():
            mlflow.end_run()


def answer_to(question: str) -> dict[str, str]:
    with mlflow.start_span("look up", span_type=SpanType.LLM) as span:
        span.set_inputs({"question": question})
        span.set_attribute(
            "mlflow.chat.tokenUsage", {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        )
        span.set_outputs(["größe", 2.5, None, True])
    if question == "fail":
        message = "no answer"
        raise ValueError(message)
    return {"answer": question.upper()}


def asked(question: str, **told: Any) -> str:
    def ask(question: str) -> Any:
        mlflow.update_current_trace(**told)
        return mlflow.trace(answer_to, span_type=SpanType.CHAIN)(question)

    mlflow.trace(ask)(question)
    trace_id: str = mlflow.get_last_active_trace_id()
    return trace_id


def found(text: str | None = None, **more: Any) -> list[str]:
    traces = mlflow.search_traces(locations=["0"], filter_string=text, return_type="list", **more)
    return [trace.info.trace_id for trace in traces]


def test_a_trace_comes_back_with_its_spans(client: MlflowClient) -> None:
    trace_id = asked("why", tags={"team": "risk"}, metadata={"mlflow.trace.session": "s1"})
    trace = client.get_trace(trace_id)
    assert trace.info.state == "OK"
    assert trace.info.experiment_id == "0"
    assert trace.info.request_preview == '{"question": "why"}'
    assert trace.info.response_preview == '{"answer": "WHY"}'
    assert trace.info.execution_duration >= 0
    assert trace.info.tags["team"] == "risk"
    assert trace.info.tags["mlflow.trace.spansLocation"] == "TRACKING_STORE"
    assert trace.info.tags["mlflow.artifactLocation"].endswith(f"/traces/{trace_id}/artifacts")
    assert trace.info.token_usage == {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    assert [span.name for span in trace.data.spans] == ["ask", "answer_to", "look up"]
    root, chain, model = trace.data.spans
    assert (root.parent_id, chain.parent_id, model.parent_id) == (None, root.span_id, chain.span_id)
    assert (chain.span_type, model.span_type) == ("CHAIN", "LLM")
    assert model.outputs == ["größe", 2.5, None, True]
    assert model.end_time_ns >= model.start_time_ns > 0


def test_a_trace_that_fails_says_so(client: MlflowClient) -> None:
    with pytest.raises(ValueError, match="no answer"):
        asked("fail")
    trace_id = mlflow.get_last_active_trace_id()
    trace = client.get_trace(trace_id)
    assert trace.info.state == "ERROR"
    assert trace.data.spans[0].status.status_code == "ERROR"
    assert trace.data.spans[0].events[0].name == "exception"
    asked("why")
    assert found("trace.status = 'ERROR'") == [trace_id]


def test_traces_are_found_by_what_was_said_of_them(client: MlflowClient) -> None:
    first = asked("one", tags={"team": "risk"}, metadata={"mlflow.trace.session": "s1"})
    second = asked("two", tags={"team name": "risk"}, client_request_id="c2")
    with mlflow.start_run() as run:
        third = asked("three")
    assert found() == [third, second, first]
    assert found(order_by=["timestamp_ms ASC"]) == [first, second, third]
    assert found("tags.team = 'risk'") == [first]
    assert found("tags.`team name` LIKE 'ri%'") == [second]
    assert found("tags.team IS NULL") == [third, second]
    assert found("metadata.`mlflow.trace.session` = 's1'") == [first]
    assert found("trace.client_request_id = 'c2'") == [second]
    assert found("attributes.name = 'ask' AND trace.status = 'OK'") == [third, second, first]
    assert found("span.name = 'look up' AND span.type = 'LLM'") == [third, second, first]
    assert found("span.name = 'ask' AND span.type = 'LLM'") == []
    assert found("span.attributes.`mlflow.spanInputs` LIKE '%two%'") == [second]
    assert found("trace.text LIKE '%\"three\"%'") == [third]
    assert found(f"attributes.run_id = '{run.info.run_id}'") == [third]
    assert [
        trace.info.trace_id for trace in mlflow.search_traces(run_id=run.info.run_id, return_type="list")
    ] == [third]
    times = [client.get_trace(trace_id).info.request_time for trace_id in (first, third)]
    assert found(f"trace.timestamp_ms >= {times[0]} AND trace.timestamp_ms <= {times[1]}") == [
        third,
        second,
        first,
    ]


def test_pages_follow_each_other(client: MlflowClient) -> None:
    traces = [asked(str(number)) for number in range(5)]
    seen, token = [], None
    while True:
        page = client.search_traces(locations=["0"], max_results=2, page_token=token)
        seen += [trace.info.trace_id for trace in page]
        # What comes meanwhile does not shift what follows.
        asked("meanwhile")
        token = page.token
        if token is None:
            break
    assert seen == traces[::-1]


def test_people_and_judges_say_what_they_think_of_a_trace(client: MlflowClient) -> None:
    trace_id = asked("why")
    human = AssessmentSource(source_type="HUMAN", source_id="ada")
    liked = mlflow.log_feedback(
        trace_id=trace_id, name="liked", value=True, source=human, rationale="good", metadata={"a": "b"}
    )
    mlflow.log_feedback(trace_id=trace_id, name="score", value=0.75)
    mlflow.log_feedback(trace_id=trace_id, name="broken", error=ValueError("no judge"))
    wanted = mlflow.log_expectation(trace_id=trace_id, name="wanted", value={"answer": ["WHY"]})
    assert found("feedback.liked = 'true' AND feedback.score > 0.5") == [trace_id]
    assert found("feedback.score > 0.8") == []
    assert found("feedback.nobody IS NULL AND expectation.wanted IS NOT NULL") == [trace_id]
    other = mlflow.override_feedback(trace_id=trace_id, assessment_id=liked.assessment_id, value=False)
    assert found("feedback.liked = 'true'") == []
    said = {said.assessment_id: said for said in client.get_trace(trace_id).info.assessments}
    assert said[liked.assessment_id].valid is False
    assert (said[liked.assessment_id].source.source_id, said[liked.assessment_id].rationale) == (
        "ada",
        "good",
    )
    assert said[other.assessment_id].overrides == liked.assessment_id
    assert said[wanted.assessment_id].value == {"answer": ["WHY"]}
    assert said[wanted.assessment_id].source.source_type == "HUMAN"
    broken = next(one for one in said.values() if one.name == "broken")
    assert broken.feedback.error.error_code == "ValueError"
    mlflow.delete_assessment(trace_id, other.assessment_id)
    assert mlflow.get_assessment(trace_id, liked.assessment_id).valid is True


def test_what_was_said_of_a_trace_may_be_changed(client: MlflowClient) -> None:
    trace_id = asked("why")
    wanted = mlflow.log_expectation(trace_id=trace_id, name="wanted", value={"answer": ["WHY"]})
    mlflow.update_assessment(
        trace_id, wanted.assessment_id, Expectation(name="expected", value="WHY", metadata={"c": "d"})
    )
    changed = mlflow.get_assessment(trace_id, wanted.assessment_id)
    assert (changed.name, changed.value, changed.metadata) == ("expected", "WHY", {"c": "d"})
    assert changed.last_update_time_ms >= changed.create_time_ms
    with pytest.raises(MlflowException, match="has no assessment 'nothing'") as refused:
        mlflow.get_assessment(trace_id, "nothing")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_tags_change_and_go(client: MlflowClient) -> None:
    trace_id = asked("why")
    mlflow.set_trace_tag(trace_id, "state", "seen")
    assert client.get_trace(trace_id).info.tags["state"] == "seen"
    mlflow.delete_trace_tag(trace_id, "state")
    assert "state" not in client.get_trace(trace_id).info.tags
    with pytest.raises(MlflowException, match="has no tag 'state'"):
        mlflow.delete_trace_tag(trace_id, "state")
    with pytest.raises(MlflowException, match="cannot be changed"):
        client._tracing_client.store.set_trace_tag(trace_id, "mlflow.trace.spansLocation", "elsewhere")


def test_deleted_traces_are_gone(client: MlflowClient) -> None:
    first, second, third = (asked(str(number)) for number in range(3))
    assert client.delete_traces("0", trace_ids=[second, "tr-unknown"]) == 1
    assert found() == [third, first]
    assert client.delete_traces("0", max_timestamp_millis=10**13, max_traces=1) == 1
    assert found() == [third]
    assert client.delete_traces("0", max_timestamp_millis=10**13) == 1
    assert found() == []
    with pytest.raises(MlflowException, match="no trace with id"):
        client.get_trace(first)


def test_a_trace_is_found_by_runs_and_prompts_it_is_linked_to(client: MlflowClient) -> None:
    trace_id = asked("why")
    asked("other")
    run = client.create_run("0")
    store = client._tracing_client.store
    client.link_traces_to_run([trace_id, "tr-unknown"], run.info.run_id)
    assert found(f"attributes.run_id = '{run.info.run_id}'") == [trace_id]
    store.link_prompts_to_trace(trace_id, [PromptVersion(name="greet", version=2, template="")])
    assert found("prompt = 'greet/2'") == [trace_id]
    assert found("prompt = 'greet/1'") == []


def test_a_span_that_is_still_open_shows_its_trace_in_progress(client: MlflowClient) -> None:
    root = mlflow.start_span_no_context("long")
    child = mlflow.start_span_no_context("step", parent_span=root)
    child.end()
    (started,) = client.search_traces(locations=["0"], include_spans=False)
    assert (started.info.trace_id, started.info.state) == (root.trace_id, "IN_PROGRESS")
    root.end()
    ended = client.get_trace(root.trace_id)
    assert (ended.info.state, [span.name for span in ended.data.spans]) == ("OK", ["long", "step"])
    assert ended.info.request_time == root.start_time_ns // 1_000_000


def test_a_trace_larger_than_an_answer_of_lambda_comes_back(client: MlflowClient) -> None:
    with mlflow.start_span("long") as root:
        for _ in range(2):
            with mlflow.start_span("page") as span:
                span.set_outputs("all work and no play " * 180_000)
    trace = client.get_trace(root.trace_id)
    assert [len(span.outputs) for span in trace.data.spans[1:]] == [3_780_000] * 2
    assert found() == [root.trace_id]
