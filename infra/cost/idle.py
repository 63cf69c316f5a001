"""What an installation costs in a month in which nothing happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from erasure_shared.cost.prices import Prices
from infra.cost.templates import Stack, hours_of, stacks

HOURS = 730.0
"""Of a month."""
POLLERS, LIMITED_POLLERS, POLL_S = 2, 5, 20.0
"""Lambda asks an idle queue with two connections, or with five if its concurrency is limited; each
of them waits twenty seconds (Lambda Developer Guide, "Configuring scaling behavior for SQS event
source mappings")."""
WATCH_METRICS = 4
"""Each is billed for the hours in which it was said; the watch function says all at each run."""


@dataclass(frozen=True)
class IdleLine:
    """Something that is paid for without being used."""

    what: str
    price: str
    amount: float
    list_usd: float
    usd: float
    """After the amounts that AWS gives away for ever, if the account uses them for nothing else."""


def idle(given: Mapping[str, str], prices: Prices) -> list[IdleLine]:
    """The lines of a month, for the templates with these parameters."""
    lines = []
    for what, price, amount in _amounts(stacks(given)):
        unit = prices[price]
        billed = max(0.0, amount - unit.free)
        lines.append(IdleLine(what, price, amount, amount * unit.usd, billed * unit.usd))
    return [line for line in lines if line.amount]


def _amounts(templates: list[Stack]) -> Iterator[tuple[str, str, float]]:
    def count(kind: str) -> float:
        return float(sum(1 for stack in templates for _ in stack.resources(kind)))

    yield "Kinesis stream, on demand", "kinesis_stream_hour", count("AWS::Kinesis::Stream") * HOURS
    yield "KMS key", "kms_key_month", count("AWS::KMS::Key")
    yield "secrets", "secret_month", count("AWS::SecretsManager::Secret")
    yield "alarms", "cloudwatch_alarm_month", count("AWS::CloudWatch::Alarm")
    yield "dashboard", "cloudwatch_dashboard_month", count("AWS::CloudWatch::Dashboard")
    yield "metrics of the watch function", "cloudwatch_metric_month", _metrics(templates)
    polls = HOURS * 3600 / POLL_S
    yield "Lambda asks the empty queues", "sqs_request", sum(map(_pollers, templates)) * polls


def _pollers(stack: Stack) -> int:
    return sum(
        LIMITED_POLLERS if "ScalingConfig" in source["Properties"] else POLLERS
        for function in stack.resources("AWS::Serverless::Function")
        for source in function.get("Events", {}).values()
        if source["Type"] == "SQS"
    )


def _metrics(templates: list[Stack]) -> float:
    """In whole metrics and months."""
    schedules = [
        str(stack.value(rule["ScheduleExpression"]))
        for stack in templates
        for rule in stack.resources("AWS::Events::Rule")
        if "ScheduleExpression" in rule
    ]
    return sum(WATCH_METRICS * min(1.0, 1 / hours_of(schedule)) for schedule in schedules)
