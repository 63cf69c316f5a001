"""EventBridge: an event that a target cannot take goes to the target's dead-letter queue.

Gap: MiniStack 1.5.33 keeps `DeadLetterConfig` of a target and never uses it: an event for a queue
or a function that is gone vanishes.

No longer needed when `tests/contract/local_cloud/test_events.py` passes without `install()`.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

import json
from collections.abc import Mapping
from typing import Any

from ministack.core.arn import ArnParseError, parse_arn
from ministack.services import eventbridge, lambda_svc, sqs


def install() -> None:
    """Look before an event is handed to its target."""
    hand_over = eventbridge._invoke_target

    def invoke_target(
        target: Mapping[str, Any],
        event: Mapping[str, Any],
        rule: Mapping[str, Any],
        view: Any = None,
    ) -> None:
        reason = _why_not(target["Arn"])
        dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
        if reason is None or dead_letters is None or sqs._queue_by_arn(dead_letters) is None:
            hand_over(target, event, rule, view)
            return
        view = view or eventbridge._pattern_event_view(event)
        _send(dead_letters, json.dumps(view.event_with_detail()), _attributes(target, rule, reason))

    eventbridge._invoke_target = invoke_target


def _why_not(arn: str) -> str | None:
    """The error code if the target cannot take an event; None if it can."""
    try:
        target = parse_arn(arn)
    except ArnParseError:
        return "INVALID_PARAMETER"
    match target.service:
        case "sqs":
            return None if sqs._queue_by_arn(arn) else "NO_RESOURCE"
        case "lambda":
            function, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
            return None if function and configuration else "NO_RESOURCE"
        case _:
            return None


def _attributes(target: Mapping[str, Any], rule: Mapping[str, Any], reason: str) -> dict[str, str]:
    return {
        "RULE_ARN": rule.get("Arn", ""),
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": reason,
        "ERROR_MESSAGE": "The specified target does not exist.",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "RETRY_ATTEMPTS": "0",
    }


def _send(queue_arn: str, body: str, attributes: Mapping[str, str]) -> None:
    eventbridge._dispatch_to_sqs(parse_arn(queue_arn), body)
    message = sqs._queue_by_arn(queue_arn)["messages"][-1]
    message["message_attributes"] = {
        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
    }
