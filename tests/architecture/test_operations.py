"""An alarm looks at a metric that exists, and says whoever it calls what to do."""

from __future__ import annotations

import ast
import json
import re
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
ALARMS = {
    physical(alarm["AlarmName"], "S").removeprefix("erasure-S-"): alarm
    for stack in STACKS
    for alarm in resources(stack, "AWS::CloudWatch::Alarm").values()
}
each_alarm = pytest.mark.parametrize("name", sorted(ALARMS))


def emitted(service: str) -> set[str]:
    """Every text in the code of a service that looks like a metric's name."""
    return {
        node.value
        for file in (ROOT / "services" / service / "src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"([A-Z][a-z]+){2,}", node.value)
    }


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
        for namespace, metric, _, of in widget["properties"]["metrics"]:
            known = emitted(of) if namespace == "Erasure" else OF_AWS[namespace]
            assert metric in known


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
