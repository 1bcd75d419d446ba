"""A service that follows the load through the balancer, on real containers: out within seconds, and in again without a lost request."""
import datetime
import time

import pytest

from conftest import Load, get, wait_until

NAME = "elastic"
TARGET = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
PER_MINUTE = 300  # requests a task; the load below is many times that


@pytest.fixture(scope="module")
def web(empty_berth):
    empty_berth.start_agent("--scale-in-after", "30s")
    empty_berth.start_balancer()
    berth = empty_berth
    berth.balancer_arn, berth.group, _, berth.port = berth.load_balancer("elastic")
    berth.service(NAME, berth.group, berth.register(NAME), count=1)
    berth.wait_stable(NAME)
    berth.target = {**TARGET, "ResourceId": f"service/{berth.cluster}/{NAME}"}
    scaling = berth.client("application-autoscaling")
    scaling.register_scalable_target(**berth.target, MinCapacity=1, MaxCapacity=3)
    label = berth.balancer_arn.split(":loadbalancer/")[1] + "/" + berth.group.split(":")[-1]
    scaling.put_scaling_policy(
        **berth.target, PolicyName="requests", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration={
            "TargetValue": PER_MINUTE, "ScaleInCooldown": 0, "ScaleOutCooldown": 0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}})
    return berth


def figures(berth, namespace, metric, statistic, dimensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    return [each[statistic] for each in berth.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=metric, StartTime=now - datetime.timedelta(minutes=10), EndTime=now, Period=60,
        Statistics=[statistic], Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()])["Datapoints"]]


def test_a_load_step_grows_the_service_and_its_end_shrinks_it_without_a_lost_request(web):
    with Load(web.port, connections=4, pause_us=20_000) as load:
        begun = time.monotonic()
        wait_until("three tasks are asked for", lambda: web.describe(NAME)["desiredCount"] == 3, 30)
        took = time.monotonic() - begun
        web.wait_stable(NAME)
    assert load.report["failed"] == 0 and len(load.report["tasks"]) == 3, load.report
    assert took < 15, took  # 5 s and what a busy machine adds
    activities = web.client("application-autoscaling").describe_scaling_activities(**web.target)["ScalingActivities"]
    assert activities[-1]["Cause"].startswith(f"monitor alarm TargetTracking-service/{web.cluster}/{NAME}-AlarmHigh-")
    with Load(web.port, connections=1, pause_us=1_000_000) as little:
        wait_until("one task is left", lambda: web.describe(NAME)["desiredCount"] == 1, 120)
        web.wait_stable(NAME)
    assert little.report["failed"] == 0, little.report
    wait_until("the activity is over", lambda: web.client("application-autoscaling").describe_scaling_activities(
        **web.target)["ScalingActivities"][0]["StatusCode"] == "Successful")


def test_what_tasks_use_and_balancers_count_is_shown(web):
    service = {"ClusterName": web.cluster, "ServiceName": NAME}
    wait_until("memory", lambda: figures(web, "AWS/ECS", "MemoryUtilization", "Average", service))
    assert 0 < figures(web, "AWS/ECS", "MemoryUtilization", "Average", service)[-1] < 100
    wait_until("processor time", lambda: figures(web, "AWS/ECS", "CPUUtilization", "Maximum", service))
    balancer = {"LoadBalancer": web.balancer_arn.split(":loadbalancer/")[1]}
    assert sum(figures(web, "AWS/ApplicationELB", "RequestCount", "Sum", balancer)) > 100
    assert sum(figures(web, "AWS/ApplicationELB", "HTTPCode_Target_2XX_Count", "Sum", balancer)) > 100
    assert 0 < figures(web, "AWS/ApplicationELB", "TargetResponseTime", "Average", balancer)[0] < 1
    group = {**balancer, "TargetGroup": web.group.split(":")[-1]}
    assert max(figures(web, "AWS/ApplicationELB", "HealthyHostCount", "Maximum", group)) == 3
    names = {each["MetricName"] for each in web.client("cloudwatch").list_metrics(Namespace="AWS/ApplicationELB")["Metrics"]}
    assert {"RequestCountPerTarget", "UnHealthyHostCount", "ProcessedBytes", "NewConnectionCount"} <= names


def test_a_service_without_tasks_is_woken_by_a_request_that_is_held_meanwhile(web):
    web.elb_query("ModifyTargetGroupAttributes", TargetGroupArn=web.group, Attributes__member__1__Key="berth.hold_requests.seconds",
                  Attributes__member__1__Value="60")
    web.client("application-autoscaling").register_scalable_target(**web.target, MinCapacity=0, MaxCapacity=3)
    web.ecs.update_service(cluster=web.cluster, service=NAME, desiredCount=0)
    wait_until("nothing runs", lambda: not web.running_tasks(NAME) and not web.target_states(web.group))
    begun = time.monotonic()
    status, _ = get(f"http://127.0.0.1:{web.port}/", timeout=60)[:2]
    assert status == 200
    assert time.monotonic() - begun < 30
    assert web.describe(NAME)["desiredCount"] == 1
    causes = [each["Cause"] for each in web.client("application-autoscaling").describe_scaling_activities(**web.target)["ScalingActivities"]]
    assert causes[0].endswith("are held by a balancer until there is a target"), causes
