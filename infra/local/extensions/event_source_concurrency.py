"""Event source mappings: a maximum concurrency from a template is a number.

Gap: MiniStack 1.5.33 keeps `ScalingConfig.MaximumConcurrency` as the text that a CloudFormation
parameter is, and compares it with a number; the error stops the delivery of all queues.

No longer needed when `tests/contract/local_cloud/test_templates.py` passes without `install()`.
"""

from typing import Any

from ministack.services import lambda_svc


def install() -> None:
    """Make the text a number when the limit is looked up."""
    look_up = lambda_svc._sqs_esm_concurrency

    def concurrency(mapping: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        scaling = mapping.get("ScalingConfig") or {}
        if "MaximumConcurrency" in scaling:
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return look_up(mapping, *arguments, **options)

    lambda_svc._sqs_esm_concurrency = concurrency
