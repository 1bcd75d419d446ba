"""A service behind a network load balancer: made with boto3, deployed in rolls while connections are open."""
import http.client
import json

from conftest import free_port, wait_until

import pytest


@pytest.fixture(scope="module")
def net(berth):
    berth.ecs.create_cluster(clusterName=berth.cluster)
    elb = berth.elb
    balancer = elb.create_load_balancer(Name="net", Type="network", Subnets=["subnet-a"])["LoadBalancers"][0]
    assert balancer["Type"] == "network" and "/net/net/" in balancer["LoadBalancerArn"], balancer
    assert "SecurityGroups" not in balancer and balancer["State"]["Code"] == "active", balancer
    group = elb.create_target_group(Name="net", Protocol="TCP", Port=80, VpcId="vpc-a", TargetType="instance",
                                    HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
                                    UnhealthyThresholdCount=2)["TargetGroups"][0]
    assert group["HealthCheckProtocol"] == "TCP" and "Matcher" not in group and "ProtocolVersion" not in group, group
    berth.group = group["TargetGroupArn"]
    berth.port = free_port()
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="TCP", Port=berth.port,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": berth.group}])["Listeners"][0]
    assert listener["Protocol"] == "TCP" and "Certificates" not in listener, listener
    berth.service("net", berth.group, berth.register("net"), count=2)
    berth.wait_stable("net")
    return berth


class Client:
    """One connection that stays open; each answer tells which task is at its other end."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.task = self.ask()
        self.local = self.connection.sock.getsockname()

    def ask(self):
        self.connection.request("GET", "/")
        response = self.connection.getresponse()
        body = response.read()
        assert response.status == 200, (response.status, body)
        return json.loads(body)["task"]

    def same(self):
        """The task it had, over the connection it had."""
        return self.ask() == self.task and self.connection.sock.getsockname() == self.local

    def close(self):
        self.connection.close()


def deploy(net, version):
    net.ecs.update_service(cluster=net.cluster, service="net", taskDefinition=net.register("net", version=version))


def test_open_connections_are_served_while_their_target_drains_and_it_stops_when_they_have_ended(net):
    net.elb.modify_target_group_attributes(TargetGroupArn=net.group, Attributes=[
        {"Key": "deregistration_delay.timeout_seconds", "Value": "600"}])
    clients = [Client(net.port) for _ in range(8)]
    old = {client.task for client in clients}
    assert len(old) == 2, "connections are spread over both targets"
    before = {task["taskArn"] for task in net.running_tasks("net")}
    deploy(net, "2")
    wait_until("both old targets drain and both new ones serve", lambda: sorted(net.target_states(net.group).values()) ==
               ["draining", "draining", "healthy", "healthy"] and all(client.same() for client in clients))
    assert Client(net.port).task not in old
    assert all(client.same() for client in clients)
    stopping = net.ecs.describe_tasks(cluster=net.cluster, tasks=sorted(before))["tasks"]
    assert {task["lastStatus"] for task in stopping} == {"DEACTIVATING"}, "no SIGTERM while a connection is open"
    for client in clients:
        client.close()
    net.wait_stable("net")
    wait_until("the old tasks have stopped, long before the delay", lambda: all(
        task["lastStatus"] == "STOPPED" for task in net.ecs.describe_tasks(cluster=net.cluster, tasks=sorted(before))["tasks"]))


def test_a_connection_that_outlives_the_deregistration_delay_does_not_keep_its_task(net):
    net.elb.modify_target_group_attributes(TargetGroupArn=net.group, Attributes=[
        {"Key": "deregistration_delay.timeout_seconds", "Value": "3"}])
    client = Client(net.port)
    before = {task["taskArn"] for task in net.running_tasks("net")}
    deploy(net, "3")
    wait_until("the old tasks have stopped", lambda: all(
        task["lastStatus"] == "STOPPED" for task in net.ecs.describe_tasks(cluster=net.cluster, tasks=sorted(before))["tasks"]))
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        client.ask()
    net.wait_stable("net")
