"""A stack as it is written for AWS, with only the provider's endpoints changed (by the environment): network, roles, logs, a cluster, a load
balancer and a service behind it, whose containers run here."""
import json
import pathlib

from conftest import IMAGE, Terraform, get, wait_until

SOURCE = pathlib.Path(__file__).resolve().parents[2]
STACK = (SOURCE / "config" / "terraform" / "service.tf").read_text() + """
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
