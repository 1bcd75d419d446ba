"""Bad input and broken surroundings: a clear error that names the field and the reason, and nothing lost."""
import json
import os
import pathlib
import socket
import subprocess
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.exceptions import ClientError, ParamValidationError

from conftest import AGENT, BALANCER, REGION, Berth, get, wait_until


def raw(berth, operation, body, service="ecs"):
    """A signed call with exactly these bytes."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}"}
    if service != "ecs":
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = botocore.awsrequest.AWSRequest("POST", berth.api + "/", data=body, headers=headers)
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(berth.key, berth.secret), service, REGION).add_auth(request)
    call = urllib.request.Request(berth.api + "/", data=body, headers=dict(request.headers), method="POST")
    try:
        with urllib.request.urlopen(call, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("operation, body, code, words", [
    ("ListClusters", b"{", "SerializationException", []),
    ("ListClusters", b"[]", "SerializationException", []),
    ("ListClusters", b'{"maxResults":"ten"}', "SerializationException", ["maxResults"]),
    ("ListClusters", b'{"maxResults":1000}', "InvalidParameterException", ["maxResults"]),
    ("RegisterTaskDefinition", b'{"family":"x","containerDefinitions":[{"name":7}]}', "SerializationException",
     ["containerDefinitions[0].name"]),
    ("RegisterTaskDefinition", b'{"containerDefinitions":[]}', "ClientException", ["Family"]),
    ("RegisterTaskDefinition", b'{"family":"x","containerDefinitions":[{"name":"a","image":"i","memory":1}]}', "ClientException",
     ["emory", "6 MiB"]),
    ("RegisterTaskDefinition", b'{"family":"x","containerDefinitions":[{"name":"a","image":"i","memory":64,'
     b'"portMappings":[{"containerPort":70000}]}]}', "ClientException", ["70000"]),
    ("RegisterTaskDefinition", b'{"family":"x","containerDefinitions":[{"name":"a","image":"i"}]}', "ClientException",
     ["memory", "memoryReservation"]),
    ("RunTask", b'{"taskDefinition":"nobody-knows"}', "ClientException", []),
    ("RunTask", b'{"taskDefinition":"x","cluster":"nowhere"}', "ClusterNotFoundException", ["Cluster not found."]),
    ("DescribeTasks", b'{"tasks":[]}', "InvalidParameterException", ["Tasks cannot be empty."]),
    ("MakeCoffee", b"{}", "UnknownOperationException", []),
    ("CreateDaemon", b"{}", "UnsupportedFeatureException", []),
])
def test_ecs_names_what_is_wrong(berth, operation, body, code, words):
    berth.ecs.create_cluster(clusterName="default")
    status, answer = raw(berth, operation, body)
    error = json.loads(answer)
    assert (error["__type"], 400 <= status < 500) == (code, True), answer
    text = error.get("message", error.get("Message", ""))
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("form, code, words", [
    (b"Action=MakeCoffee&Version=2015-12-01", "InvalidAction", []),
    (b"Version=2015-12-01", "MissingAction", []),
    (b"Action=CreateTargetGroup&Version=2015-12-01&Name=a--&Protocol=HTTP&Port=80&VpcId=v", "ValidationError", []),
    (b"Action=CreateTargetGroup&Version=2015-12-01&Name=ok&Protocol=HTTP&Port=0&VpcId=v", "ValidationError", ["ort"]),
    (b"Action=DescribeTargetGroups&Version=2015-12-01&Names.member.1=none", "TargetGroupNotFound", []),
    (b"Action=DescribeLoadBalancers&Version=2015-12-01&Names.member.1=none", "LoadBalancerNotFound", []),
    (b"Action=DeleteRule&Version=2015-12-01&RuleArn=arn", "ValidationError", ["valid listener rule ARN"]),
])
def test_elbv2_names_what_is_wrong(berth, form, code, words):
    status, answer = raw(berth, "", form, "elasticloadbalancing")
    assert f"<Code>{code}</Code>" in answer and 400 <= status < 500, answer
    for word in words:
        assert word in answer, answer


def test_a_task_that_fits_nowhere_says_what_is_missing(berth):
    berth.ecs.create_cluster(clusterName=berth.cluster)
    arn = berth.register("huge", memory=10_000_000)
    answer = berth.ecs.run_task(cluster=berth.cluster, taskDefinition=arn)
    assert answer["tasks"] == [] and answer["failures"][0]["reason"] == "RESOURCE:MEMORY", answer
    assert ":container-instance/" in answer["failures"][0]["arn"]


def test_a_listener_port_that_is_taken_is_refused_loudly_and_the_rest_goes_on(berth):
    _, _, _, good = berth.load_balancer("good")
    wait_until("the first listener serves", lambda: get(f"http://127.0.0.1:{good}/")[0] == 503)
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        balancer = berth.elb.create_load_balancer(Name="bad", Subnets=["s"])["LoadBalancers"][0]["LoadBalancerArn"]
        group = berth.elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
        berth.elb.create_target_group(Name="bad", Protocol="HTTP", Port=80, VpcId="v")
        group = berth.elb.describe_target_groups(Names=["bad"])["TargetGroups"][0]["TargetGroupArn"]
        berth.elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port,
                                  DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])
        wait_until("the balancer says why", lambda: str(port) in get(berth.admin + "/readyz")[1] or
                   str(port) in berth.log("balancer", 200))
        assert get(f"http://127.0.0.1:{good}/")[0] == 503
    # Once the port is free, the balancer takes the configuration without being told again.
    wait_until("the listener is served", lambda: get(f"http://127.0.0.1:{port}/")[0] == 503, 30)


@pytest.fixture
def spare(tmp_path):
    berth = Berth(tmp_path)
    yield berth
    berth.stop()


def test_a_missing_docker_socket_is_named_and_waited_for(spare):
    spare.start_agent(env={"DOCKER_HOST": "unix:///nonexistent/docker.sock"}, wait=False)
    wait_until("the agent answers", lambda: get(spare.api + "/healthz")[0] == 200, 15)
    status, body = wait_until("not ready, with the reason",
                              lambda: (r := get(spare.api + "/readyz"))[0] == 503 and "/nonexistent/docker.sock" in r[1] and r, 15)
    spare.read_credentials()
    assert spare.ecs.list_clusters() is not None  # control works without a node
    assert spare.agent.poll() is None


def test_a_taken_api_port_ends_the_agent_with_the_address(spare):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", spare.api_port))
        taken.listen()
        spare.start_agent(wait=False)
        assert spare.agent.wait(15) != 0
    assert str(spare.api_port) in spare.log("agent"), spare.log("agent")


def test_a_second_agent_on_the_same_data_is_refused(berth, spare):
    command = berth.agent_command()
    command[command.index("--listen") + 1] = f"127.0.0.1:{spare.api_port}"
    run = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert run.returncode != 0 and str(berth.folder) in run.stderr + run.stdout, run.stderr


def test_wrong_settings_name_the_field(spare):
    for arguments, words in ((["--listen", "nonsense"], ["listen", "nonsense"]), (["--roles", "captain"], ["roles", "captain"]),
                             (["--no-such-flag"], ["no-such-flag"])):
        run = subprocess.run([str(AGENT), "--data-dir", str(spare.folder / "x"), *arguments], capture_output=True, text=True, timeout=20)
        assert run.returncode != 0
        for word in words:
            assert word in run.stderr, run.stderr
    bad = spare.folder / "balancer.json"
    bad.write_text('{"listeners": [{"id": "a", "port": "eighty"}]}')
    run = subprocess.run([str(BALANCER), "--config", str(bad), "--admin", f"127.0.0.1:{spare.admin_port}"], capture_output=True,
                         text=True, timeout=20)
    assert run.returncode != 0 and "listeners[0].port" in run.stderr, run.stderr


def test_a_full_disk_refuses_the_write_and_keeps_what_was_acknowledged(spare):
    data = spare.folder / "agent"
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "none", str(data)], check=True)
    try:
        spare.start_agent("--roles", "control")
        ecs = spare.ecs
        acknowledged = []
        with pytest.raises(ClientError) as caught:
            for number in range(5000):
                ecs.register_task_definition(family=f"family{number}", containerDefinitions=[
                    {"name": "a", "image": "i", "memory": 64, "environment": [{"name": "X", "value": "x" * 4000}]}])
                acknowledged.append(f"family{number}")
        error = caught.value.response["Error"]
        assert error["Code"] == "ServerException" and "disk" in error["Message"].lower(), error
        families = {f for page in ecs.get_paginator("list_task_definition_families").paginate() for f in page["families"]}
        assert families == set(acknowledged)
        assert get(spare.api + "/healthz")[0] == 200
        subprocess.run(["mount", "-o", "remount,size=32m", str(data)], check=True)
        ecs.register_task_definition(family="after", containerDefinitions=[{"name": "a", "image": "i", "memory": 64}])
        spare.kill("agent")
        spare.start_agent("--roles", "control")
        families = {f for page in spare.ecs.get_paginator("list_task_definition_families").paginate() for f in page["families"]}
        assert families == set(acknowledged) | {"after"}
    finally:
        spare.stop()
        subprocess.run(["umount", "-l", str(data)], check=True)
