"""cfn-lint and checkov on the templates as CloudFormation sees them, after the SAM transform.

Runs in the environment of infra/checks/requirements.txt (`make check` makes it): checkov pins half
of PyPI. Nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.public.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from infra.checks.conditions import defaults, deployed_with
from infra.checks.verdict import Exceptions, Finding, verdict

INFRA = Path(__file__).resolve().parents[1]
WORK = INFRA.parent / ".local" / "checks" / "templates"
STACKS = ("platform", "ingestion", "location", "purge", "adjudication")
_TOOLS = Path(sys.executable).parent
_REGION = "eu-west-1"


def main() -> int:
    """Exit code 0 if the tools find nothing but what is explained."""
    for stack in STACKS:
        translated = _translated(INFRA / f"{stack}.yaml")
        _write("translated", stack, translated)
        _write("deployed", stack, deployed_with(translated, defaults(translated)))
    with ThreadPoolExecutor() as pool:
        linting, checking = pool.submit(_cfn_lint), pool.submit(_checkov)
        findings = [*linting.result(), *checking.result()]
    exceptions: Exceptions = yaml.safe_load(
        (INFRA / "checks" / "exceptions.yaml").read_text(encoding="utf-8")
    )
    complaints = verdict(findings, exceptions)
    for complaint in complaints:
        print(complaint)  # noqa: T201 - a command line
    explained = sum(len(each["where"]) for each in exceptions)
    if not complaints:
        print(f"cfn-lint and checkov: nothing but {explained} explained exceptions")  # noqa: T201
    return 1 if complaints else 0


def _translated(file: Path) -> dict[str, Any]:
    os.environ.setdefault("AWS_DEFAULT_REGION", _REGION)
    template: dict[str, Any] = yaml_parse(file.read_text(encoding="utf-8"))
    if "Transform" not in template:
        return template
    with contextlib.redirect_stderr(io.StringIO()):  # it counts its own use, and says so
        translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=_REGION))
        return dict(translator.translate(template, {}))


def _write(kind: str, stack: str, template: dict[str, Any]) -> None:
    (WORK / kind).mkdir(parents=True, exist_ok=True)
    (WORK / kind / f"{stack}.json").write_text(json.dumps(template, indent=1), encoding="utf-8")


def _cfn_lint() -> list[Finding]:
    files = [str(WORK / "translated" / f"{stack}.json") for stack in STACKS]
    printed = _run("cfn-lint", "--format", "json", "--regions", _REGION, "--", *files)
    return [
        Finding("cfn-lint", each["Rule"]["Id"], Path(each["Filename"]).stem, each["Message"])
        for each in json.loads(printed)
    ]


def _checkov() -> list[Finding]:
    printed = _run(
        *("checkov", "--skip-download", "--framework", "cloudformation", "--quiet", "--compact"),
        *("--output", "json", "--directory", str(WORK / "deployed")),
    )
    report = json.loads(printed)
    if report.get("summary", {}).get("parsing_errors", 1):
        return [Finding("checkov", "parsing", "every template", "checkov could not read it")]
    return [
        Finding("checkov", each["check_id"], _where(each), each["check_name"])
        for each in report["results"]["failed_checks"]
    ]


def _where(finding: dict[str, str]) -> str:
    return f"{Path(finding['file_path']).stem}.{finding['resource'].rsplit('.', 1)[-1]}"


def _run(tool: str, *arguments: str) -> str:
    command: Sequence[str] = [str(_TOOLS / tool), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if not done.stdout.strip().startswith(("[", "{")):
        raise SystemExit(f"{tool} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
