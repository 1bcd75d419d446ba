# A service as it is written for AWS: network, roles, logs, a load balancer, a service behind it and its scaling. Nothing in it is
# Berth's. With AWS_ENDPOINT_URL and the keys in the environment (`eval "$(scripts/quickstart env)"`, or what `berth env` prints):
#
#   terraform init && terraform apply
#
# tests/e2e/test_stack.py applies it, plans again (nothing to change), updates it and destroys it.

terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
provider "aws" {
  region = "us-east-1"
  default_tags { tags = { stack = "shop" } }
}
variable "cluster" { default = "default" } # that hosts have joined
variable "image" { default = "berth-sample-web:1" }
variable "port" { default = 8088 }
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
  lifecycle { ignore_changes = [desired_count] } # which scaling changes
  load_balancer {
    target_group_arn = aws_lb_target_group.shop.arn
    container_name   = "web"
    container_port   = 80
  }
  depends_on = [aws_lb_listener.shop, aws_iam_role_policy_attachment.execution]
}
# Between two and six tasks, so many that each has a hundred requests a minute or fewer.
resource "aws_appautoscaling_target" "shop" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster}/${aws_ecs_service.shop.name}"
  min_capacity       = 2
  max_capacity       = 6
}
resource "aws_appautoscaling_policy" "shop" {
  name               = "requests"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.shop.service_namespace
  scalable_dimension = aws_appautoscaling_target.shop.scalable_dimension
  resource_id        = aws_appautoscaling_target.shop.resource_id
  target_tracking_scaling_policy_configuration {
    target_value = 100
    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = "${aws_lb.shop.arn_suffix}/${aws_lb_target_group.shop.arn_suffix}"
    }
  }
}

output "group" { value = aws_cloudwatch_log_group.shop.arn }
output "vpc" { value = aws_vpc.shop.id }
