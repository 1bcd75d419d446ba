"""Several agents on one container engine, all in a cluster of one name: each keeps to its own containers."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from conftest import AGENT, Berth, docker, free_port, get, wait_until

import pytest


@pytest.fixture(scope="module")
def two():
    """Two installations: each its own control, data and keys."""
    folders = [tempfile.mkdtemp(prefix="berth-e2e-") for _ in range(2)]
    berths = [Berth(folder) for folder in folders]
    berths[1].cluster = berths[0].cluster
    for berth in berths:
        berth.start_agent()
    yield berths
    for berth in berths:
        berth.stop()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def run_tasks(berth, count):
    berth.register("job")
    ran = berth.ecs.run_task(cluster=berth.cluster, taskDefinition="job", count=count)
    assert not ran["failures"], ran["failures"]
    arns = [t["taskArn"] for t in ran["tasks"]]
    wait_until(lambda: f"{count} tasks run\n{berth.log('agent')}", lambda: statuses(berth, arns) == ["RUNNING"] * count)
    return arns


def statuses(berth, arns):
    return [t["lastStatus"] for t in berth.ecs.describe_tasks(cluster=berth.cluster, tasks=arns)["tasks"]]


def containers(arns):
    """Which containers run for these tasks, and since when."""
    found = []
    for arn in arns:
        for container in docker("ps", "-q", "--filter", f"label=com.amazonaws.ecs.task-arn={arn}").split():
            found.append(docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", container).strip())
    return sorted(found)


def stop_agent(berth, how):
    berth.agent.send_signal(how)
    berth.agent.wait(15)


def has_looked_around(berth):
    """Two more tasks run, one after the other: by then the agent has had control's manifest, has asked about what it
    does not know, and was answered."""
    for _ in range(2):
        run_tasks(berth, 1)


def test_two_installations_keep_their_tasks_through_restarts_of_both_agents(two):
    arns = [run_tasks(berth, 3) for berth in two]
    before = [containers(each) for each in arns]
    assert [len(each) for each in before] == [3, 3]
    for how in (signal.SIGTERM, signal.SIGKILL):
        for berth in two:
            stop_agent(berth, how)
        for berth in two:
            berth.start_agent(wait=False)
        for berth in two:
            berth.wait_ready(berth.api, berth.agent, "agent")
            has_looked_around(berth)
        assert [containers(each) for each in arns] == before
        assert [statuses(berth, each) for berth, each in zip(two, arns)] == [["RUNNING"] * 3] * 2


def test_an_agent_that_lost_its_data_leaves_the_other_installations_tasks_alone(two):
    mine, theirs = two
    arns = run_tasks(theirs, 2)
    before = containers(arns)
    stop_agent(mine, signal.SIGTERM)
    for file in pathlib.Path(mine.folder, "agent").glob("node.db*"):
        file.unlink()
    mine.start_agent(wait=False)
    mine.wait_ready(mine.api, mine.agent, "agent")
    has_looked_around(mine)
    assert containers(arns) == before


def test_an_agent_with_tasks_does_not_go_with_another_control(two):
    mine, theirs = two
    arns = run_tasks(mine, 1)
    before = containers(arns)
    instances = theirs.ecs.list_container_instances(cluster=theirs.cluster)["containerInstanceArns"]
    stop_agent(mine, signal.SIGTERM)
    for file in pathlib.Path(mine.folder, "agent").glob("control.db*"):  # control begins anew, the node does not
        file.rename(file.with_suffix(file.suffix + ".away"))
    mine.start_agent(wait=False)
    reason = wait_until("the agent says whose its tasks are",
                        lambda: "of installation" in get(mine.api + "/readyz")[1] and get(mine.api + "/readyz")[1], 30)
    assert "--installation" in reason
    assert mine.ecs.list_clusters()["clusterArns"] == []
    assert containers(arns) == before
    stop_agent(mine, signal.SIGTERM)
    for file in pathlib.Path(mine.folder, "agent").glob("control.db*.away"):
        file.rename(file.with_suffix(""))
    mine.start_agent(wait=False)
    mine.wait_ready(mine.api, mine.agent, "agent")
    has_looked_around(mine)
    assert containers(arns) == before
    assert theirs.ecs.list_container_instances(cluster=theirs.cluster)["containerInstanceArns"] == instances


def test_two_agents_of_one_installation_keep_to_their_own_tasks(two):
    """A second agent of the first one's control, with data of its own, on the same engine."""
    first = two[0]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="berth-e2e-"))
    url = f"http://127.0.0.1:{free_port()}"
    command = [str(AGENT), "--roles", "node", "--data-dir", str(folder), "--listen", url.removeprefix("http://"),
               "--control", first.api, "--node-key-file", str(pathlib.Path(first.folder) / "agent/node-credentials")]

    def start():
        with open(folder / "log", "ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "ECS_CLUSTER": first.cluster})

    second = start()
    try:
        first.wait_ready(url, second, "agent")
        instances = first.ecs.list_container_instances(cluster=first.cluster)["containerInstanceArns"]
        first.register("job")
        arns = []
        for instance in instances:
            for _ in range(2):
                ran = first.ecs.start_task(cluster=first.cluster, taskDefinition="job", containerInstances=[instance])
                arns += [t["taskArn"] for t in ran["tasks"]]
        connected = {i["containerInstanceArn"] for i in first.ecs.describe_container_instances(
            cluster=first.cluster, containerInstances=instances)["containerInstances"] if i["agentConnected"]}
        assert len(connected) == 2
        arns = [t["taskArn"] for t in first.ecs.describe_tasks(cluster=first.cluster, tasks=arns)["tasks"]
                if t["containerInstanceArn"] in connected]
        wait_until(lambda: f"tasks run\n{(folder / 'log').read_text()[-2000:]}",
                   lambda: statuses(first, arns) == ["RUNNING"] * 4)
        before = containers(arns)
        stop_agent(first, signal.SIGTERM)
        second.terminate()
        second.wait(15)
        second = start()
        first.start_agent(wait=False)
        first.wait_ready(first.api, first.agent, "agent")
        first.wait_ready(url, second, "agent")
        has_looked_around(first)
        assert containers(arns) == before
    finally:
        second.terminate()
        second.wait(15)
        shutil.rmtree(folder, ignore_errors=True)
