#!/usr/bin/python3
"""Reads the golden ELBv2 answers with botocore's own parser and checks what clients then see."""
import pathlib
import sys

try:
    import botocore.loaders
    import botocore.model
    import botocore.parsers
except ImportError:
    print("skipped: python3-botocore is not installed")
    sys.exit(77)

MODEL = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("elbv2", "service-2"))
PARSER = botocore.parsers.create_parser(MODEL.metadata["protocol"])
FOLDER = pathlib.Path(sys.argv[1])


def parse(name):
    body = (FOLDER / f"{name}.xml").read_bytes()
    response = {"status_code": 200, "headers": {"content-type": "text/xml"}, "body": body}
    try:
        shape = MODEL.operation_model(name).output_shape
    except botocore.model.OperationNotFoundError:  # newer than the installed botocore
        return None
    return PARSER.parse(response, shape)


def main():
    for path in sorted(FOLDER.glob("*.xml")):
        parsed = parse(path.stem)
        if parsed is None:
            print("not in this botocore:", path.stem)
            continue
        request_id = parsed["ResponseMetadata"]["RequestId"]
        assert request_id == "7b7f0bd2-0000-4000-8000-000000000001", path.stem

    (balancer,) = parse("DescribeLoadBalancers")["LoadBalancers"]
    assert balancer["LoadBalancerName"] == "web" and balancer["Type"] == "application"
    assert balancer["State"] == {"Code": "active"}
    assert balancer["DNSName"].startswith("internal-web-") and balancer["Scheme"] == "internal"
    assert [z["SubnetId"] for z in balancer["AvailabilityZones"]] == ["subnet-a", "subnet-b"]
    assert len({z["ZoneName"] for z in balancer["AvailabilityZones"]}) == 2
    assert balancer["SecurityGroups"] == ["sg-1"]
    assert balancer["CreatedTime"].isoformat() == "2024-05-01T12:51:36.789000+00:00"
    assert "NextMarker" not in parse("DescribeLoadBalancers")

    groups = {g["TargetGroupName"]: g for g in parse("DescribeTargetGroups")["TargetGroups"]}
    app = groups["app"]
    assert (app["Port"], app["HealthCheckPort"], app["HealthCheckIntervalSeconds"]) == (8080, "traffic-port", 10)
    assert app["HealthCheckPath"] == "/healthz?a=1&b" and app["HealthCheckEnabled"] is True
    assert app["Matcher"] == {"HttpCode": "200-299"} and app["ProtocolVersion"] == "HTTP1"
    assert app["LoadBalancerArns"] == [balancer["LoadBalancerArn"]]
    assert parse("CreateTargetGroup")["TargetGroups"][0]["LoadBalancerArns"] == []

    (listener,) = parse("DescribeListeners")["Listeners"]
    assert listener["Port"] == 80 and "SslPolicy" not in listener
    (action,) = listener["DefaultActions"]
    assert action["TargetGroupArn"] == app["TargetGroupArn"]
    assert action["ForwardConfig"]["TargetGroups"] == [{"TargetGroupArn": app["TargetGroupArn"], "Weight": 1}]

    redirect, forward, default = parse("DescribeRules")["Rules"]
    assert [r["Priority"] for r in (redirect, forward, default)] == ["10", "20", "default"]
    assert [r["IsDefault"] for r in (redirect, forward, default)] == [False, False, True]
    config = redirect["Actions"][0]["RedirectConfig"]
    assert config == {"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}",
                      "Query": "#{query}", "StatusCode": "HTTP_301"}
    conditions = {c["Field"]: c for c in redirect["Conditions"] + forward["Conditions"]}
    assert conditions["http-header"]["HttpHeaderConfig"] == {"HttpHeaderName": "X-Kind", "Values": ["old*"]}
    assert conditions["source-ip"]["SourceIpConfig"]["Values"] == ["10.0.0.0/8"]
    assert conditions["path-pattern"]["Values"] == ["/img/*"]
    assert conditions["path-pattern"]["PathPatternConfig"]["Values"] == ["/img/*"]
    assert conditions["host-header"]["Values"] == ["*.example.com"]
    assert conditions["query-string"]["QueryStringConfig"]["Values"] == [{"Key": "v", "Value": "1"}]
    weights = [g["Weight"] for g in forward["Actions"][0]["ForwardConfig"]["TargetGroups"]]
    assert weights == [80, 20] and "TargetGroupArn" not in forward["Actions"][0]
    sticky = forward["Actions"][0]["ForwardConfig"]["TargetGroupStickinessConfig"]
    assert sticky == {"Enabled": False, "DurationSeconds": 600}
    assert default["Conditions"] == []
    assert default["Actions"][0]["FixedResponseConfig"] == {
        "MessageBody": "<b>no</b>", "StatusCode": "404", "ContentType": "text/html"}

    known, unknown = parse("DescribeTargetHealth")["TargetHealthDescriptions"]
    assert known["Target"] == {"Id": "mi-1", "Port": 32768} and known["HealthCheckPort"] == "32768"
    assert known["TargetHealth"]["State"] == "initial"
    assert known["TargetHealth"]["Reason"] == "Elb.RegistrationInProgress"
    assert unknown["TargetHealth"]["State"] == "unused"
    assert unknown["TargetHealth"]["Reason"] == "Target.NotRegistered"

    attributes = {a["Key"]: a["Value"] for a in parse("DescribeLoadBalancerAttributes")["Attributes"]}
    assert attributes["idle_timeout.timeout_seconds"] == "60" and attributes["access_logs.s3.bucket"] == ""
    attributes = {a["Key"]: a["Value"] for a in parse("DescribeTargetGroupAttributes")["Attributes"]}
    assert attributes["deregistration_delay.timeout_seconds"] == "300"

    tagged, untagged = parse("DescribeTags")["TagDescriptions"]
    assert tagged["Tags"] == [{"Key": "team", "Value": "a + b"}] and untagged["Tags"] == []
    limits = parse("DescribeAccountLimits")
    assert len(limits["Limits"]) == 2 and limits["NextMarker"]
    print("all answers parsed")


main()
