"""CloudFormation deploys what our templates are made of."""

import json
from typing import Any

import pytest
import yaml

from tests.contract.local_cloud.cloud import ROLE, Cloud, eventually, fresh_name

PLATFORM = """
Parameters:
  Stage: {Type: String}
Resources:
  Parameter:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub '/test/${Stage}/greeting', Type: String, Value: hello}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: !Sub 'test/${Stage}/key'
      GenerateSecretString: {PasswordLength: 48}
"""
SERVICE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: 'AWS::SSM::Parameter::Value<String>'}
  Stage: {Type: String}
  Seconds: {Type: Number, Default: 2}
  Concurrency: {Type: Number, Default: 2}
Resources:
  DeadLetters: {Type: AWS::SQS::Queue}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Seconds
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt DeadLetters.Arn
        maxReceiveCount: 2
  Function:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub 'test-${Stage}-function'
      Runtime: python3.11
      Handler: index.handler
      Role: ROLE
      Timeout: !Ref Seconds
      InlineCode: |
        import os, time
        def handler(event, context):
            print("greeting", os.environ["GREETING"], context.get_remaining_time_in_millis())
            time.sleep(60 if "slow" in str(event) else 0)
      Environment:
        Variables: {GREETING: !Ref Greeting}
      Events:
        Messages:
          Type: SQS
          Properties:
            Queue: !GetAtt Queue.Arn
            BatchSize: 1
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: !Ref Concurrency}
Outputs:
  QueueUrl: {Value: !Ref Queue}
"""


class Stacks:
    """A platform and a service that looks it up."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.stage = fresh_name()
        self.deploy("platform", PLATFORM, Stage=self.stage)
        self.outputs = self.deploy(
            "service",
            SERVICE.replace("ROLE", ROLE),
            Greeting=f"/test/{self.stage}/greeting",
            Stage=self.stage,
        )

    def deploy(self, name: str, template: str, **parameters: str) -> dict[str, str]:
        stack = f"{self.stage}-{name}"
        self.cloud.cloudformation.create_stack(
            StackName=stack,
            TemplateBody=template,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_AUTO_EXPAND"],
        )
        described = eventually(lambda: self._described(stack))
        return {item["OutputKey"]: item["OutputValue"] for item in described.get("Outputs", [])}

    def _described(self, stack: str) -> dict[str, Any] | None:
        found: dict[str, Any] = self.cloud.cloudformation.describe_stacks(StackName=stack)
        described: dict[str, Any] = found["Stacks"][0]
        return described if described["StackStatus"] == "CREATE_COMPLETE" else None

    def output(self) -> list[str]:
        group = f"/aws/lambda/test-{self.stage}-function"
        try:
            events = self.cloud.logs.filter_log_events(logGroupName=group)["events"]
        except self.cloud.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events if "greeting" in event["message"]]


@pytest.fixture(scope="module")
def stacks(cloud: Cloud) -> Stacks:
    return Stacks(cloud)


def test_a_function_from_a_sam_template_gets_values_of_another_stack_through_ssm(
    stacks: Stacks,
) -> None:
    stacks.cloud.sqs.send_message(QueueUrl=stacks.outputs["QueueUrl"], MessageBody="quick")

    (line, *_) = eventually(stacks.output)
    _, greeting, left_ms = line.split()
    assert greeting == "hello"
    assert 0 < int(left_ms) <= 2000


def test_numbers_that_were_template_parameters_limit_time_and_concurrency(stacks: Stacks) -> None:
    stacks.cloud.sqs.send_message(QueueUrl=stacks.outputs["QueueUrl"], MessageBody="slow")
    stacks.cloud.sqs.send_message(QueueUrl=stacks.outputs["QueueUrl"], MessageBody="quick")

    logs = stacks.cloud.logs

    def timed_out() -> bool:
        group = f"/aws/lambda/test-{stacks.stage}-function"
        events = logs.filter_log_events(logGroupName=group)["events"]
        return any("timed out after 2" in event["message"] for event in events)

    assert eventually(timed_out)


def test_a_generated_secret_is_random_text(stacks: Stacks) -> None:
    secret = stacks.cloud.secretsmanager.get_secret_value(SecretId=f"test/{stacks.stage}/key")

    assert len(secret["SecretString"]) == 48


def test_a_key_encrypts_and_decrypts(cloud: Cloud) -> None:
    key = cloud.kms.create_key()["KeyMetadata"]["Arn"]

    encrypted = cloud.kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]

    assert cloud.kms.decrypt(CiphertextBlob=encrypted)["Plaintext"] == b"text"


def test_templates_here_are_yaml_with_short_functions() -> None:
    """The texts above are read by CloudFormation only; a typo would look like a lost feature."""
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", lambda *_: None)  # type: ignore[attr-defined]

    assert yaml.load(SERVICE, Loader=loader)["Resources"]
    assert json.dumps(sorted(yaml.load(PLATFORM, Loader=loader)["Resources"]))
