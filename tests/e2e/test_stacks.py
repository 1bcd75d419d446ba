"""Terraform stacks as people write them: applied, planned again without a difference, changed and destroyed, with a real host."""
import json

import pytest

from conftest import IMAGE, PROVIDER, Terraform, wait_until

BEGINNING = PROVIDER + """
variable "cluster" {}
variable "image" {}
resource "aws_ecs_task_definition" "web" {
  family                = "tf-web"
  container_definitions = jsonencode([{ name = "web", image = var.image, memory = 32, essential = true }])
}
"""


@pytest.fixture(scope="module")
def host(empty_berth):
    """Of the capacity provider `hosts`."""
    empty_berth.start_agent(env={"ECS_INSTANCE_ATTRIBUTES": json.dumps({"berth.capacity-provider": "hosts"})})
    return empty_berth


DAEMON_TF = BEGINNING + """
variable "insights" {}
variable "minimum" {}
resource "aws_ecs_account_setting_default" "insights" {
  name  = "containerInsights"
  value = var.insights
}
resource "aws_ecs_account_setting_default" "arns" {
  name  = "taskLongArnFormat"
  value = "enabled"
}
resource "aws_ecs_cluster" "later" {
  name       = "tf-later"
  depends_on = [aws_ecs_account_setting_default.insights]
}
resource "aws_ecs_service" "log" {
  name                               = "tf-log"
  cluster                            = var.cluster
  task_definition                    = aws_ecs_task_definition.web.arn
  scheduling_strategy                = "DAEMON"
  deployment_minimum_healthy_percent = var.minimum
  wait_for_steady_state              = true
}
"""


def test_account_settings_and_a_daemon(host, tmp_path):
    stack = Terraform(host, tmp_path, DAEMON_TF)
    variables = {"cluster": host.cluster, "image": IMAGE, "insights": "enabled", "minimum": 0}
    stack.apply(**variables)
    assert "No changes" in stack.plan(**variables)
    service = host.describe("tf-log")
    assert (service["schedulingStrategy"], service["desiredCount"], service["runningCount"]) == ("DAEMON", 1, 1)
    later = host.ecs.describe_clusters(clusters=["tf-later"], include=["SETTINGS"])["clusters"][0]
    assert later["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    variables.update(insights="disabled", minimum=50)
    stack.apply(**variables)
    assert "No changes" in stack.plan(**variables)
    setting, = host.ecs.list_account_settings(name="containerInsights", effectiveSettings=True)["settings"]
    assert setting["value"] == "disabled"
    stack.destroy(**variables)
    assert host.describe("tf-log")["status"] == "INACTIVE"
    wait_until("the daemon is gone", lambda: not host.running_tasks("tf-log"))


CAPACITY_TF = BEGINNING + """
variable "target" {}
variable "weight" {}
resource "aws_ecs_capacity_provider" "hosts" {
  name = "hosts"
  auto_scaling_group_provider {
    auto_scaling_group_arn = "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:1:autoScalingGroupName/hosts"
    managed_scaling {
      status          = "ENABLED"
      target_capacity = var.target
    }
  }
  tags = { team = "web" }
}
resource "aws_ecs_cluster_capacity_providers" "all" {
  cluster_name       = var.cluster
  capacity_providers = [aws_ecs_capacity_provider.hosts.name]
  default_capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.hosts.name
    weight            = 1
  }
}
resource "aws_ecs_service" "web" {
  name            = "tf-web"
  cluster         = var.cluster
  task_definition = aws_ecs_task_definition.web.arn
  desired_count   = 1
  capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.hosts.name
    base              = 1
    weight            = var.weight
  }
  force_new_deployment  = true
  wait_for_steady_state = true
  depends_on            = [aws_ecs_cluster_capacity_providers.all]
}
"""


def test_a_capacity_provider_and_a_service_on_its_hosts(host, tmp_path):
    stack = Terraform(host, tmp_path, CAPACITY_TF)
    variables = {"cluster": host.cluster, "image": IMAGE, "target": 90, "weight": 1}
    stack.apply(**variables)
    assert "No changes" in stack.plan(**variables)
    task, = host.running_tasks("tf-web")
    assert task["capacityProviderName"] == "hosts"
    variables.update(target=80, weight=2)
    stack.apply(**variables)
    assert "No changes" in stack.plan(**variables)
    assert host.describe("tf-web")["capacityProviderStrategy"] == [{"capacityProvider": "hosts", "weight": 2, "base": 1}]
    stack.destroy(**variables)
    found = host.ecs.describe_capacity_providers(capacityProviders=["hosts"])
    assert found["failures"][0]["reason"] == "MISSING"
    cluster, = host.ecs.describe_clusters(clusters=[host.cluster])["clusters"]
    assert cluster["capacityProviders"] == []


TASK_SET_TF = BEGINNING + """
variable "scale" {}
resource "aws_ecs_service" "web" {
  name          = "tf-sets"
  cluster       = var.cluster
  desired_count = 2
  deployment_controller { type = "EXTERNAL" }
}
resource "aws_ecs_task_set" "blue" {
  service           = aws_ecs_service.web.id
  cluster           = var.cluster
  task_definition   = aws_ecs_task_definition.web.arn
  launch_type       = "EC2"
  force_delete      = true
  wait_until_stable = true
  scale {
    unit  = "PERCENT"
    value = var.scale
  }
}
"""


def test_a_service_of_task_sets(host, tmp_path):
    stack = Terraform(host, tmp_path, TASK_SET_TF)
    variables = {"cluster": host.cluster, "image": IMAGE, "scale": 50}
    stack.apply(**variables)
    assert "No changes" in stack.plan(**variables)
    assert len(host.running_tasks("tf-sets")) == 1
    variables.update(scale=100)
    stack.apply(**variables)
    assert "No changes" in stack.plan(**variables)
    assert len(host.running_tasks("tf-sets")) == 2
    sets = host.ecs.describe_task_sets(cluster=host.cluster, service="tf-sets")["taskSets"]
    assert [each["stabilityStatus"] for each in sets] == ["STEADY_STATE"]
    stack.destroy(**variables)
    assert host.describe("tf-sets")["status"] == "INACTIVE"
