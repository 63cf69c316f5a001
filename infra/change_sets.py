"""CloudFormation change sets: what a deployment would change, shown before it is done."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import (
        ChangeTypeDef,
        ParameterTypeDef,
        StackEventTypeDef,
        StackTypeDef,
        TagTypeDef,
    )

_NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")
_SUCCEEDED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
_SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<", "Dynamic": "?"}
_LONGEST_WAIT_S = 1800.0
NOT_MADE_YET = "REVIEW_IN_PROGRESS"


class DeploymentFailed(Exception):
    """A stack could not be deployed."""


class NotConfirmed(Exception):
    """Somebody said no."""


@dataclass(frozen=True)
class ChangeSet:
    """What CloudFormation would do to one stack."""

    stack: str
    stack_id: str
    change_set_id: str
    is_new: bool
    changes: tuple[str, ...]

    def __str__(self) -> str:
        """As people are shown it."""
        head = f"{self.stack}: {'new, ' if self.is_new else ''}{len(self.changes)} changes"
        return "\n".join([head, *(f"  {change}" for change in self.changes)])


class ChangeSets:
    """Makes, carries out and discards change sets."""

    def __init__(self, cloudformation: CloudFormationClient) -> None:
        self._cloudformation = cloudformation

    def prepare(
        self,
        stack: str,
        template: str,
        parameters: Sequence[ParameterTypeDef],
        tags: Sequence[TagTypeDef],
        *,
        known: StackTypeDef | None,
        takes_up_what_was_kept: bool = False,
    ) -> ChangeSet | None:
        """The changes, nothing of which is done yet; None if there are none.

        Raises:
            DeploymentFailed: CloudFormation refuses the template or a parameter.
        """
        is_new = known is None or known["StackStatus"] == NOT_MADE_YET
        try:
            made = self._cloudformation.create_change_set(
                StackName=stack,
                ChangeSetName=f"deploy-{uuid.uuid4()}",
                ChangeSetType="CREATE" if is_new else "UPDATE",
                TemplateBody=template,
                Parameters=parameters,
                Tags=tags,
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
                ImportExistingResources=is_new and takes_up_what_was_kept,
            )
        except ClientError as error:
            raise DeploymentFailed(f"{stack}: {error.response['Error']['Message']}") from error
        changes, refusal = self._when_made(stack, made["Id"])
        prepared = ChangeSet(
            stack=stack,
            stack_id=made["StackId"],
            change_set_id=made["Id"],
            is_new=is_new,
            changes=tuple(map(_line, changes)),
        )
        if refusal is None:
            return prepared
        self.discard(prepared)
        if any(words in refusal for words in _NOTHING_TO_DO):
            return None
        raise DeploymentFailed(f"{stack}: {refusal}")

    def _when_made(self, stack: str, change_set_id: str) -> tuple[list[ChangeTypeDef], str | None]:
        """Its changes; and why it cannot be carried out, if it cannot."""
        for pause_s in _pauses(stack):
            page = self._cloudformation.describe_change_set(ChangeSetName=change_set_id)
            if not page["Status"].endswith(("PENDING", "IN_PROGRESS")):
                break
            time.sleep(pause_s)
        refusal = page.get("StatusReason", "refused") if page["Status"] == "FAILED" else None
        changes = list(page.get("Changes", []))
        while token := page.get("NextToken"):
            page = self._cloudformation.describe_change_set(
                ChangeSetName=change_set_id, NextToken=token
            )
            changes += page.get("Changes", [])
        return changes, refusal

    def discard(self, prepared: ChangeSet) -> None:
        """Forget it, and the empty stack that it announced."""
        self._cloudformation.delete_change_set(ChangeSetName=prepared.change_set_id)
        if prepared.is_new:
            self._cloudformation.delete_stack(StackName=prepared.stack_id)

    def execute(self, prepared: ChangeSet) -> None:
        """Do it, and wait until it is done.

        Raises:
            DeploymentFailed: it was rolled back; names the stack, the resource and the reason.
        """
        before = self._newest_event(prepared.stack_id)
        try:
            self._cloudformation.execute_change_set(ChangeSetName=prepared.change_set_id)
        except ClientError as error:
            message = error.response["Error"]["Message"]
            raise DeploymentFailed(f"{prepared.stack}: {message}") from error
        for pause_s in _pauses(prepared.stack):
            status = self._status(prepared.stack_id)
            begun = self._newest_event(prepared.stack_id) != before
            if begun and not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(pause_s)
        if status not in _SUCCEEDED:
            raise DeploymentFailed(f"{prepared.stack}: {status}; {self._reason(prepared)}")

    def _status(self, stack_id: str) -> str:
        return self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]

    def _newest_event(self, stack_id: str) -> str | None:
        events = self._cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
        return events[0]["EventId"] if events else None

    def _reason(self, prepared: ChangeSet) -> str:
        """What failed first in this operation: later failures are its consequences."""
        failures = [
            event
            for event in self._events_of_the_last_operation(prepared)
            if event.get("ResourceStatus", "").endswith("_FAILED")
        ]
        if not failures:
            return "CloudFormation gives no reason"
        first = failures[-1]
        is_the_stack = first.get("LogicalResourceId") == prepared.stack
        if is_the_stack and (invalid := self._invalid(prepared)):
            return invalid
        resource = f"{first.get('LogicalResourceId')} ({first.get('ResourceType')})"
        return f"{resource}: {first.get('ResourceStatusReason', first.get('ResourceStatus'))}"

    def _invalid(self, prepared: ChangeSet) -> str | None:
        """What CloudFormation found wrong before it began, if that is why it did not begin."""
        events = self._cloudformation.describe_events(StackName=prepared.stack_id)
        for event in events["OperationEvents"]:
            if event.get("ValidationStatus") == "FAILED":
                resource = f"{event.get('LogicalResourceId')} ({event.get('ResourceType')})"
                return f"{resource}: {event.get('ValidationStatusReason')}"
        return None

    def _events_of_the_last_operation(self, prepared: ChangeSet) -> Iterable[StackEventTypeDef]:
        """Newest first, as far as the stack's own beginning."""
        paginator = self._cloudformation.get_paginator("describe_stack_events")
        for page in paginator.paginate(StackName=prepared.stack_id):
            for event in page["StackEvents"]:
                yield event
                is_the_stack = event.get("LogicalResourceId") == prepared.stack
                if is_the_stack and event.get("ResourceStatus") in _BEGINNINGS:
                    return


def _line(change: ChangeTypeDef) -> str:
    of = change["ResourceChange"]
    line = f"{_SIGNS.get(of.get('Action', ''), '?')} {of.get('LogicalResourceId', '')}"
    line += f" ({of.get('ResourceType', '')})"
    if of.get("Action") == "Modify" and of.get("Replacement") in ("True", "Conditional"):
        surely = "" if of["Replacement"] == "True" else "perhaps "
        line += f" {surely}REPLACED"
    return line


def _pauses(stack: str) -> Iterable[float]:
    """Growing pauses.

    Raises:
        DeploymentFailed: after half an hour.
    """
    pause_s, deadline = 0.05, time.monotonic() + _LONGEST_WAIT_S
    while time.monotonic() < deadline:
        yield pause_s
        pause_s = min(pause_s * 1.5, 5.0)
    raise DeploymentFailed(f"{stack}: still not done after {_LONGEST_WAIT_S:.0f} s")
