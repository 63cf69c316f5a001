"""CloudFormation: a change set that changes nothing but outputs is one.

Gap: MiniStack 1.5.33 looks at resources only, and refuses such a change set as if it changed
nothing; CloudFormation makes it, with an empty list of changes.

No longer needed when `tests/contract/local_cloud/test_deployment.py` passes without `install()`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers

Action = Callable[[Mapping[str, Any]], Any]


def install() -> None:
    """Look at the outputs after MiniStack has looked at the resources."""
    create: Action = handlers._ACTION_HANDLERS["CreateChangeSet"]

    def create_change_set(params: Mapping[str, Any]) -> Any:
        before = set(cloudformation._change_sets)
        answer = create(params)
        for name in set(cloudformation._change_sets) - before:
            _reconsider(cloudformation._change_sets[name])
        return answer

    handlers._ACTION_HANDLERS["CreateChangeSet"] = create_change_set


def _reconsider(change_set: dict[str, Any]) -> None:
    stack = cloudformation._stacks.get(change_set["StackName"], {})
    found_nothing = change_set["ChangeSetType"] == "UPDATE" and not change_set["Changes"]
    if found_nothing and _outputs(change_set) != _outputs(stack):
        change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")


def _outputs(of: Mapping[str, Any]) -> Any:
    return of.get("_template", {}).get("Outputs", {})
