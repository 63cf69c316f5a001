"""An alarm looks at a metric that exists, and says whoever it calls what to do."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.architecture.templates import (
    ROOT,
    SERVICES,
    STACKS,
    default,
    physical,
    resources,
    template,
)

RUNBOOK = (ROOT / "infra" / "RUNBOOK.md").read_text(encoding="utf-8")
OF_AWS = {
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    "AWS/Lambda": {"Duration", "Errors", "Throttles"},
    "AWS/Firehose": {"FailedConversion.Records"},
}
DIMENSION_OF_AWS = {
    "AWS/SQS": "QueueName",
    "AWS/Lambda": "FunctionName",
    "AWS/Firehose": "DeliveryStreamName",
}
ALARMS = {
    physical(alarm["AlarmName"], "S").removeprefix("erasure-S-"): alarm
    for stack in STACKS
    for alarm in resources(stack, "AWS::CloudWatch::Alarm").values()
}
each_alarm = pytest.mark.parametrize("name", sorted(ALARMS))


def emitters(service: str) -> Iterator[tuple[set[str], frozenset[str], str]]:
    """Of each call that emits a metric: its possible names, its dimensions, its unit.

    A metric has the dimension `service`, and those that the function around the call adds. A name
    that is no plain text is one of those in the same file.
    """
    for file in (ROOT / "services" / service / "src").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                calls = list(method_calls(function))
                added = {texts[0] for name, texts, _ in calls if name == "add_dimension"}
                for name, texts, unit in calls:
                    if name in ("add_metric", "single_metric"):
                        names = set(texts[:1]) or looks_like_metrics(tree)
                        yield names, frozenset({"service", *added}), unit


def looks_like_metrics(tree: ast.Module) -> set[str]:
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"([A-Z][a-z]+){2,}", node.value)
    }


def emitted(service: str) -> set[str]:
    """The metrics that the code of a service emits."""
    return {name for names, _, _ in emitters(service) for name in names}


def method_calls(function: ast.FunctionDef) -> Iterator[tuple[str, list[str], str]]:
    """Of each call in the function itself: whose, its plain texts, its second argument's name."""
    inner = {
        id(node)
        for nested in ast.walk(function)
        if isinstance(nested, ast.FunctionDef) and nested is not function
        for node in ast.walk(nested)
    }
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and id(call) not in inner:
            first = call.args[:1]
            texts = [str(each.value) for each in first if isinstance(each, ast.Constant)]
            unit = getattr(call.args[1], "attr", "") if len(call.args) > 1 else ""
            yield getattr(call.func, "attr", getattr(call.func, "id", "")), texts, unit


def dimensions(alarm: dict[str, Any]) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in alarm["Dimensions"]}


def test_there_is_an_alarm_for_everything_that_needs_somebody() -> None:
    assert set(ALARMS) == {
        "errors-overdue",
        "ingestion-conversion-failures",
        "location-dead-letters",
        "location-dead-letters-wait",
        "location-messages-wait",
        "purge-dead-letters",
        "purge-dead-letters-wait",
        "purge-locks-not-acquired",
        "purge-locks-taken-over",
        "purge-messages-wait",
        "purge-slow",
        "requests-due-soon",
    }


@each_alarm
def test_an_alarm_looks_at_a_metric_that_aws_or_our_code_emits(name: str) -> None:
    alarm = ALARMS[name]
    namespace = alarm["Namespace"]
    known = emitted(dimensions(alarm)["service"]) if namespace == "Erasure" else OF_AWS[namespace]

    assert alarm["MetricName"] in known


@each_alarm
def test_an_alarm_asks_for_the_dimensions_that_the_metric_has(name: str) -> None:
    alarm, asked = ALARMS[name], dimensions(ALARMS[name])
    if alarm["Namespace"] != "Erasure":
        assert set(asked) == {DIMENSION_OF_AWS[alarm["Namespace"]]}
        return

    emitted_with = {
        of for names, of, _ in emitters(asked["service"]) if alarm["MetricName"] in names
    }

    assert frozenset(asked) in emitted_with
    assert asked.get("failed_service", "purge") in SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_counted_is_a_count_and_no_alarm_asks_for_another_unit(service: str) -> None:
    assert {unit for _, _, unit in emitters(service)} == {"Count"}
    assert not any("Unit" in alarm for alarm in ALARMS.values())


@each_alarm
def test_the_runbook_says_what_an_alarm_means_and_has_a_command(name: str) -> None:
    section = re.search(rf"^### {name}\n(.+?)(?=^##)", RUNBOOK, re.MULTILINE | re.DOTALL)

    assert section is not None
    assert re.search(r"^    (erasure|aws) ", section[1], re.MULTILINE)
    assert f"infra/RUNBOOK.md, {name}" in ALARMS[name]["AlarmDescription"]


@each_alarm
def test_an_alarm_reaches_somebody_when_it_starts_and_when_it_ends(name: str) -> None:
    assert ALARMS[name]["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
    assert ALARMS[name]["OKActions"] == [{"Ref": "AlarmTopicArn"}]


@pytest.mark.parametrize("name", ["errors-overdue", "requests-due-soon"])
def test_a_watch_that_does_not_run_is_an_alarm(name: str) -> None:
    assert ALARMS[name]["TreatMissingData"] == "breaching"


def test_a_slow_purge_is_seen_before_it_runs_out_of_time() -> None:
    timeout_ms = default("purge", "TimeoutSeconds") * 1000

    assert default("purge", "DurationAlarmMilliseconds") == timeout_ms * 4 / 5


def test_the_dashboard_shows_metrics_that_exist() -> None:
    (dashboard,) = resources("platform", "AWS::CloudWatch::Dashboard").values()
    ours = {"AWS::Region", "Stage"}
    text = dashboard["DashboardBody"]["Fn::Sub"]

    body = json.loads(re.sub(r"\$\{(.+?)\}", "x", text))

    assert set(re.findall(r"\$\{(.+?)\}", text)) == ours
    for widget in body["widgets"]:
        for namespace, metric, dimension, of in widget["properties"]["metrics"]:
            known = emitted(of) if namespace == "Erasure" else OF_AWS[namespace]
            assert metric in known
            assert dimension == DIMENSION_OF_AWS.get(namespace, "service")
            assert of in (*SERVICES, *names_of(dimension))


def names_of(dimension: str) -> set[str]:
    """What the templates call the queues, functions or streams that a dimension names."""
    kind, name = {
        "QueueName": ("AWS::SQS::Queue", "QueueName"),
        "FunctionName": ("AWS::Serverless::Function", "FunctionName"),
        "DeliveryStreamName": ("AWS::KinesisFirehose::DeliveryStream", "DeliveryStreamName"),
        "service": ("", ""),
    }[dimension]
    found = [each for stack in STACKS for each in resources(stack, kind).values()]
    return {physical(each[name], "x") for each in found}


def test_the_dashboard_stays_within_the_fifty_metrics_that_are_free() -> None:
    (dashboard,) = resources("platform", "AWS::CloudWatch::Dashboard").values()
    body = json.loads(re.sub(r"\$\{(.+?)\}", "x", dashboard["DashboardBody"]["Fn::Sub"]))

    assert sum(len(widget["properties"]["metrics"]) for widget in body["widgets"]) <= 50


def test_the_dashboard_shows_every_metric_that_an_alarm_looks_at() -> None:
    (dashboard,) = resources("platform", "AWS::CloudWatch::Dashboard").values()
    looked_at = {alarm["MetricName"] for alarm in ALARMS.values()} - {"ErrorsRecorded"}

    shown = {name for name in looked_at if f'"{name}"' in dashboard["DashboardBody"]["Fn::Sub"]}

    assert shown == looked_at


def test_traces_carry_nothing_that_our_code_put_there() -> None:
    """Lambda's own segments hold names and times; what nobody instruments cannot say more."""
    code = "".join(
        file.read_text(encoding="utf-8")
        for directory in ("shared/src", *(f"services/{service}/src" for service in SERVICES))
        for file in (ROOT / directory).rglob("*.py")
    )

    assert not re.search(r"\bTracer\b|aws_xray_sdk|put_annotation|opentelemetry", code)
    for service in SERVICES:
        shipped = (ROOT / "services" / service / "requirements.txt").read_text(encoding="utf-8")
        assert not re.search(r"^(aws-xray-sdk|opentelemetry)", shipped, re.MULTILINE)


@pytest.mark.parametrize("service", SERVICES)
def test_every_function_is_traced_and_says_its_version(service: str) -> None:
    for function in resources(service, "AWS::Serverless::Function").values():
        assert function["Tracing"] == "Active"
        assert function["Tags"]["erasure:version"] == {"Ref": "ServiceVersion"}
    assert f"{service.capitalize()}Version" in template(service)["Outputs"]


@pytest.mark.parametrize("stack", STACKS)
def test_logs_do_not_stay_for_ever(stack: str) -> None:
    for group in resources(stack, "AWS::Logs::LogGroup").values():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
