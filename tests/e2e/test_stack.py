"""A stack as it is written for AWS, with only the provider's endpoints changed (by the environment): network, roles, logs, a cluster, a load
balancer and a service behind it, whose containers run here."""
import json

from conftest import IMAGE, Terraform, get, wait_until

STACK = """
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
provider "aws" {
  region = "us-east-1"
  default_tags { tags = { stack = "shop" } }
}
variable "cluster" {}
variable "image" {}
variable "port" {}
variable "release" { default = "1" }

data "aws_caller_identity" "me" {}
data "aws_availability_zones" "here" { state = "available" }

resource "aws_vpc" "shop" {
  cidr_block           = "10.30.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = "shop" }
}
resource "aws_internet_gateway" "shop" { vpc_id = aws_vpc.shop.id }
resource "aws_subnet" "public" {
  count             = 2
  vpc_id            = aws_vpc.shop.id
  cidr_block        = cidrsubnet(aws_vpc.shop.cidr_block, 8, count.index)
  availability_zone = data.aws_availability_zones.here.names[count.index]
}
resource "aws_route_table" "public" {
  vpc_id = aws_vpc.shop.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.shop.id
  }
}
resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}
resource "aws_security_group" "balancer" {
  name_prefix = "shop-balancer-"
  vpc_id      = aws_vpc.shop.id
}
resource "aws_vpc_security_group_ingress_rule" "web" {
  security_group_id = aws_security_group.balancer.id
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = var.port
  to_port           = var.port
  ip_protocol       = "tcp"
}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}
resource "aws_iam_role" "execution" {
  name_prefix        = "shop-execution-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}
resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}
resource "aws_cloudwatch_log_group" "shop" {
  name              = "/ecs/shop"
  retention_in_days = 7
}

resource "aws_lb" "shop" {
  name            = "shop"
  security_groups = [aws_security_group.balancer.id]
  subnets         = aws_subnet.public[*].id
}
resource "aws_lb_target_group" "shop" {
  name                 = "shop"
  port                 = 80
  protocol             = "HTTP"
  vpc_id               = aws_vpc.shop.id
  deregistration_delay = 5
  health_check {
    path                = "/health"
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}
resource "aws_lb_listener" "shop" {
  load_balancer_arn = aws_lb.shop.arn
  port              = var.port
  protocol          = "HTTP"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.shop.arn
  }
}
# Groups that share traffic by weight, and clients that stay with one of them, and with a target.
resource "aws_lb_target_group" "next" {
  count                = 2
  name                 = "shop-next-${count.index}"
  port                 = 80
  protocol             = "HTTP"
  vpc_id               = aws_vpc.shop.id
  deregistration_delay = 5
  stickiness {
    type            = "lb_cookie"
    cookie_duration = var.release == "1" ? 600 : 900
  }
}
resource "aws_lb_listener_rule" "next" {
  listener_arn = aws_lb_listener.shop.arn
  priority     = 10
  action {
    type = "forward"
    forward {
      target_group {
        arn    = aws_lb_target_group.next[0].arn
        weight = var.release == "1" ? 100 : 50
      }
      target_group {
        arn    = aws_lb_target_group.next[1].arn
        weight = var.release == "1" ? 0 : 50
      }
      stickiness {
        enabled  = true
        duration = 60
      }
    }
  }
  condition {
    path_pattern { values = ["/next/*"] }
  }
}

data "aws_ecs_cluster" "hosts" { cluster_name = var.cluster }
resource "aws_ecs_task_definition" "shop" {
  family             = "shop"
  network_mode       = "bridge"
  execution_role_arn = aws_iam_role.execution.arn
  container_definitions = jsonencode([{
    name         = "web"
    image        = var.image
    cpu          = 16
    memory       = 64
    essential    = true
    environment  = [{ name = "VERSION", value = var.release }]
    portMappings = [{ containerPort = 80 }]
  }])
}
resource "aws_ecs_service" "shop" {
  name                  = "shop"
  cluster               = data.aws_ecs_cluster.hosts.arn
  task_definition       = aws_ecs_task_definition.shop.arn
  desired_count         = 2
  wait_for_steady_state = true
  load_balancer {
    target_group_arn = aws_lb_target_group.shop.arn
    container_name   = "web"
    container_port   = 80
  }
  depends_on = [aws_lb_listener.shop, aws_iam_role_policy_attachment.execution]
}
output "group" { value = aws_cloudwatch_log_group.shop.arn }
output "vpc" { value = aws_vpc.shop.id }
"""


def test_a_stack_for_aws_applies_serves_updates_and_goes(berth, tmp_path):
    from conftest import free_port
    terraform = Terraform(berth, tmp_path, STACK)
    with_them = {"cluster": berth.cluster, "image": IMAGE, "port": free_port()}

    def version():
        status, body = get(f"http://127.0.0.1:{with_them['port']}/")
        return json.loads(body)["version"] if status == 200 else status
    terraform.apply(**with_them)
    wait_until("the service answers", lambda: version() == "1")
    terraform.plan(**with_them)
    terraform.apply(**with_them, release="2")
    wait_until("the new release answers", lambda: version() == "2")
    terraform.plan(**with_them, release="2")
    terraform.destroy(**with_them, release="2")
    assert berth.elb.describe_load_balancers()["LoadBalancers"] == []
    assert berth.client("iam").list_roles()["Roles"] == []
    assert berth.client("logs").describe_log_groups()["logGroups"] == []
    assert [vpc["IsDefault"] for vpc in berth.client("ec2").describe_vpcs()["Vpcs"]] == [True]
