"""What tools that are made for AWS send beside the calls that are here: every answer is one that their SDK can read."""
import http.client

import pytest
from botocore.exceptions import ClientError

from conftest import REGION

# One call of each protocol that AWS has; the name is the one that the call is signed for.
ELSEWHERE = [
    ("stepfunctions", "states", lambda c: c.list_state_machines()),
    ("sqs", "sqs", lambda c: c.list_queues()),
    ("dynamodb", "dynamodb", lambda c: c.list_tables()),
    ("sns", "sns", lambda c: c.list_topics()),
    ("autoscaling", "autoscaling", lambda c: c.describe_auto_scaling_groups()),
    ("s3", "s3", lambda c: c.list_buckets()),
    ("s3", "s3", lambda c: c.list_objects_v2(Bucket="a-bucket")),
    ("s3", "s3", lambda c: c.put_object(Bucket="a-bucket", Key="k", Body=b"x" * 100)),
    ("route53", "route53", lambda c: c.list_hosted_zones()),
    ("lambda", "lambda", lambda c: c.list_functions()),
    ("lambda", "lambda", lambda c: c.invoke(FunctionName="f", Payload=b"{}")),
]


@pytest.mark.parametrize("service, signed, call", ELSEWHERE)
def test_a_service_that_is_not_here_is_named(control, service, signed, call):
    with pytest.raises(ClientError) as caught:
        call(control.client(service))
    error, status = caught.value.response["Error"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert error["Code"] in ("UnknownOperationException", "InvalidAction"), error
    assert f"'{signed}' is not offered here" in error["Message"], error
    assert 400 <= status < 500


def test_a_head_request_has_no_text_and_is_a_client_error_all_the_same(control):
    with pytest.raises(ClientError) as caught:
        control.client("s3").head_bucket(Bucket="a-bucket")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize("arguments, signed", [
    (("dynamodb", "list-tables"), "dynamodb"),
    (("sns", "list-topics"), "sns"),
    (("s3", "ls"), "s3"),
    (("s3", "ls", "s3://a-bucket"), "s3"),
])
def test_the_cli_shows_it(control, arguments, signed):
    run = control.cli(*arguments, check=False)
    assert run.returncode != 0
    assert f"'{signed}' is not offered here" in run.stderr, run.stderr


def test_what_is_too_large_is_an_error_of_the_service(control):
    with pytest.raises(ClientError) as caught:
        control.ecs.list_clusters(nextToken="x" * (1 << 20))
    assert caught.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert "1048576 bytes" in caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    with pytest.raises(ClientError) as caught:
        control.elb.describe_load_balancers(Marker="x" * (2 << 20))
    assert caught.value.response["Error"]["Code"] == "RequestEntityTooLarge"
    assert "1048576 bytes" in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize("head, code", [
    (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * (70 << 10) + b"\r\n\r\n", "RequestHeaderFieldsTooLarge"),
    (b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "MalformedHttpRequest"),
    (b"POST / HTTP/1.1\r\nHost: h\r\nExpect: the-moon\r\nContent-Length: 0\r\n\r\n", "ExpectationFailed"),
    (b"what is this\r\n\r\n", "MalformedHttpRequest"),
    (b"DELETE /no/such/page HTTP/1.1\r\nHost: h\r\n\r\n", "MissingAction"),
])
def test_what_fails_as_http_is_an_error_too(control, head, code):
    connection = http.client.HTTPConnection("127.0.0.1", control.api_port, timeout=10)
    connection.connect()
    connection.sock.sendall(head)
    answer = http.client.HTTPResponse(connection.sock)
    answer.begin()
    body = answer.read().decode()
    assert 400 <= answer.status < 500
    assert f"<Code>{code}</Code>" in body, body


def test_attributes_are_put_listed_and_deleted_with_the_cli(control):
    control.ecs.create_cluster(clusterName="racks")
    instance = control.ecs.register_container_instance(
        cluster="racks", attributes=[{"name": "berth.address", "value": "10.0.0.1"}])["containerInstance"]["containerInstanceArn"]
    target = f"targetType=container-instance,targetId={instance.rsplit('/', 1)[1]}"
    put = control.cli("ecs", "put-attributes", "--cluster", "racks", "--attributes", f"name=rack,value=a,{target}")
    assert put["attributes"] == [{"name": "rack", "value": "a", "targetId": instance}]
    listed = control.cli("ecs", "list-attributes", "--cluster", "racks", "--target-type", "container-instance",
                         "--attribute-name", "rack", "--attribute-value", "a")
    assert listed["attributes"] == put["attributes"]
    control.ecs.register_container_instance(cluster="racks", containerInstanceArn=instance,
                                            attributes=[{"name": "berth.address", "value": "10.0.0.1"}])
    found = control.cli("ecs", "list-container-instances", "--cluster", "racks", "--filter", "attribute:rack == a")
    assert found["containerInstanceArns"] == [instance]
    control.cli("ecs", "delete-attributes", "--cluster", "racks", "--attributes", f"name=rack,{target}")
    assert control.cli("ecs", "list-attributes", "--cluster", "racks", "--target-type", "container-instance",
                       "--attribute-name", "rack")["attributes"] == []
    with pytest.raises(ClientError) as caught:
        control.ecs.put_attributes(cluster="racks", attributes=[
            {"name": "a", "targetType": "container-instance", "targetId": "0" * 32}])
    assert caught.value.response["Error"]["Code"] == "TargetNotFoundException"


def test_another_regions_arn_deletes_nothing(control):
    control.ecs.create_cluster(clusterName="victim")
    for arn in ("arn:aws:ecs:ap-south-1:123456789012:cluster/victim", f"arn:aws:ecs:{REGION}:123456789012:cluster/victim",
                f"arn:aws-cn:ecs:{REGION}:000000000000:cluster/victim"):
        run = control.cli("ecs", "delete-cluster", "--cluster", arn, check=False)
        assert "InvalidParameterException" in run.stderr, run.stderr
    assert control.cli("ecs", "describe-clusters", "--clusters", "victim")["clusters"][0]["status"] == "ACTIVE"
