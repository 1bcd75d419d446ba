"""Who may call: every request is signed, and each way of being wrong has the error type clients act on."""
import datetime
import json
import os
import stat
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.exceptions import ClientError

from conftest import REGION, get


def code_of(call, *arguments, **options):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **options)
    return caught.value.response["Error"]["Code"]


def post(berth, headers, body=b"{}"):
    request = urllib.request.Request(berth.api + "/", data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


ECS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"}


def signed(berth, when):
    """Headers of a ListClusters signed as if it were `when`."""
    class Frozen(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return when
    real, botocore.auth.datetime = botocore.auth.datetime, type("m", (), {"datetime": Frozen})
    try:
        request = botocore.awsrequest.AWSRequest("POST", berth.api + "/", data=b"{}", headers=dict(ECS))
        credentials = botocore.credentials.Credentials(berth.key, berth.secret)
        botocore.auth.SigV4Auth(credentials, "ecs", REGION).add_auth(request)
        return dict(request.headers)
    finally:
        botocore.auth.datetime = real


def test_the_right_key_is_answered_and_sts_says_who_it_is(berth):
    identity = berth.cli("sts", "get-caller-identity")
    assert identity["Account"] == "000000000000" and identity["Arn"].startswith("arn:aws:iam::000000000000:")
    assert berth.ecs.list_clusters()["clusterArns"] is not None
    assert berth.elb.describe_load_balancers()["LoadBalancers"] == []


def test_an_unknown_key(berth):
    assert code_of(berth.client("ecs", key="AKIAXXXXXXXXXXXXXXXX").list_clusters) == "UnrecognizedClientException"
    assert code_of(berth.client("elbv2", key="AKIAXXXXXXXXXXXXXXXX").describe_load_balancers) == "InvalidClientTokenId"


def test_a_wrong_secret(berth):
    assert code_of(berth.client("ecs", secret="x" * 40).list_clusters) == "InvalidSignatureException"
    assert code_of(berth.client("elbv2", secret="x" * 40).describe_load_balancers) == "SignatureDoesNotMatch"


def test_a_session_token_that_belongs_to_no_key(berth):
    assert code_of(berth.client("ecs", token="nonsense").list_clusters) == "UnrecognizedClientException"


def test_no_signature(berth):
    status, headers, body = post(berth, ECS)
    assert status == 400 and json.loads(body)["__type"] == "MissingAuthenticationTokenException"
    assert headers["x-amzn-RequestId"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, body = post(berth, form, b"Action=DescribeLoadBalancers&Version=2015-12-01")
    assert status == 403 and b"<Code>MissingAuthenticationToken</Code>" in body


def test_clock_skew_is_an_error_that_clients_correct_themselves_by(berth):
    now = datetime.datetime.utcnow()
    for late in (datetime.timedelta(hours=-1), datetime.timedelta(hours=1)):
        status, headers, body = post(berth, signed(berth, now + late))
        assert status == 400 and json.loads(body)["__type"] == "InvalidSignatureException", body
        assert headers["Date"]
    status, _, _ = post(berth, signed(berth, now))
    assert status == 200


def test_a_changed_body_is_noticed(berth):
    headers = signed(berth, datetime.datetime.utcnow())
    status, _, body = post(berth, headers, b'{"maxResults":1}')
    assert status == 400 and json.loads(body)["__type"] == "InvalidSignatureException"


def test_keys_are_for_their_owner_only(berth):
    for name in ("credentials", "balancer-token"):
        mode = os.stat(berth.folder / "agent" / name).st_mode
        assert stat.S_IMODE(mode) == 0o600, name


def test_health_needs_no_key_and_says_why_not(berth):
    for base in (berth.api, berth.admin):
        for path in ("/healthz", "/readyz"):
            status, body = get(base + path)
            assert status == 200 and json.loads(body)["status"], (base, path, body)
