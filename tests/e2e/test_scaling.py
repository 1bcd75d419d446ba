"""Auto scaling of services and CloudWatch, with the clients that people have. No container runs here, so no engine is needed:
the services have no hosts, and what is looked at is what is asked for."""
import datetime
import json
import time
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.exceptions import ClientError

from conftest import PROVIDER, REGION, Terraform, wait_until

NAME = "scaled"
TARGET = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}


@pytest.fixture(scope="session", autouse=True)
def image():
    """None is needed, in place of conftest's."""


def refused(call, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def service(control):
    """Of one task that nobody runs."""
    arn = control.ecs.register_task_definition(family=NAME, containerDefinitions=[
        {"name": "web", "image": "none", "memory": 16, "cpu": 16}])["taskDefinition"]["taskDefinitionArn"]
    control.ecs.create_service(cluster=control.cluster, serviceName=NAME, taskDefinition=arn, desiredCount=1)
    yield {**TARGET, "ResourceId": f"service/{control.cluster}/{NAME}"}
    if control.describe(NAME)["status"] == "ACTIVE":
        control.ecs.delete_service(cluster=control.cluster, service=NAME, force=True)
    wait_until("the service is gone", lambda: control.describe(NAME)["status"] == "INACTIVE")


def desired(control):
    return control.describe(NAME)["desiredCount"]


AUTOSCALING = PROVIDER + """
variable "max" { default = 4 }
variable "cpu" { default = 60 }
variable "team" { default = "web" }
resource "aws_ecs_cluster" "this" { name = "tf-scaling" }
resource "aws_ecs_task_definition" "web" {
  family                = "tf-scaling"
  container_definitions = jsonencode([{ name = "web", image = "none", memory = 32, cpu = 32, essential = true }])
}
resource "aws_ecs_service" "web" {
  name            = "web"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.web.arn
  desired_count   = 2
  lifecycle { ignore_changes = [desired_count] }
}
resource "aws_lb" "web" {
  name               = "tf-scaling"
  load_balancer_type = "application"
  subnets            = ["subnet-a", "subnet-b"]
}
resource "aws_lb_target_group" "web" {
  name     = "tf-scaling"
  port     = 80
  protocol = "HTTP"
  vpc_id   = "vpc-a"
}
resource "aws_appautoscaling_target" "web" {
  min_capacity       = 2
  max_capacity       = var.max
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.web.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  service_namespace  = "ecs"
  tags               = { team = var.team }
}
resource "aws_appautoscaling_policy" "cpu" {
  name               = "cpu"
  policy_type        = "TargetTrackingScaling"
  resource_id        = aws_appautoscaling_target.web.resource_id
  scalable_dimension = aws_appautoscaling_target.web.scalable_dimension
  service_namespace  = aws_appautoscaling_target.web.service_namespace
  target_tracking_scaling_policy_configuration {
    target_value       = var.cpu
    scale_in_cooldown  = 300
    scale_out_cooldown = 60
    predefined_metric_specification { predefined_metric_type = "ECSServiceAverageCPUUtilization" }
  }
}
resource "aws_appautoscaling_policy" "memory" {
  name               = "memory"
  policy_type        = "TargetTrackingScaling"
  resource_id        = aws_appautoscaling_target.web.resource_id
  scalable_dimension = aws_appautoscaling_target.web.scalable_dimension
  service_namespace  = aws_appautoscaling_target.web.service_namespace
  target_tracking_scaling_policy_configuration {
    target_value     = 75
    disable_scale_in = true
    predefined_metric_specification { predefined_metric_type = "ECSServiceAverageMemoryUtilization" }
  }
}
resource "aws_appautoscaling_policy" "requests" {
  name               = "requests"
  policy_type        = "TargetTrackingScaling"
  resource_id        = aws_appautoscaling_target.web.resource_id
  scalable_dimension = aws_appautoscaling_target.web.scalable_dimension
  service_namespace  = aws_appautoscaling_target.web.service_namespace
  target_tracking_scaling_policy_configuration {
    target_value = 600
    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = "${aws_lb.web.arn_suffix}/${aws_lb_target_group.web.arn_suffix}"
    }
  }
}
resource "aws_appautoscaling_policy" "steps" {
  name               = "steps"
  policy_type        = "StepScaling"
  resource_id        = aws_appautoscaling_target.web.resource_id
  scalable_dimension = aws_appautoscaling_target.web.scalable_dimension
  service_namespace  = aws_appautoscaling_target.web.service_namespace
  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = 60
    metric_aggregation_type = "Maximum"
    step_adjustment {
      metric_interval_lower_bound = 0
      metric_interval_upper_bound = 10
      scaling_adjustment          = 1
    }
    step_adjustment {
      metric_interval_lower_bound = 10
      scaling_adjustment          = 2
    }
  }
}
resource "aws_cloudwatch_metric_alarm" "queue" {
  alarm_name          = "tf-queue"
  alarm_description   = "of the queue"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  evaluation_periods  = 2
  datapoints_to_alarm = 1
  metric_name         = "Depth"
  namespace           = "Own"
  period              = 60
  statistic           = "Maximum"
  threshold           = var.cpu
  treat_missing_data  = "notBreaching"
  dimensions          = { Queue = "jobs" }
  alarm_actions       = [aws_appautoscaling_policy.steps.arn]
  tags                = { team = var.team }
}
resource "aws_appautoscaling_scheduled_action" "night" {
  name               = "night"
  service_namespace  = aws_appautoscaling_target.web.service_namespace
  resource_id        = aws_appautoscaling_target.web.resource_id
  scalable_dimension = aws_appautoscaling_target.web.scalable_dimension
  schedule           = "cron(0 22 ? * MON-FRI *)"
  timezone           = "Europe/Berlin"
  scalable_target_action {
    min_capacity = 1
    max_capacity = var.max
  }
}
output "alarms" { value = join(",", aws_appautoscaling_policy.cpu.alarm_arns) }
"""


def test_an_autoscaling_stack_applies_plans_empty_updates_and_goes(control, tmp_path):
    terraform = Terraform(control, tmp_path, AUTOSCALING)
    terraform.apply()
    terraform.plan()
    assert terraform.output("alarms").count(":alarm:TargetTracking-service/tf-scaling/web-Alarm") == 2
    changed = {"max": 6, "cpu": 70, "team": "ops"}
    terraform.apply(**changed)
    terraform.plan(**changed)
    control.kill("agent")
    control.start_agent("--advertise", control.api)
    terraform.plan(**changed)
    scaling = control.client("application-autoscaling")
    target, = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=["service/tf-scaling/web"])["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 6)
    terraform.destroy(**changed)
    assert scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    assert control.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_a_service_is_moved_inside_of_its_bounds_and_says_why(control, service):
    scaling = control.client("application-autoscaling")
    scaling.register_scalable_target(**service, MinCapacity=3, MaxCapacity=5)
    assert desired(control) == 3
    scaling.register_scalable_target(**service, MinCapacity=0, MaxCapacity=2)
    assert desired(control) == 2
    found = scaling.describe_scaling_activities(**service)["ScalingActivities"]
    assert [each["Cause"] for each in found] == ["maximum capacity was set to 2", "minimum capacity was set to 3"]
    assert found[0]["Description"] == "Setting desired count to 2."
    target, = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[service["ResourceId"]])["ScalableTargets"]
    assert target["RoleARN"].endswith("/AWSServiceRoleForApplicationAutoScaling_ECSService")
    assert refused(scaling.register_scalable_target, **{**service, "ResourceId": f"service/{control.cluster}/none"},
                   MinCapacity=0, MaxCapacity=1) == ("ValidationException", 400)
    assert refused(scaling.register_scalable_target, ServiceNamespace="dynamodb", ResourceId="table/x", MinCapacity=0,
                   ScalableDimension="dynamodb:table:ReadCapacityUnits", MaxCapacity=1) == ("ValidationException", 400)
    scaling.deregister_scalable_target(**service)
    assert refused(scaling.deregister_scalable_target, **service) == ("ObjectNotFoundException", 400)


def test_an_alarm_on_figures_of_ones_own_runs_a_step_policy(control, service):
    scaling, watch = control.client("application-autoscaling"), control.client("cloudwatch")
    scaling.register_scalable_target(**service, MinCapacity=1, MaxCapacity=10)
    policy = scaling.put_scaling_policy(
        **service, PolicyName="by queue", PolicyType="StepScaling", StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity", "Cooldown": 300, "StepAdjustments": [
                {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 50, "ScalingAdjustment": 1},
                {"MetricIntervalLowerBound": 50, "ScalingAdjustment": 4}]})["PolicyARN"]
    watch.put_metric_alarm(AlarmName="queue", Namespace="Own", MetricName="Depth", Statistic="Average", Period=10,
                           EvaluationPeriods=1, Threshold=100, ComparisonOperator="GreaterThanThreshold", AlarmActions=[policy],
                           Dimensions=[{"Name": "Queue", "Value": "jobs"}])
    assert [each["AlarmName"] for each in scaling.describe_scaling_policies(**service)["ScalingPolicies"][0]["Alarms"]] == ["queue"]

    def put_and_look():
        watch.put_metric_data(Namespace="Own", MetricData=[
            {"MetricName": "Depth", "Dimensions": [{"Name": "Queue", "Value": "jobs"}], "Value": 170}])
        return watch.describe_alarms(AlarmNames=["queue"])["MetricAlarms"][0]["StateValue"] == "ALARM"
    wait_until("the alarm", put_and_look, 60, 0.5)
    wait_until("four tasks more", lambda: desired(control) == 5)
    activity = scaling.describe_scaling_activities(**service)["ScalingActivities"][0]
    assert activity["Cause"] == "monitor alarm queue in state ALARM triggered policy by queue"
    alarm, = watch.describe_alarms(AlarmNames=["queue"])["MetricAlarms"]
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [170.0 (")
    history = watch.describe_alarm_history(AlarmName="queue", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert history[0]["HistorySummary"].endswith("to ALARM")
    watch.delete_alarms(AlarmNames=["queue"])


def test_set_alarm_state_runs_the_policy_and_unknown_alarms_do_not_keep_others(control, service):
    scaling, watch = control.client("application-autoscaling"), control.client("cloudwatch")
    scaling.register_scalable_target(**service, MinCapacity=1, MaxCapacity=10)
    policy = scaling.put_scaling_policy(
        **service, PolicyName="half", StepScalingPolicyConfiguration={
            "AdjustmentType": "ExactCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 7}]})
    alarm = {"Namespace": "Own", "MetricName": "Nothing", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1,
             "ComparisonOperator": "GreaterThanThreshold"}
    watch.put_metric_alarm(AlarmName="by-hand", AlarmActions=[policy["PolicyARN"]], **alarm)
    watch.put_metric_alarm(AlarmName="off", ActionsEnabled=False, AlarmActions=[policy["PolicyARN"]], **alarm)
    watch.set_alarm_state(AlarmName="off", StateValue="ALARM", StateReason="test")
    assert desired(control) == 1
    watch.set_alarm_state(AlarmName="by-hand", StateValue="ALARM", StateReason="test")
    assert desired(control) == 7
    assert refused(watch.set_alarm_state, AlarmName="none", StateValue="OK", StateReason="x") == ("ResourceNotFound", 404)
    assert refused(watch.delete_alarms, AlarmNames=["by-hand", "none", "off"]) == ("ResourceNotFound", 404)
    assert watch.describe_alarms(AlarmNames=["by-hand", "off"])["MetricAlarms"] == []
    assert refused(watch.put_metric_alarm, AlarmName="p", **{**alarm, "Period": 7}) == ("InvalidParameterValue", 400)
    assert refused(watch.put_dashboard, DashboardName="d", DashboardBody="{}") == ("InvalidParameterValue", 400)


def test_a_scheduled_action_rewrites_the_bounds_at_its_time(control, service):
    scaling = control.client("application-autoscaling")
    scaling.register_scalable_target(**service, MinCapacity=1, MaxCapacity=4)
    soon = (datetime.datetime.utcnow() + datetime.timedelta(seconds=3)).strftime("%Y-%m-%dT%H:%M:%S")
    scaling.put_scheduled_action(**service, ScheduledActionName="soon", Schedule=f"at({soon})",
                                 ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 9})
    assert scaling.describe_scheduled_actions(**service)["ScheduledActions"][0]["Schedule"] == f"at({soon})"
    wait_until("three tasks", lambda: desired(control) == 3)
    target, = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[service["ResourceId"]])["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 9)
    wait_until("it is gone", lambda: scaling.describe_scheduled_actions(**service)["ScheduledActions"] == [])
    assert scaling.describe_scaling_activities(**service)["ScalingActivities"][0]["Cause"] == (
        "minimum capacity was set to 3 by scheduled action soon")
    assert refused(scaling.put_scheduled_action, **service, ScheduledActionName="bad", Schedule="cron(0 22 * * * *)",
                   ScalableTargetAction={"MinCapacity": 1}) == ("ValidationException", 400)


def test_a_deleted_service_takes_its_policies_and_alarms_with_it(control, service):
    scaling, watch = control.client("application-autoscaling"), control.client("cloudwatch")
    scaling.register_scalable_target(**service, MinCapacity=1, MaxCapacity=4)
    made = scaling.put_scaling_policy(
        **service, PolicyName="cpu", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 50, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}})
    names = [each["AlarmName"] for each in made["Alarms"]]
    assert [name.rsplit("-Alarm", 1)[1][:3] for name in names] == ["Hig", "Low"]
    high, low = watch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert (high["EvaluationPeriods"], high["Threshold"], low["EvaluationPeriods"], low["Threshold"]) == (3, 50.0, 15, 45.0)
    assert high["AlarmActions"] == [made["PolicyARN"]]
    control.ecs.delete_service(cluster=control.cluster, service=NAME, force=True)
    wait_until("they are gone", lambda: not watch.describe_alarms(AlarmNames=names)["MetricAlarms"])
    assert scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []


def test_figures_are_put_and_read_with_boto3_and_the_cli(control):
    watch = control.client("cloudwatch")
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    minute = datetime.timedelta(minutes=1)
    dimensions = [{"Name": "Path", "Value": "/"}]
    watch.put_metric_data(Namespace="Read", MetricData=[
        {"MetricName": "Time", "Dimensions": dimensions, "Unit": "Seconds", "Timestamp": now - 2 * minute, "Values": [1, 3], "Counts": [3, 1]},
        {"MetricName": "Time", "Dimensions": dimensions, "Unit": "Seconds", "Timestamp": now - minute, "Value": 5},
        {"MetricName": "Time", "Dimensions": dimensions, "Unit": "Seconds", "Timestamp": now - minute,
         "StatisticValues": {"SampleCount": 2, "Sum": 4, "Minimum": 1, "Maximum": 3}}])
    points = watch.get_metric_statistics(
        Namespace="Read", MetricName="Time", Dimensions=dimensions, StartTime=now - 5 * minute, EndTime=now + minute, Period=60,
        Statistics=["Average", "Sum", "SampleCount", "Maximum", "Minimum"])["Datapoints"]
    assert [(each["Timestamp"], each["Sum"], each["SampleCount"], each["Minimum"], each["Maximum"], each["Unit"]) for each in points] == [
        (now - 2 * minute, 6.0, 4.0, 1.0, 3.0, "Seconds"), (now - minute, 9.0, 3.0, 1.0, 5.0, "Seconds")]
    result, = watch.get_metric_data(StartTime=now - 5 * minute, EndTime=now + minute, MetricDataQueries=[
        {"Id": "m1", "MetricStat": {"Metric": {"Namespace": "Read", "MetricName": "Time", "Dimensions": dimensions}, "Period": 60,
                                    "Stat": "Sum"}}])["MetricDataResults"]
    assert (result["Values"], result["Timestamps"], result["StatusCode"]) == ([9.0, 6.0], [now - minute, now - 2 * minute], "Complete")
    assert watch.list_metrics(Namespace="Read", Dimensions=[{"Name": "Path"}])["Metrics"] == [
        {"Namespace": "Read", "MetricName": "Time", "Dimensions": dimensions}]
    control.cli("cloudwatch", "put-metric-data", "--namespace", "Read", "--metric-name", "Depth", "--value", "4")
    found = control.cli("cloudwatch", "list-metrics", "--namespace", "Read", "--metric-name", "Depth")
    assert found["Metrics"][0]["MetricName"] == "Depth"
    assert refused(watch.put_metric_data, Namespace="AWS/ECS", MetricData=[{"MetricName": "x", "Value": 1}]) == (
        "InvalidParameterValue", 400)
    assert refused(watch.get_metric_statistics, Namespace="Read", MetricName="Time", StartTime=now - minute, EndTime=now,
                   Period=60, ExtendedStatistics=["p90"])[0] == "InvalidParameterValue"


def send(control, path, body, **headers):
    """A signed call: (status, headers, body)."""
    request = botocore.awsrequest.AWSRequest("POST", control.api + path, data=body, headers={
        name.replace("_", "-"): value for name, value in headers.items()})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(control.key, control.secret), "monitoring", REGION).add_auth(request)
    wire = urllib.request.Request(request.url, data=request.body, headers=dict(request.headers.items()))
    try:
        with urllib.request.urlopen(wire, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_clients_of_2026_speak_json_and_cbor(control):
    alarm = {"AlarmName": "json", "Namespace": "Own", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
             "Threshold": 1.5, "ComparisonOperator": "GreaterThanThreshold"}

    def as_json(operation, **members):
        return send(control, "/", json.dumps(members).encode(), X_Amz_Target="GraniteServiceVersion20100801." + operation,
                    Content_Type="application/x-amz-json-1.0", x_amzn_query_mode="true")
    status, headers, body = as_json("PutMetricAlarm", **alarm)
    assert (status, headers["Content-Type"]) == (200, "application/x-amz-json-1.0"), body
    status, headers, body = as_json("DescribeAlarms", AlarmNames=["json"])
    found, = json.loads(body)["MetricAlarms"]
    assert found["Threshold"] == 1.5 and abs(found["StateUpdatedTimestamp"] - time.time()) < 60
    status, headers, body = as_json("DeleteAlarms", AlarmNames=["none"])
    assert (status, headers["x-amzn-query-error"]) == (404, "ResourceNotFound;Sender")
    assert json.loads(body)["__type"] == "com.amazonaws.cloudwatch#ResourceNotFound"

    def as_cbor(operation, body):
        return send(control, f"/service/GraniteServiceVersion20100801/operation/{operation}", body, Content_Type="application/cbor",
                    Accept="application/cbor", smithy_protocol="rpc-v2-cbor")
    names = b"\xbf\x6aAlarmNames\x9f\x64json\xff\xff"  # maps and lists of no told length
    status, headers, body = as_cbor("DescribeAlarms", names)
    assert (status, headers["smithy-protocol"], headers["Content-Type"]) == (200, "rpc-v2-cbor", "application/cbor")
    assert b"\x69AlarmName\x64json" in body and b"\x69Threshold\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00" in body
    assert b"StateUpdatedTimestamp\xc1\xfb" in body  # a time: tag 1, a double
    status, headers, body = as_cbor("DeleteAlarms", b"\xa1\x6aAlarmNames\x81\x64json")
    assert (status, headers["smithy-protocol"], body) == (200, "rpc-v2-cbor", b"")
    status, headers, body = as_cbor("DeleteAlarms", b"\xa1\x6aAlarmNames\x81\x64json")
    assert (status, headers["smithy-protocol"]) == (404, "rpc-v2-cbor") and b"com.amazonaws.cloudwatch#ResourceNotFound" in body
