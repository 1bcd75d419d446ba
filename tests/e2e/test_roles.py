"""Roles of tasks and secrets of containers: what runs in a container is its task's role for the services of AWS, may what that
role may and nothing more, also after the agent was killed; secrets come into its environment and nowhere else."""
import json
import subprocess

import botocore.exceptions
import pytest

from conftest import docker, wait_until
from test_health_volumes import container, engine_container, shell  # noqa: F401 (a fixture)

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]})

# With boto3, in the container's network and environment: what its keys say and do.
CLIENT = """
import boto3, json, os
def client(name):
    return boto3.client(name, endpoint_url=os.environ['AWS_ENDPOINT_URL'])
out = {'identity': client('sts').get_caller_identity()['Arn']}
out['clusters'] = len(client('ecs').list_clusters()['clusterArns'])
try:
    client('ecs').describe_clusters()
except Exception as error:
    out['denied'] = error.response['Error']
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def berth(empty_berth, shell):  # noqa: F811
    berth = empty_berth
    berth.api = f"http://0.0.0.0:{berth.api_port}"  # containers come in by another address than 127.0.0.1
    berth.options = ("--container-endpoint", f"http://169.254.170.2:{berth.api_port}")
    berth.start_agent(*berth.options)
    for name, actions in (("app", ["ecs:ListClusters"]), ("other", ["ecs:ListClusters"]),
                          ("exec", ["secretsmanager:GetSecretValue", "ssm:GetParameters"]), ("blind", ["ecs:ListClusters"])):
        berth.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        berth.client("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}))
    return berth


def define(berth, family, role, **settings):
    return berth.ecs.register_task_definition(
        family=family, networkMode="bridge", containerDefinitions=[container("web", "exec sleep 3600", **settings)],
        **role)["taskDefinition"]["taskDefinitionArn"]


def run(berth, definition):
    arn = berth.ecs.run_task(cluster=berth.cluster, taskDefinition=definition)["tasks"][0]["taskArn"]
    wait_until(lambda: f"the task runs: {described(berth, arn)}\n{berth.log('agent')}",
               lambda: described(berth, arn)["lastStatus"] == "RUNNING")
    return arn


def described(berth, arn):
    return berth.ecs.describe_tasks(cluster=berth.cluster, tasks=[arn])["tasks"][0]


def inside(berth, arn, script):
    """What this machine's python prints in the container's network and with its environment."""
    engine_id = engine_container(arn, "web")
    state = json.loads(docker("inspect", engine_id))[0]
    environment = dict(each.split("=", 1) for each in state["Config"]["Env"])
    done = subprocess.run(["nsenter", "--target", str(state["State"]["Pid"]), "--net", "/usr/bin/python3", "-c", script],
                          env={**environment, "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, f"{done.stderr}\n{berth.log('agent')}"
    return json.loads(done.stdout)


def environment_of(arn):
    state = json.loads(docker("inspect", engine_container(arn, "web")))[0]
    return dict(each.split("=", 1) for each in state["Config"]["Env"])


def test_a_container_is_its_tasks_role_and_may_what_that_role_may(berth):
    first = run(berth, define(berth, "first", {"taskRoleArn": "arn:aws:iam::000000000000:role/app"}))
    second = run(berth, define(berth, "second", {"taskRoleArn": "other"}))
    for arn, role in ((first, "app"), (second, "other")):
        seen = inside(berth, arn, CLIENT)
        task = arn.rsplit("/", 1)[1]
        assert seen["identity"] == f"arn:aws:sts::000000000000:assumed-role/{role}/{task}", seen
        assert seen["clusters"] >= 1
        assert seen["denied"]["Code"] == "AccessDeniedException", seen
        assert seen["denied"]["Message"].startswith(
            f"User: arn:aws:sts::000000000000:assumed-role/{role}/{task} is not authorized to perform: ecs:DescribeClusters"), seen
    paths = {environment_of(arn)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] for arn in (first, second)}
    assert len(paths) == 2, paths
    audit = (berth.folder / "agent/audit.log").read_text()
    assert f" 200 " in audit and f"{first} GetCredentials 2 {berth.cluster} " in audit, audit
    assert not any(path.rsplit("/", 1)[1] in audit for path in paths), audit


def test_keys_are_there_again_after_the_agent_was_killed_and_end_with_the_task(berth):
    arn = run(berth, define(berth, "outlives", {"taskRoleArn": "app"}))
    before = inside(berth, arn, CLIENT)
    berth.kill("agent")
    berth.start_agent(*berth.options)
    script = "import urllib.request, os; print(urllib.request.urlopen('http://169.254.170.2' + " \
             "os.environ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']).read().decode())"
    keys = wait_until("its keys are there again", lambda: _or_none(lambda: inside(berth, arn, script)))
    assert inside(berth, arn, CLIENT)["identity"] == before["identity"]
    sts = berth.client("sts", keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"])
    assert sts.get_caller_identity()["Arn"] == before["identity"]
    berth.ecs.stop_task(cluster=berth.cluster, task=arn)
    wait_until(lambda: f"the task has stopped: {described(berth, arn)}", lambda: described(berth, arn)["lastStatus"] == "STOPPED")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        sts.get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId", refused.value


def _or_none(attempt):
    try:
        return attempt()
    except AssertionError:
        return None


def test_secrets_are_in_the_containers_environment_and_nowhere_else(berth):
    ssm, manager = berth.client("ssm"), berth.client("secretsmanager")
    ssm.put_parameter(Name="/app/host", Value="db.example", Type="String")
    ssm.put_parameter(Name="/app/password", Value="sealed-one", Type="SecureString")
    plain = manager.create_secret(Name="plain", SecretString="plain-value")["ARN"]
    keyed = manager.create_secret(Name="keyed", SecretString=json.dumps({"user": "root", "password": "first-word"}))["ARN"]
    manager.put_secret_value(SecretId="keyed", SecretString=json.dumps({"user": "root", "password": "second-word"}))
    secrets = [{"name": "HOST", "valueFrom": "/app/host"},
               {"name": "PASSWORD", "valueFrom": "arn:aws:ssm:us-east-1:000000000000:parameter/app/password"},
               {"name": "PLAIN", "valueFrom": plain}, {"name": "NOW", "valueFrom": f"{keyed}:password::"},
               {"name": "BEFORE", "valueFrom": f"{keyed}:password:AWSPREVIOUS:"}]
    definition = define(berth, "secretive", {"executionRoleArn": "exec"}, secrets=secrets)
    arn = run(berth, definition)
    seen = environment_of(arn)
    assert {name: seen[name] for name in ("HOST", "PASSWORD", "PLAIN", "NOW", "BEFORE")} == {
        "HOST": "db.example", "PASSWORD": "sealed-one", "PLAIN": "plain-value", "NOW": "second-word", "BEFORE": "first-word"}
    told = json.dumps([described(berth, arn), berth.ecs.describe_task_definition(taskDefinition=definition)], default=str)
    kept = (berth.folder / "agent/node.db").read_bytes() + (berth.folder / "agent/node.db-wal").read_bytes()
    for value in ("sealed-one", "plain-value", "second-word"):
        assert value not in told and value.encode() not in kept, value


@pytest.mark.parametrize("role,secret,why", [
    ("exec", "/app/missing", "invalid parameters: /app/missing"),
    ("blind", "/app/host", "is not authorized to perform: ssm:GetParameters"),
    ("exec", "arn:aws:secretsmanager:us-east-1:000000000000:secret:none-AbCdEf", "can't retrieve the secret with ARN"),
])
def test_a_secret_that_cannot_be_had_stops_the_task_and_says_which(berth, role, secret, why):
    if secret == "/app/host":
        berth.client("ssm").put_parameter(Name=secret, Value="db.example", Type="String", Overwrite=True)
    definition = define(berth, "stops", {"executionRoleArn": role}, secrets=[{"name": "S", "valueFrom": secret}])
    arn = berth.ecs.run_task(cluster=berth.cluster, taskDefinition=definition)["tasks"][0]["taskArn"]
    ended = wait_until(lambda: f"the task stops: {described(berth, arn)}\n{berth.log('agent')}",
                       lambda: described(berth, arn)["lastStatus"] == "STOPPED" and described(berth, arn))
    assert ended["stopCode"] == "TaskFailedToStart", ended
    assert ended["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets or registry auth: "), ended
    assert why in ended["stoppedReason"], ended["stoppedReason"]
