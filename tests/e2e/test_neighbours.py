"""The services that a stack touches around ECS and ELBv2, with the clients that people have. No container runs here, so no engine is
needed: one control for the module."""
import json
import subprocess
import time

import pytest
from botocore.exceptions import ClientError

from conftest import AWS, Terraform

PROVIDER = """
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
provider "aws" { region = "us-east-1" }
"""


@pytest.fixture(scope="session", autouse=True)
def image():
    """None is needed, in place of conftest's."""


def restart(berth):
    berth.kill("agent")
    berth.start_agent()


def refused(call, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


# ---- IAM ----

ROLES = PROVIDER + """
variable "session" { default = 3600 }
variable "action" { default = "s3:GetObject" }
data "aws_caller_identity" "me" {}
data "aws_partition" "here" {}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.me.account_id]
    }
  }
}
resource "aws_iam_role" "execution" {
  name_prefix          = "execution-"
  path                 = "/service/"
  description          = "pulls & writes"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = var.session
  permissions_boundary = aws_iam_policy.own.arn
  tags                 = { team = "web" }
}
resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}
resource "aws_iam_policy" "own" {
  name        = "own"
  description = "of the stack"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = [var.action], Resource = "arn:aws:s3:::a+b/*" }] })
}
resource "aws_iam_role_policy_attachment" "own" {
  role       = aws_iam_role.execution.name
  policy_arn = aws_iam_policy.own.arn
}
resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Action = var.action, Resource = "*" } })
}
resource "aws_iam_role" "host" {
  name               = "host"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
  managed_policy_arns = ["arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"]
}
resource "aws_iam_instance_profile" "host" {
  name = "host"
  role = aws_iam_role.host.name
}
resource "aws_iam_user" "ann" {
  name          = "ann"
  force_destroy = true
}
resource "aws_iam_group" "ops" { name = "ops" }
resource "aws_iam_group_membership" "ops" {
  name  = "ops"
  group = aws_iam_group.ops.name
  users = [aws_iam_user.ann.name]
}
resource "aws_iam_user_policy_attachment" "ann" {
  user       = aws_iam_user.ann.name
  policy_arn = data.aws_iam_policy.by_name.arn
}
resource "aws_iam_service_linked_role" "ecs" { aws_service_name = "ecs.amazonaws.com" }
data "aws_iam_policy" "by_name" { name = "AmazonECS_FullAccess" }
data "aws_iam_policy" "by_arn" { arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly" }
data "aws_iam_role" "read" {
  name       = "host"
  depends_on = [aws_iam_role.host]
}
output "execution" { value = aws_iam_role.execution.name }
"""


def test_a_stack_of_roles_applies_plans_empty_updates_and_goes(control, tmp_path):
    terraform = Terraform(control, tmp_path, ROLES)
    terraform.apply()
    terraform.plan()
    name = terraform.output("execution")
    role = control.client("iam").get_role(RoleName=name)["Role"]
    assert role["Path"] == "/service/" and role["Tags"] == [{"Key": "team", "Value": "web"}]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    terraform.apply(session=7200, action="s3:PutObject")
    terraform.plan(session=7200, action="s3:PutObject")
    assert control.client("iam").get_role(RoleName=name)["Role"]["MaxSessionDuration"] == 7200
    policy = control.client("iam").get_role_policy(RoleName=name, PolicyName="inline")["PolicyDocument"]
    assert policy["Statement"]["Action"] == "s3:PutObject"
    restart(control)
    terraform.plan(session=7200, action="s3:PutObject")
    terraform.destroy(session=7200, action="s3:PutObject")
    iam = control.client("iam")
    assert iam.list_roles()["Roles"] == [] and iam.list_policies(Scope="Local")["Policies"] == []
    assert iam.list_users()["Users"] == [] and iam.list_instance_profiles()["InstanceProfiles"] == []


def test_the_cli_and_its_waiters_know_roles(control):
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    control.cli("iam", "create-role", "--role-name", "cli", "--assume-role-policy-document", trust)
    control.cli("iam", "wait", "role-exists", "--role-name", "cli")
    control.cli("iam", "attach-role-policy", "--role-name", "cli", "--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess")
    attached = control.cli("iam", "list-attached-role-policies", "--role-name", "cli")["AttachedPolicies"]
    assert attached == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]
    iam = control.client("iam")
    assert refused(iam.delete_role, RoleName="cli") == ("DeleteConflict", 409)
    assert refused(iam.create_role, RoleName="CLI", AssumeRolePolicyDocument=trust) == ("EntityAlreadyExists", 409)
    assert refused(iam.get_role, RoleName="nobody") == ("NoSuchEntity", 404)
    assert refused(iam.create_role, RoleName="bad", AssumeRolePolicyDocument="{}") == ("MalformedPolicyDocument", 400)
    control.cli("iam", "detach-role-policy", "--role-name", "cli", "--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess")
    control.cli("iam", "delete-role", "--role-name", "cli")
    names = [p["PolicyName"] for page in iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 7})
             for p in page["Policies"]]
    assert len(names) == len(set(names)) > 40 and "AmazonECSTaskExecutionRolePolicy" in names


# ---- CloudWatch Logs ----

LOG_GROUP = PROVIDER + """
variable "days" { default = 7 }
resource "aws_cloudwatch_log_group" "web" {
  name              = "/ecs/web"
  retention_in_days = var.days
  tags              = { team = "web" }
}
resource "aws_cloudwatch_log_stream" "one" {
  name           = "one"
  log_group_name = aws_cloudwatch_log_group.web.name
}
data "aws_cloudwatch_log_group" "read" {
  name       = "/ecs/web"
  depends_on = [aws_cloudwatch_log_group.web]
}
output "arn" { value = data.aws_cloudwatch_log_group.read.arn }
"""


def test_a_log_group_applies_plans_empty_updates_and_goes(control, tmp_path):
    terraform = Terraform(control, tmp_path, LOG_GROUP)
    terraform.apply()
    terraform.plan()
    assert terraform.output("arn").endswith(":log-group:/ecs/web")
    terraform.apply(days=0)  # for ever
    terraform.plan(days=0)
    assert "retentionInDays" not in control.client("logs").describe_log_groups(logGroupNamePrefix="/ecs/web")["logGroups"][0]
    restart(control)
    terraform.plan(days=0)
    terraform.destroy()
    assert control.client("logs").describe_log_groups()["logGroups"] == []


def test_lines_are_put_read_and_filtered_with_boto3(control):
    logs = control.client("logs")
    logs.create_log_group(logGroupName="lines")
    logs.create_log_stream(logGroupName="lines", logStreamName="a/b c")
    now = int(time.time() * 1000)
    first = [{"timestamp": now + i, "message": f"line {i} {'ERROR' if i % 10 == 0 else 'ok'}\n"} for i in range(100)]
    token = logs.put_log_events(logGroupName="lines", logStreamName="a/b c", logEvents=first)["nextSequenceToken"]
    # As large as a batch may be, and twice that as JSON.
    large = [{"timestamp": now + 100, "message": '"' * (1_048_576 - 26)}]
    logs.put_log_events(logGroupName="lines", logStreamName="a/b c", logEvents=large, sequenceToken=token)
    found = [e for page in logs.get_paginator("filter_log_events").paginate(
        logGroupName="lines", filterPattern="ERROR", PaginationConfig={"PageSize": 3}) for e in page["events"]]
    assert [e["message"] for e in found] == [f"line {i} ERROR\n" for i in range(0, 100, 10)]
    assert len({e["eventId"] for e in found}) == 10 and all(e["logStreamName"] == "a/b c" for e in found)
    page = logs.get_log_events(logGroupName="lines", logStreamName="a/b c", startFromHead=True, limit=60)
    rest = logs.get_log_events(logGroupName="lines", logStreamName="a/b c", startFromHead=True, nextToken=page["nextForwardToken"])
    assert [e["message"] for e in page["events"] + rest["events"]][:100] == [e["message"] for e in first]
    control.kill("agent")
    control.start_agent()
    stream = control.client("logs").describe_log_streams(logGroupName="lines")["logStreams"][0]
    assert stream["lastEventTimestamp"] == now + 100 and stream["firstEventTimestamp"] == now
    assert refused(control.client("logs").put_log_events, logGroupName="lines", logStreamName="none", logEvents=large) == (
        "ResourceNotFoundException", 400)
    control.client("logs").delete_log_group(logGroupName="lines")


def test_the_cli_follows_a_log_group_and_shows_each_line_once(control):
    logs = control.client("logs")
    logs.create_log_group(logGroupName="followed")
    logs.create_log_stream(logGroupName="followed", logStreamName="s")

    def put(*messages):
        now = int(time.time() * 1000)
        logs.put_log_events(logGroupName="followed", logStreamName="s",
                            logEvents=[{"timestamp": now, "message": message} for message in messages])
    put("first", "second")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(control.folder), "AWS_ACCESS_KEY_ID": control.key, "PYTHONUNBUFFERED": "1",
                   "AWS_SECRET_ACCESS_KEY": control.secret, "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": ""}
    tail = subprocess.Popen([AWS, "--endpoint-url", control.api, "logs", "tail", "followed", "--follow", "--format", "short"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    try:
        if "Invalid choice" in (early := tail.stdout.readline()) or "usage:" in early:
            pytest.skip("optional: this aws has no 'logs tail'")
        lines = [early, tail.stdout.readline()]
        put("third")
        lines.append(tail.stdout.readline())
        put("fourth")
        lines.append(tail.stdout.readline())
    finally:
        tail.kill()
        tail.wait()
    assert [line.split()[-1] for line in lines] == ["first", "second", "third", "fourth"]


# ---- EC2: the network as records ----

NETWORK = PROVIDER + """
variable "team" { default = "red" }
variable "port" { default = 80 }
data "aws_availability_zones" "here" {
  state = "available"
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}
locals { zones = slice(data.aws_availability_zones.here.names, 0, 3) }
resource "aws_vpc" "main" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = "main", team = var.team }
}
resource "aws_subnet" "public" {
  count                   = 2
  vpc_id                  = aws_vpc.main.id
  cidr_block              = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  availability_zone       = local.zones[count.index]
  map_public_ip_on_launch = true
  tags                    = { Name = "main-public-${count.index}" }
}
resource "aws_subnet" "private" {
  vpc_id            = aws_vpc.main.id
  cidr_block        = "10.20.128.0/20"
  availability_zone = local.zones[2]
  tags              = { Name = "main-private-0" }
}
resource "aws_internet_gateway" "main" { vpc_id = aws_vpc.main.id }
resource "aws_eip" "nat" { domain = "vpc" }
resource "aws_nat_gateway" "main" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public[0].id
  depends_on    = [aws_internet_gateway.main]
}
resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}
resource "aws_route_table" "private" { vpc_id = aws_vpc.main.id }
resource "aws_route" "out" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.main.id
}
resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}
resource "aws_route_table_association" "private" {
  subnet_id      = aws_subnet.private.id
  route_table_id = aws_route_table.private.id
}
resource "aws_default_security_group" "none" { vpc_id = aws_vpc.main.id }
resource "aws_default_network_acl" "all" {
  default_network_acl_id = aws_vpc.main.default_network_acl_id
  ingress {
    rule_no    = 100
    protocol   = "-1"
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  lifecycle { ignore_changes = [subnet_ids] }
}
resource "aws_security_group" "balancer" {
  name        = "balancer"
  description = "of the balancer"
  vpc_id      = aws_vpc.main.id
  ingress {
    from_port   = var.port
    to_port     = var.port
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0", "10.0.0.0/8"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_security_group" "tasks" {
  name_prefix = "tasks-"
  vpc_id      = aws_vpc.main.id
}
resource "aws_vpc_security_group_ingress_rule" "tasks" {
  security_group_id            = aws_security_group.tasks.id
  referenced_security_group_id = aws_security_group.balancer.id
  from_port                    = var.port
  to_port                      = var.port
  ip_protocol                  = "tcp"
  tags                         = { team = var.team }
}
resource "aws_vpc_security_group_egress_rule" "tasks" {
  security_group_id = aws_security_group.tasks.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}
resource "aws_security_group_rule" "old" {
  type              = "ingress"
  security_group_id = aws_security_group.tasks.id
  from_port         = 443
  to_port           = 443
  protocol          = "tcp"
  self              = true
  description       = "each other"
}
data "aws_ami" "ecs" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-ecs-hvm-*-x86_64"]
  }
}
resource "aws_launch_template" "host" {
  name_prefix            = "host-"
  image_id               = data.aws_ami.ecs.id
  instance_type          = "t3.small"
  user_data              = base64encode("#!/bin/sh\\necho ECS_CLUSTER=${var.team}")
  vpc_security_group_ids = [aws_security_group.tasks.id]
  metadata_options {
    http_tokens   = "required"
    http_endpoint = "enabled"
  }
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size = 50
      volume_type = "gp3"
    }
  }
  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "host" }
  }
  tags = { team = var.team }
}
data "aws_vpc" "default" { default = true }
data "aws_subnets" "private" {
  filter {
    name   = "tag:Name"
    values = ["main-private-*"]
  }
  depends_on = [aws_subnet.private]
}
data "aws_subnet" "default" {
  vpc_id            = data.aws_vpc.default.id
  default_for_az    = true
  availability_zone = local.zones[0]
}
data "aws_security_group" "default" {
  name   = "default"
  vpc_id = data.aws_vpc.default.id
}
output "private" { value = join(",", data.aws_subnets.private.ids) }
output "vpc" { value = aws_vpc.main.id }
output "subnet" { value = aws_subnet.private.id }
"""


def test_a_network_applies_plans_empty_updates_and_goes(control, tmp_path):
    terraform = Terraform(control, tmp_path, NETWORK)
    ec2 = control.client("ec2")
    before = ec2.describe_tags()["Tags"], len(ec2.describe_security_groups()["SecurityGroups"])
    terraform.apply()
    terraform.plan()
    assert terraform.output("private") == terraform.output("subnet")
    vpc = terraform.output("vpc")
    ec2.get_waiter("vpc_available").wait(VpcIds=[vpc])
    assert refused(ec2.delete_vpc, VpcId=vpc) == ("DependencyViolation", 400)
    terraform.apply(team="blue", port=8080)
    terraform.plan(team="blue", port=8080)
    restart(control)
    terraform.plan(team="blue", port=8080)
    terraform.destroy(team="blue", port=8080)
    ec2 = control.client("ec2")
    assert refused(ec2.describe_vpcs, VpcIds=[vpc]) == ("InvalidVpcID.NotFound", 400)
    assert (ec2.describe_tags()["Tags"], len(ec2.describe_security_groups()["SecurityGroups"])) == before
    assert ec2.describe_launch_templates()["LaunchTemplates"] == []


def test_the_cli_and_boto3_know_the_network(control):
    vpcs = control.cli("ec2", "describe-vpcs", "--filters", "Name=isDefault,Values=true")["Vpcs"]
    assert [vpc["CidrBlock"] for vpc in vpcs] == ["172.31.0.0/16"]
    zones = control.cli("ec2", "describe-availability-zones")["AvailabilityZones"]
    assert [(zone["ZoneName"], zone["ZoneId"]) for zone in zones] == [
        ("us-east-1a", "use1-az1"), ("us-east-1b", "use1-az2"), ("us-east-1c", "use1-az3")]
    ec2 = control.client("ec2")
    group = ec2.create_security_group(GroupName="cli", Description="a group")["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "here"}]}
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])["SecurityGroupRules"][0]
    assert made["CidrIpv4"] == "10.0.0.0/8" and made["SecurityGroupRuleId"].startswith("sgr-")
    assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[rule]) == ("InvalidPermission.Duplicate", 400)
    assert refused(ec2.create_security_group, GroupName="cli", Description="again") == ("InvalidGroup.Duplicate", 400)
    assert refused(ec2.describe_vpcs, Filters=[{"Name": "colour", "Values": ["red"]}]) == ("InvalidParameterValue", 400)
    assert refused(ec2.run_instances, MinCount=1, MaxCount=1) == ("UnsupportedOperation", 400)
    pages = ec2.get_paginator("describe_subnets").paginate(PaginationConfig={"PageSize": 5})
    assert len([subnet for page in pages for subnet in page["Subnets"]]) == 3
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])
    control.cli("ec2", "delete-security-group", "--group-id", group)
    assert refused(ec2.describe_security_groups, GroupIds=[group]) == ("InvalidGroup.NotFound", 400)


# ---- Parameters ----

PARAMETERS = PROVIDER + """
variable "value" { default = "first" }
data "aws_ssm_parameter" "image" { name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended" }
resource "aws_ssm_parameter" "host" {
  name        = "/app/host"
  type        = "String"
  value       = var.value
  description = "of the database"
  tags        = { team = "web" }
}
resource "aws_ssm_parameter" "password" {
  name  = "/app/password"
  type  = "SecureString"
  value = "hunter2-${var.value}"
}
data "aws_ssm_parameters_by_path" "app" {
  path            = "/app"
  with_decryption = true
  depends_on      = [aws_ssm_parameter.host, aws_ssm_parameter.password]
}
output "image" { value = nonsensitive(jsondecode(data.aws_ssm_parameter.image.value)["image_id"]) }
output "names" { value = join(",", data.aws_ssm_parameters_by_path.app.names) }
"""


def test_parameters_apply_plan_empty_update_and_go(control, tmp_path):
    terraform = Terraform(control, tmp_path, PARAMETERS)
    terraform.apply()
    terraform.plan()
    assert terraform.output("image").startswith("ami-") and terraform.output("names") == "/app/host,/app/password"
    terraform.apply(value="second")
    terraform.plan(value="second")
    restart(control)
    terraform.plan(value="second")
    found = control.cli("ssm", "get-parameters", "--names", "/app/password", "/app/host:1", "/none", "--with-decryption")
    assert sorted(each["Value"] for each in found["Parameters"]) == ["first", "hunter2-second"]
    assert found["InvalidParameters"] == ["/none"]
    for part in control.folder.glob("agent/control.db*"):
        assert b"hunter2" not in part.read_bytes(), part
    terraform.destroy(value="second")
    assert refused(control.client("ssm").get_parameter, Name="/app/host") == ("ParameterNotFound", 400)


# ---- Keys of users, temporary keys ----

ASSUMED = """
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
variable "role" {}
provider "aws" {
  region = "us-east-1"
  assume_role {
    role_arn     = var.role
    session_name = "stack"
    external_id  = "4711"
  }
}
resource "aws_ecs_cluster" "of_the_role" { name = "of-the-role" }
data "aws_caller_identity" "me" {}
output "me" { value = data.aws_caller_identity.me.arn }
"""


def test_a_role_is_taken_and_gives_its_rights_and_no_more(control, tmp_path):
    iam = control.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole",
         "Condition": {"StringEquals": {"sts:ExternalId": "4711"}}}]})
    arn = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="deploy", PolicyName="ecs", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}]}))
    keys = control.cli("sts", "assume-role", "--role-arn", arn, "--role-session-name", "cli", "--external-id", "4711")["Credentials"]

    def of_the_role(service, token=keys["SessionToken"]):
        return control.client(service, keys["AccessKeyId"], keys["SecretAccessKey"], token)
    assert of_the_role("sts").get_caller_identity()["Arn"] == "arn:aws:sts::000000000000:assumed-role/deploy/cli"
    of_the_role("ecs").list_clusters()
    restart(control)
    of_the_role("ecs").list_clusters()
    for service, call, code in [("iam", lambda c: c.list_roles, "AccessDenied"), ("ec2", lambda c: c.describe_vpcs, "UnauthorizedOperation"),
                                ("logs", lambda c: c.describe_log_groups, "AccessDeniedException"),
                                ("elbv2", lambda c: c.describe_load_balancers, "AccessDenied")]:
        assert refused(call(of_the_role(service)))[0] == code, service
    assert refused(of_the_role("ecs", "another").list_clusters) == ("UnrecognizedClientException", 400)
    assert refused(control.client("sts").assume_role, RoleArn=arn, RoleSessionName="other") == ("AccessDenied", 403)
    terraform = Terraform(control, tmp_path, ASSUMED)
    terraform.apply(role=arn)
    terraform.plan(role=arn)
    assert terraform.output("me").endswith(":assumed-role/deploy/stack")
    terraform.destroy(role=arn)
    iam = control.client("iam")
    iam.delete_role_policy(RoleName="deploy", PolicyName="ecs")
    assert refused(of_the_role("ecs").list_clusters)[0] == "AccessDeniedException"  # at once
    iam.delete_role(RoleName="deploy")
    assert refused(of_the_role("ecs").list_clusters)[0] == "UnrecognizedClientException"


def test_a_user_has_keys_of_its_own(control):
    iam = control.client("iam")
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/CloudWatchLogsFullAccess")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert "SecretAccessKey" not in iam.list_access_keys(UserName="ann")["AccessKeyMetadata"][0]

    def hers(service):
        return control.client(service, key["AccessKeyId"], key["SecretAccessKey"])
    assert hers("sts").get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:user/ann"
    hers("logs").describe_log_groups()
    assert refused(hers("ecs").list_clusters) == ("AccessDeniedException", 400)
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refused(hers("logs").describe_log_groups) == ("UnrecognizedClientException", 400)
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/CloudWatchLogsFullAccess")
    iam.delete_user(UserName="ann")
