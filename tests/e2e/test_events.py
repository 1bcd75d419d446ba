"""EventBridge and its Scheduler with the clients that people have: a stack of Terraform's, tasks that run when their time has come or
an event is for them, and the lines of events in a log group."""
import json
import time

import pytest
from botocore.exceptions import ClientError

from conftest import IMAGE, PROVIDER, Terraform, wait_until

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {
    "Service": ["events.amazonaws.com", "scheduler.amazonaws.com"]}}]})
RUNS = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecs:RunTask", "Resource": "*"}]})

STACK = PROVIDER + """
variable "cluster" {}
variable "image" {}
variable "minutes" { default = 60 }
data "aws_ecs_cluster" "here" { cluster_name = var.cluster }
resource "aws_ecs_task_definition" "job" {
  family                = "tf-job"
  container_definitions = jsonencode([
    { name = "main", image = var.image, memory = 32, essential = true, dependsOn = [{ containerName = "side", condition = "START" }] },
    { name = "side", image = var.image, memory = 32, essential = false },
  ])
}
resource "aws_iam_role" "events" {
  name               = "tf-events"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole",
    Principal = { Service = ["events.amazonaws.com", "scheduler.amazonaws.com"] } }] })
}
resource "aws_iam_role_policy" "events" {
  name   = "run"
  role   = aws_iam_role.events.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ecs:RunTask", Resource = "*" }] })
}
resource "aws_cloudwatch_event_rule" "hourly" {
  name                = "tf-hourly"
  description         = "every ${var.minutes} minutes"
  schedule_expression = "rate(${var.minutes} minutes)"
  tags                = { team = "web" }
}
resource "aws_cloudwatch_event_target" "job" {
  rule     = aws_cloudwatch_event_rule.hourly.name
  arn      = data.aws_ecs_cluster.here.arn
  role_arn = aws_iam_role.events.arn
  ecs_target {
    task_definition_arn = aws_ecs_task_definition.job.arn
    task_count          = 1
    launch_type         = "EC2"
    propagate_tags      = "TASK_DEFINITION"
    tags                = { from = "rule" }
  }
  input = jsonencode({ containerOverrides = [{ name = "main", environment = [{ name = "N", value = "1" }] }] })
}
resource "aws_cloudwatch_event_rule" "stopped" {
  name          = "tf-stopped"
  event_pattern = jsonencode({ source = ["aws.ecs"], "detail-type" = ["ECS Task State Change"], detail = { lastStatus = ["STOPPED"] } })
}
resource "aws_cloudwatch_log_group" "events" { name = "/aws/events/tf" }
resource "aws_cloudwatch_event_target" "log" {
  rule = aws_cloudwatch_event_rule.stopped.name
  arn  = aws_cloudwatch_log_group.events.arn
}
resource "aws_scheduler_schedule_group" "jobs" {
  name = "tf-jobs"
  tags = { team = "web" }
}
resource "aws_scheduler_schedule" "nightly" {
  name                         = "tf-nightly"
  group_name                   = aws_scheduler_schedule_group.jobs.name
  schedule_expression          = "cron(0 3 * * ? *)"
  schedule_expression_timezone = "Europe/Berlin"
  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }
  target {
    arn      = data.aws_ecs_cluster.here.arn
    role_arn = aws_iam_role.events.arn
    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.job.arn
      launch_type         = "EC2"
    }
    retry_policy { maximum_retry_attempts = var.minutes == 60 ? 3 : 5 }
  }
  depends_on = [aws_iam_role_policy.events]
}
"""


@pytest.fixture(scope="module")
def host(empty_berth):
    empty_berth.start_agent()
    return empty_berth


def started_by(berth, who):
    arns = berth.ecs.list_tasks(cluster=berth.cluster, startedBy=who)["taskArns"]
    return berth.ecs.describe_tasks(cluster=berth.cluster, tasks=arns)["tasks"] if arns else []


def test_a_stack_of_rules_and_schedules_applies_plans_empty_updates_and_goes(host, tmp_path):
    stack = Terraform(host, tmp_path, STACK)
    variables = {"cluster": host.cluster, "image": IMAGE}
    stack.apply(**variables)
    assert "No changes" in stack.plan(**variables)
    target, = host.client("events").list_targets_by_rule(Rule="tf-hourly")["Targets"]
    assert target["EcsParameters"]["LaunchType"] == "EC2" and json.loads(target["Input"])["containerOverrides"][0]["name"] == "main"
    schedule = host.client("scheduler").get_schedule(Name="tf-nightly", GroupName="tf-jobs")
    assert schedule["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    variables["minutes"] = 120
    stack.apply(**variables)
    assert "No changes" in stack.plan(**variables)
    assert host.cli("events", "describe-rule", "--name", "tf-hourly")["ScheduleExpression"] == "rate(120 minutes)"
    stack.destroy(**variables)
    assert host.client("events").list_rules()["Rules"] == []
    assert host.client("scheduler").list_schedules()["Schedules"] == []


def test_a_schedule_runs_its_task_with_the_rights_of_its_role_and_an_event_tells_of_it(host):
    iam, events, scheduler = host.client("iam"), host.client("events"), host.client("scheduler")
    role = iam.create_role(RoleName="runs", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    cluster = host.ecs.describe_clusters(clusters=[host.cluster])["clusters"][0]["clusterArn"]
    group = "/aws/events/tasks"
    host.client("logs").create_log_group(logGroupName=group)
    events.put_rule(Name="running", EventPattern=json.dumps({"source": ["aws.ecs"], "detail": {"lastStatus": ["RUNNING"]}}))
    events.put_targets(Rule="running", Targets=[{"Id": "log", "Arn": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"}])
    definition = host.register("scheduled", memory=32)
    target = {"Arn": cluster, "RoleArn": role, "EcsParameters": {"TaskDefinitionArn": definition, "LaunchType": "EC2"},
              "Input": json.dumps({"containerOverrides": [{"name": "web", "environment": [{"name": "VERSION", "value": "7"}]}]})}
    off = {"Mode": "OFF"}
    # Without a policy the role may not, and nothing runs; with one it does, at once.
    events.put_rule(Name="failed", EventPattern=json.dumps({"source": ["berth.events"]}))
    events.put_targets(Rule="failed", Targets=[{"Id": "log", "Arn": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"}])
    scheduler.create_schedule(Name="denied", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow=off, Target=target)

    def lines(stream):
        found = host.client("logs").filter_log_events(logGroupName=group, logStreamNamePrefix=stream)["events"]
        return [json.loads(each["message"]) for each in found]
    failed = wait_until("the failure is told", lambda: lines("failed"))
    assert "not authorized to perform: ecs:RunTask" in failed[0]["detail"]["ERROR_MESSAGE"]
    assert not started_by(host, "chronos-schedule/denied")
    iam.put_role_policy(RoleName="runs", PolicyName="run", PolicyDocument=RUNS)
    scheduler.create_schedule(Name="allowed", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow=off, Target=target)
    task, = wait_until("it runs", lambda: started_by(host, "chronos-schedule/allowed"))
    assert task["overrides"]["containerOverrides"][0]["environment"] == [{"name": "VERSION", "value": "7"}]
    told = wait_until("its event is logged", lambda: lines("running"))
    assert told[0]["detail-type"] == "ECS Task State Change" and told[0]["resources"] == [task["taskArn"]]
    host.kill("agent")
    host.start_agent()
    assert len(started_by(host, "chronos-schedule/allowed")) == 1  # not again
    # An event of one's own.
    host.client("events").put_rule(Name="orders", EventPattern=json.dumps({"source": ["shop"], "detail": {"n": [{"numeric": [">", 1]}]}}))
    host.client("events").put_targets(Rule="orders", Targets=[{
        "Id": "job", "Arn": cluster, "RoleArn": role, "EcsParameters": {"TaskDefinitionArn": definition},
        "InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate":
                             '{"containerOverrides": [{"name": "web", "environment": [{"name": "N", "value": "<n>"}]}]}'}}])
    sent = host.client("events").put_events(Entries=[
        {"Source": "shop", "DetailType": "order", "Detail": json.dumps({"n": n})} for n in (1, 2)] + [{"Source": "shop", "Detail": "{"}])
    assert sent["FailedEntryCount"] == 1 and len(sent["Entries"]) == 3
    task, = wait_until("it runs for one of them", lambda: started_by(host, "events-rule/orders"))
    assert task["overrides"]["containerOverrides"][0]["environment"] == [{"name": "N", "value": "2"}]
    with pytest.raises(ClientError) as caught:
        host.client("scheduler").get_schedule(Name="none")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    for name in ("denied", "allowed"):
        host.client("scheduler").delete_schedule(Name=name)
    for task in host.ecs.list_tasks(cluster=host.cluster)["taskArns"]:
        host.ecs.stop_task(cluster=host.cluster, task=task)
