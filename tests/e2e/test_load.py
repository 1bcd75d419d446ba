"""No request is lost by our own doing: under constant load, with sample tasks that exit at once on SIGTERM."""
import os
import shutil
import signal
import subprocess
import time

from conftest import Berth, Load, docker, get, wait_until

import pytest


@pytest.fixture(scope="module")
def web(berth):
    berth.ecs.create_cluster(clusterName=berth.cluster)
    _, group, _, port = berth.load_balancer("web")
    berth.service("web", group, berth.register("web"))
    berth.wait_stable("web")
    berth.port = port
    berth.group = group
    return berth


def assert_nothing_lost(report, at_least=100):
    assert report["requests"] >= at_least, report
    assert report["failed"] == 0, report


@pytest.mark.parametrize("others", [[], [Berth.sidecar(2)]], ids=["alone", "with-a-sidecar"])
def test_twenty_rolling_deployments_lose_nothing(web, others):
    with Load(web.port) as load:
        for revision in range(100, 120):
            arn = web.register("web", version=f"{revision}-{len(others)}", others=others)
            web.ecs.update_service(cluster=web.cluster, service="web", taskDefinition=arn)
            web.wait_stable("web")
    assert_nothing_lost(load.report)
    assert len(load.report["versions"]) == 21, load.report["versions"]
    assert len(load.report["tasks"]) == 63, load.report["tasks"]


def test_slow_requests_end_before_their_task_is_stopped(web):
    with Load(web.port, path="/slow?ms=1500", connections=12, pause_us=0) as load:
        for revision in range(30, 34):
            web.ecs.update_service(cluster=web.cluster, service="web", taskDefinition=web.register("web", version=str(revision)))
            web.wait_stable("web")
    assert_nothing_lost(load.report, at_least=12)  # each connection at least one, however fast deployments are


def test_scaling_in_and_out_loses_nothing(web):
    with Load(web.port) as load:
        for count in (6, 2, 4, 3):
            web.ecs.update_service(cluster=web.cluster, service="web", desiredCount=count)
            web.wait_stable("web")
    assert_nothing_lost(load.report)


def test_a_killed_container_is_replaced_and_costs_at_most_what_was_in_flight_on_it(web):
    before = {t["taskArn"]: t for t in web.running_tasks("web")}
    victim = next(iter(before.values()))
    container = victim["containers"][0]["runtimeId"]
    connections = 8
    with Load(web.port, connections=connections) as load:
        time.sleep(0.5)
        os.kill(int(docker("inspect", "-f", "{{.State.Pid}}", container).strip()), signal.SIGKILL)
        wait_until("a replacement", lambda: (tasks := web.running_tasks("web")) and len(tasks) == 3 and
                   victim["taskArn"] not in {t["taskArn"] for t in tasks})
        web.wait_stable("web")
    report = load.report
    assert report["failed"] <= connections, report
    assert len(report["tasks"]) == 4, report["tasks"]
    gone = web.ecs.describe_tasks(cluster=web.cluster, tasks=[victim["taskArn"]])["tasks"][0]
    assert gone["stopCode"] == "EssentialContainerExited" and gone["containers"][0]["exitCode"] == 137


def test_a_task_whose_essential_container_ended_is_replaced_while_its_sidecar_still_ends(web):
    arn = web.register("web", version="sidecar", others=[web.sidecar(120)])
    web.ecs.update_service(cluster=web.cluster, service="web", taskDefinition=arn)
    web.wait_stable("web")
    victim = web.running_tasks("web")[0]
    containers = {c["name"]: c for c in victim["containers"]}
    port = containers["web"]["networkBindings"][0]["hostPort"]

    def look():
        return web.ecs.describe_tasks(cluster=web.cluster, tasks=[victim["taskArn"]])["tasks"][0]

    assert port in {p for _, p in web.target_states(web.group)}
    # One that ends within its first 10 s counts as a failed start, and the next one waits.
    wait_until("it has lived for long enough", lambda: time.time() - victim["startedAt"].timestamp() > 11)
    os.kill(int(docker("inspect", "-f", "{{.State.Pid}}", containers["web"]["runtimeId"]).strip()), signal.SIGKILL)
    wait_until("control wants it stopped", lambda: look()["desiredStatus"] == "STOPPED")
    # All in that one step: its target is out, its cause is known, the replacement is placed.
    assert port not in {p for _, p in web.target_states(web.group)}
    assert look()["stopCode"] == "EssentialContainerExited"
    live = web.ecs.list_tasks(cluster=web.cluster, serviceName="web")["taskArns"]
    assert len(live) == 3 and victim["taskArn"] not in live
    web.ecs.stop_task(cluster=web.cluster, task=victim["taskArn"], reason="somebody else's")
    web.wait_stable("web")
    # The replacement serves, and the sidecar has most of its stopTimeout left.
    assert docker("inspect", "-f", "{{.State.Running}}", containers["side"]["runtimeId"]).strip() == "true"
    assert look()["lastStatus"] != "STOPPED"
    docker("kill", containers["side"]["runtimeId"])
    wait_until("it is over", lambda: look()["lastStatus"] == "STOPPED")
    gone = look()
    assert gone["stopCode"] == "EssentialContainerExited" and gone["stoppedReason"] == "Essential container in task exited"
    assert {c["name"]: c["exitCode"] for c in gone["containers"]} == {"web": 137, "side": 137}
    web.ecs.update_service(cluster=web.cluster, service="web", taskDefinition=web.register("web", version="alone"))
    web.wait_stable("web")


def test_kill_9_of_the_agent_loses_nothing_and_it_finds_its_tasks_again(web):
    before = sorted(t["taskArn"] for t in web.running_tasks("web"))
    instance = web.ecs.list_container_instances(cluster=web.cluster)["containerInstanceArns"]
    with Load(web.port) as load:
        time.sleep(0.3)
        web.kill("agent")
        assert get(f"http://127.0.0.1:{web.port}/")[0] == 200
        time.sleep(1)
        web.start_agent()
        web.wait_stable("web")
        assert sorted(t["taskArn"] for t in web.running_tasks("web")) == before
        assert web.ecs.list_container_instances(cluster=web.cluster)["containerInstanceArns"] == instance
        # It really has them in hand: a deployment works.
        web.ecs.update_service(cluster=web.cluster, service="web", forceNewDeployment=True)
        web.wait_stable("web")
    assert_nothing_lost(load.report)


def test_kill_9_of_the_agent_in_the_middle_of_a_deployment(web):
    with Load(web.port) as load:
        for pause in (0.1, 0.5, 1.0):
            web.ecs.update_service(cluster=web.cluster, service="web", forceNewDeployment=True)
            time.sleep(pause)
            web.kill("agent")
            web.start_agent()
            web.wait_stable("web")
    assert_nothing_lost(load.report)


def test_a_container_that_dies_while_the_agent_is_down_is_reported_with_its_exit_code(web):
    victim = web.running_tasks("web")[0]
    web.kill("agent")
    docker("kill", victim["containers"][0]["runtimeId"])
    web.start_agent()
    wait_until("the task is stopped", lambda: web.ecs.describe_tasks(cluster=web.cluster, tasks=[victim["taskArn"]])["tasks"][0][
        "lastStatus"] == "STOPPED")
    task = web.ecs.describe_tasks(cluster=web.cluster, tasks=[victim["taskArn"]])["tasks"][0]
    assert task["containers"][0]["exitCode"] == 137
    web.wait_stable("web")


def test_a_control_that_is_put_back_to_an_older_database_is_told_again_what_has_ended(web):
    def put_back(source, to):
        for path in to.glob("control.db*"):
            path.unlink()
        for path in source.glob("control.db*"):
            shutil.copy(path, to)

    def run():
        arn = web.ecs.run_task(cluster=web.cluster, taskDefinition=web.register("alone"))["tasks"][0]["taskArn"]
        wait_until("it runs", lambda: look(arn)["lastStatus"] == "RUNNING")
        return arn, look(arn)["containers"][0]["runtimeId"]

    def look(arn):
        return web.ecs.describe_tasks(cluster=web.cluster, tasks=[arn])["tasks"][0]

    known, container = run()
    copy = web.folder / "copy"
    copy.mkdir()
    web.kill("agent")
    put_back(web.folder / "agent", copy)
    web.start_agent()
    docker("kill", container)
    wait_until("it has ended", lambda: look(known)["lastStatus"] == "STOPPED")
    _, container = run()
    web.kill("agent")
    put_back(copy, web.folder / "agent")
    web.start_agent()
    wait_until("control knows again", lambda: look(known)["lastStatus"] == "STOPPED")
    assert look(known)["stopCode"] == "EssentialContainerExited" and look(known)["containers"][0]["exitCode"] == 137
    wait_until("what control knows nothing of is stopped",
               lambda: docker("inspect", "-f", "{{.State.Running}}", container).strip() == "false")
    web.wait_stable("web")


def test_kill_9_of_the_balancer_it_serves_from_its_snapshot_without_control(web):
    web.kill("agent")
    web.kill("balancer")
    assert get(f"http://127.0.0.1:{web.port}/")[0] == 0
    web.start_balancer(wait=False)
    wait_until("the balancer serves", lambda: get(f"http://127.0.0.1:{web.port}/")[0] == 200, 15)
    with Load(web.port, seconds=2) as load:
        time.sleep(1)
    assert_nothing_lost(load.report)
    web.start_agent()
    web.wait_stable("web")
    with Load(web.port) as load:
        web.ecs.update_service(cluster=web.cluster, service="web", forceNewDeployment=True)
        web.wait_stable("web")
    assert_nothing_lost(load.report)
