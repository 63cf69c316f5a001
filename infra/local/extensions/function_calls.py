"""Lambda: which AWS operations each function calls, for a comparison with its role.

No gap of MiniStack's own: AWS knows this from CloudTrail and IAM Access Analyzer. Every worker
tells botocore to note each call: its service, its operation, and of the parameters the names of
what it touches (bucket and its top folder, table, index, queue, ...), never a whole key, an item or
a message.
"""

import os
from pathlib import Path

from ministack.core import lambda_runtime

_BEFORE_THE_HANDLER = "    _ms_install_invoke_depth()\n"
_NOTE_CALLS = """
def _erasure_note_calls(folder):
    import json, os
    try:
        import botocore.handlers
    except ImportError:
        return
    names = ("Bucket", "TableName", "IndexName", "QueueUrl", "QueueName", "Name", "SecretId",
             "WorkGroup", "DatabaseName", "EventBusName")
    known = set()

    def kinds(params):
        return sorted({kind for item in params.get("TransactItems", ()) for kind in item})

    def tables(params):
        inner = [item for each in params.get("TransactItems", ()) for item in each.values()]
        named = {item.get("TableName") for item in inner} | set(params.get("RequestItems", ()))
        return sorted(name for name in named if name)

    def folder_of(key):
        return key.partition("/")[0] if "/" in key else ""

    def source(value):
        if isinstance(value, dict):
            return {"bucket": value.get("Bucket"), "folder": folder_of(value.get("Key", "")),
                    "version": bool(value.get("VersionId"))}
        bucket, _, key = str(value).lstrip("/").partition("/")
        return {"bucket": bucket, "folder": folder_of(key), "version": "versionId=" in value}

    def note(params, model, **kwargs):
        call = {"function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
                "service": model.service_model.service_name, "operation": model.name}
        call.update({name: params[name] for name in names if name in params})
        if "Key" in params and "Bucket" in params:
            call["folder"] = folder_of(params["Key"])
        removed = params.get("Delete", {}).get("Objects", ()) if "Bucket" in params else ()
        if params.get("VersionId") or any(each.get("VersionId") for each in removed):
            call["with_version"] = True
        if params.get("Tagging"):
            call["with_tags"] = True
        if params.get("IfMatch"):
            call["if_match"] = True
        if "TransactItems" in params or "RequestItems" in params:
            call["kinds"], call["tables"] = kinds(params), tables(params)
        if "CopySource" in params:
            call["source"] = source(params["CopySource"])
        if "Entries" in params and model.name == "PutEvents":
            call["buses"] = sorted({entry.get("EventBusName", "") for entry in params["Entries"]})
            call["sources"] = sorted({entry.get("Source", "") for entry in params["Entries"]})
        line = json.dumps(call, sort_keys=True)
        if line not in known:
            known.add(line)
            with open(os.path.join(folder, call["function"] + ".jsonl"), "a") as file:
                file.write(line + "\\n")

    botocore.handlers.BUILTIN_HANDLERS.append(("before-parameter-build", note))

"""


def install() -> None:
    """Have each Python worker note its calls in a folder, one file per function."""
    folder = Path(os.environ["ERASURE_LOCAL_FUNCTION_CALLS"])
    folder.mkdir(parents=True, exist_ok=True)
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    begun = f"{_BEFORE_THE_HANDLER}    _erasure_note_calls({str(folder)!r})\n"
    if _BEFORE_THE_HANDLER not in script:
        raise RuntimeError("MiniStack's worker starts in another way than it did")
    lambda_runtime._PYTHON_WORKER_SCRIPT = _NOTE_CALLS + script.replace(_BEFORE_THE_HANDLER, begun)
