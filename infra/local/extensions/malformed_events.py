"""EventBridge: an entry whose `Detail` is not a JSON object is refused, the others are taken.

Gap: MiniStack 1.5.33 takes it and hands it to the targets.

No longer needed when `tests/contract/local_cloud/test_events.py` passes without `install()`.
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
"""

import json
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import json_response
from ministack.services import eventbridge

_REFUSED = {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


def install() -> None:
    """Sort the entries before they are published."""
    put_events = eventbridge._put_events

    def put_wellformed_events(request: Mapping[str, Any], *arguments: Any, **options: Any) -> Any:
        entries = request.get("Entries", [])
        good = [entry for entry in entries if _is_wellformed(entry)]
        response = put_events({**request, "Entries": good}, *arguments, **options)
        if len(good) == len(entries) or response[0] != 200:
            return response
        answer = json.loads(response[2])
        taken = iter(answer["Entries"])
        return json_response(
            {
                "FailedEntryCount": answer["FailedEntryCount"] + len(entries) - len(good),
                "Entries": [next(taken) if _is_wellformed(item) else _REFUSED for item in entries],
            }
        )

    eventbridge._put_events = put_wellformed_events


def _is_wellformed(entry: Mapping[str, Any]) -> bool:
    try:
        return isinstance(json.loads(entry.get("Detail", "{}")), dict)
    except ValueError:
        return False
