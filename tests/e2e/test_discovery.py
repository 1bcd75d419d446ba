"""Cloud Map with the clients that people have: a stack of Terraform's, names asked for by DNS, and the tasks of a service with a
registry, whose names are gone before they are told to stop."""
import contextlib
import json
import socket
import struct
import subprocess

import pytest
from botocore.config import Config
import boto3

from conftest import IMAGE, PROVIDER, REGION, Terraform, free_port, wait_until

A, SOA, SRV = 1, 6, 33


def ask(port, name, kind, by_tcp=False):
    """(response code, [values]) of a query, read by hand: no resolver of the host is asked."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    query = struct.pack(">HHHHHH", 4711, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if by_tcp else socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect(("127.0.0.1", port))
        if by_tcp:
            s.sendall(struct.pack(">H", len(query)) + query)
            length, = struct.unpack(">H", s.recv(2, socket.MSG_WAITALL))
            reply = s.recv(length, socket.MSG_WAITALL)
        else:
            s.send(query)
            reply = s.recv(4096)
    number, flags, _, answers, _, _ = struct.unpack(">HHHHHH", reply[:12])
    assert number == 4711
    at, values = len(query), []
    for _ in range(answers):
        at += 2 if reply[at] >= 0xC0 else reply.index(b"\0", at) + 1 - at
        found, _, _, length = struct.unpack(">HHIH", reply[at:at + 10])
        data = reply[at + 10:at + 10 + length]
        at += 10 + length
        values.append(socket.inet_ntoa(data) if found == A else struct.unpack(">HHH", data[:6])[2] if found == SRV else data)
    return flags & 15, values


STACK = PROVIDER + """
variable "ttl" { default = 10 }
variable "address" { default = "10.0.0.1" }
data "aws_vpc" "default" { default = true }
resource "aws_service_discovery_private_dns_namespace" "apps" {
  name        = "tf.local"
  description = "of ttl ${var.ttl}"
  vpc         = data.aws_vpc.default.id
  tags        = { team = "web" }
}
resource "aws_service_discovery_http_namespace" "plain" { name = "plain" }
resource "aws_service_discovery_service" "web" {
  name = "web"
  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.apps.id
    routing_policy = "MULTIVALUE"
    dns_records {
      ttl  = var.ttl
      type = "A"
    }
  }
  health_check_custom_config { failure_threshold = 1 }
}
resource "aws_service_discovery_service" "plain" {
  name         = "api"
  namespace_id = aws_service_discovery_http_namespace.plain.id
}
resource "aws_service_discovery_instance" "one" {
  instance_id = "one"
  service_id  = aws_service_discovery_service.web.id
  attributes  = { AWS_INSTANCE_IPV4 = var.address, stage = "test" }
}
data "aws_service_discovery_dns_namespace" "read" {
  name       = "tf.local"
  type       = "DNS_PRIVATE"
  depends_on = [aws_service_discovery_private_dns_namespace.apps]
}
data "aws_service_discovery_service" "read" {
  name         = "web"
  namespace_id = data.aws_service_discovery_dns_namespace.read.id
  depends_on   = [aws_service_discovery_service.web]
}
output "service" { value = data.aws_service_discovery_service.read.id }
"""


@pytest.fixture(scope="module")
def host(empty_berth):
    empty_berth.dns_port = free_port()
    empty_berth.start_agent("--dns", f"127.0.0.1:{empty_berth.dns_port}")
    return empty_berth


def discovery(berth):
    """AWS's model has other host names for one operation, which an endpoint of one's own has not."""
    return boto3.client("servicediscovery", region_name=REGION, endpoint_url=berth.api, aws_access_key_id=berth.key,
                        aws_secret_access_key=berth.secret, config=Config(inject_host_prefix=False))


def test_a_stack_of_namespaces_applies_plans_empty_updates_and_goes(host, tmp_path):
    stack = Terraform(host, tmp_path, STACK)
    stack.apply()
    assert "No changes" in stack.plan()
    assert ask(host.dns_port, "web.tf.local", A) == (0, ["10.0.0.1"])
    assert ask(host.dns_port, "web.tf.local", A, by_tcp=True) == (0, ["10.0.0.1"])
    assert ask(host.dns_port, "none.tf.local", A)[0] == 3
    assert ask(host.dns_port, "example.com", A)[0] == 5
    stack.apply(ttl=20, address="10.0.0.2")
    assert "No changes" in stack.plan(ttl=20, address="10.0.0.2")
    assert ask(host.dns_port, "web.tf.local", A) == (0, ["10.0.0.2"])
    service = stack.output("service")
    found = discovery(host).discover_instances(NamespaceName="tf.local", ServiceName="web", QueryParameters={"stage": "test"})
    assert [each["Attributes"]["AWS_INSTANCE_IPV4"] for each in found["Instances"]] == ["10.0.0.2"]
    assert host.cli("servicediscovery", "list-instances", "--service-id", service)["Instances"][0]["Id"] == "one"
    stack.destroy(ttl=20, address="10.0.0.2")
    assert host.client("servicediscovery").list_namespaces()["Namespaces"] == []
    assert ask(host.dns_port, "web.tf.local", A)[0] == 5


def test_tasks_have_names_from_running_until_they_are_told_to_stop(host):
    client = host.client("servicediscovery")
    operation = client.create_private_dns_namespace(Name="apps.local", Vpc="vpc-1")["OperationId"]
    space = client.get_operation(OperationId=operation)["Operation"]["Targets"]["NAMESPACE"]
    registry = client.create_service(Name="web", NamespaceId=space, DnsConfig={"DnsRecords": [{"Type": "SRV", "TTL": 5}]})["Service"]
    definition = host.register("named", memory=32)
    host.ecs.create_service(
        cluster=host.cluster, serviceName="named", taskDefinition=definition, desiredCount=2,
        serviceRegistries=[{"registryArn": registry["Arn"], "containerName": "web", "containerPort": 80}])
    wait_until("both run", lambda: len(host.running_tasks("named")) == 2)
    ports = {binding["hostPort"] for task in host.running_tasks("named") for container in task["containers"]
             for binding in container["networkBindings"]}
    code, values = ask(host.dns_port, "web.apps.local", SRV)
    assert (code, set(values)) == (0, ports)
    assert host.describe("named")["serviceRegistries"] == [
        {"registryArn": registry["Arn"], "containerName": "web", "containerPort": 80}]
    host.kill("agent")
    host.start_agent("--dns", f"127.0.0.1:{host.dns_port}")
    wait_until("its names are there again", lambda: set(ask(host.dns_port, "web.apps.local", SRV)[1]) == ports)
    host.ecs.update_service(cluster=host.cluster, service="named", desiredCount=0)
    wait_until("the names are gone", lambda: ask(host.dns_port, "web.apps.local", SRV)[0] == 3)
    wait_until("the tasks are gone", lambda: not host.running_tasks("named"))
    host.ecs.delete_service(cluster=host.cluster, service="named")
    client.delete_service(Id=registry["Id"])
    client.delete_namespace(Id=space)
