"""Container health and volumes with a real engine: a service replaces a task whose container turns unhealthy; a task's own
volume is there for its containers while the task runs and gone afterwards, a shared one stays."""
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import tempfile

import pytest

from conftest import docker, import_image, wait_until

SHELL = "berth-e2e-shell:1"


@pytest.fixture(scope="module")
def shell():
    """An image with a shell, made from this machine's static busybox."""
    busybox = shutil.which("busybox", path="/bin:/usr/bin")
    if not busybox:
        pytest.skip("no busybox to make an image of")
    with tempfile.TemporaryDirectory() as folder:
        commands = pathlib.Path(folder) / "bin"
        commands.mkdir()
        shutil.copy(busybox, commands / "busybox")
        for name in ("sh", "sleep", "test", "touch", "cat", "rm"):
            os.symlink("busybox", commands / name)
        tar = subprocess.run(["tar", "-C", folder, "-c", "bin"], capture_output=True, check=True).stdout
    import_image(SHELL, tar)
    return SHELL


@pytest.fixture(scope="module")
def berth(empty_berth, shell):
    empty_berth.shared_volume = "berth-e2e-" + secrets.token_hex(4)
    empty_berth.start_agent(env={"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1s"})
    yield empty_berth
    empty_berth.stop()
    docker("volume", "rm", "-f", empty_berth.shared_volume)


def container(name, script, **settings):
    return {"name": name, "image": SHELL, "cpu": 16, "memory": 32, "essential": True, "stopTimeout": 2,
            "command": ["sh", "-c", script], **settings}


def define(berth, family, *containers, **settings):
    return berth.ecs.register_task_definition(family=family, networkMode="none", containerDefinitions=containers,
                                              **settings)["taskDefinition"]["taskDefinitionArn"]


def task(berth, arn):
    return berth.ecs.describe_tasks(cluster=berth.cluster, tasks=[arn])["tasks"][0]


def engine_container(arn, name):
    found = docker("ps", "-q", "--filter", f"label=com.amazonaws.ecs.task-arn={arn}", "--filter",
                   f"label=com.amazonaws.ecs.container-name={name}").split()
    assert len(found) == 1, found
    return found[0]


def volumes():
    return set(docker("volume", "ls", "-q").split())


def test_a_service_replaces_the_task_whose_container_turns_unhealthy(berth):
    definition = define(berth, "checked", container(
        "web", "touch /ok; exec sleep 3600",
        healthCheck={"command": ["CMD-SHELL", "test -f /ok"], "interval": 5, "timeout": 4, "retries": 1}))
    berth.ecs.create_service(cluster=berth.cluster, serviceName="checked", taskDefinition=definition, desiredCount=1)

    def healthy():
        return [t["taskArn"] for t in berth.running_tasks("checked") if t["healthStatus"] == "HEALTHY"]

    [first] = wait_until(lambda: f"a healthy task\n{berth.log('agent')}", healthy)
    docker("exec", engine_container(first, "web"), "rm", "/ok")
    wait_until(lambda: f"another healthy task in its place\n{berth.log('agent')}",
               lambda: [arn for arn in healthy() if arn != first] and task(berth, first)["lastStatus"] == "STOPPED")
    ended = task(berth, first)
    assert ended["healthStatus"] == "UNHEALTHY", ended
    assert "health check" in ended["stoppedReason"], ended["stoppedReason"]
    berth.ecs.delete_service(cluster=berth.cluster, service="checked", force=True)


def test_a_tasks_volume_is_shared_by_its_containers_and_goes_with_the_task(berth):
    shared = berth.shared_volume
    mounts = [{"sourceVolume": "own", "containerPath": "/own"}, {"sourceVolume": shared, "containerPath": "/shared"}]
    before = volumes()
    definition = define(
        berth, "writes",
        container("writer", "echo hello >/own/text; echo stays >/shared/text; exec sleep 3600", mountPoints=mounts),
        container("reader", "while ! test -s /own/text; do sleep 0.1; done; cat /own/text >/own/copy; exec sleep 3600",
                  mountPoints=mounts[:1]),
        volumes=[{"name": "own"},
                 {"name": shared, "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": True, "driver": "local"}}])
    arn = berth.ecs.run_task(cluster=berth.cluster, taskDefinition=definition)["tasks"][0]["taskArn"]
    wait_until(lambda: f"the task runs: {task(berth, arn)}", lambda: task(berth, arn)["lastStatus"] == "RUNNING")
    wait_until("the reader has read what the writer wrote", lambda: "hello\n" == docker(
        "exec", engine_container(arn, "writer"), "sh", "-c", "cat /own/copy 2>/dev/null || true"))
    own = volumes() - before - {shared}
    assert len(own) == 1 and arn.rsplit("/", 1)[1] in next(iter(own)), own
    berth.ecs.stop_task(cluster=berth.cluster, task=arn)
    wait_until(lambda: f"its own volume is gone, the shared one stays: {volumes() - before}\n{berth.log('agent')}",
               lambda: volumes() - before == {shared})
    kept = docker("run", "--rm", "--network", "none", "-v", f"{shared}:/shared", SHELL, "cat", "/shared/text")
    assert kept == "stays\n"


def test_a_sidecar_sees_its_tasks_processes_also_after_the_agent_was_killed(berth):
    definition = define(berth, "together", container("web", "exec sleep 4321"),
                        container("side", "exec sleep 3600", essential=False), pidMode="task", ipcMode="task",
                        taskRoleArn="arn:aws:iam::000000000000:role/app")
    berth.ecs.create_service(cluster=berth.cluster, serviceName="together", taskDefinition=definition, desiredCount=1)
    [arn] = wait_until(lambda: f"the task runs\n{berth.log('agent')}", lambda: berth.running_tasks("together") and [
        t["taskArn"] for t in berth.running_tasks("together")])
    side = engine_container(arn, "side")

    def processes():
        return docker("exec", side, "sh", "-c", "cat /proc/[0-9]*/cmdline")

    assert "4321" in processes()
    berth.kill("agent")
    assert "4321" in processes()
    berth.start_agent(env={"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1s"})
    assert engine_container(arn, "side") == side
    assert sorted(c["name"] for c in task(berth, arn)["containers"]) == ["side", "web"], task(berth, arn)
    events = [e["message"] for e in berth.describe("together")["events"]]
    assert any("taskRoleArn is kept but not carried out" in e for e in events), events
    berth.ecs.delete_service(cluster=berth.cluster, service="together", force=True)
    wait_until(lambda: f"nothing of the task is left\n{berth.log('agent')}", lambda: not docker(
        "ps", "-aq", "--filter", f"label=com.amazonaws.ecs.task-arn={arn}"))
    ended = task(berth, arn)
    assert {c["name"]: c.get("exitCode") for c in ended["containers"]} == {"web": 143, "side": 143}, ended


def test_a_container_is_told_of_itself_and_its_task_and_still_after_the_agent_was_killed(berth):
    cluster = berth.cluster
    arn = berth.ecs.run_task(cluster=cluster, taskDefinition=berth.register("told"), group="family:told")["tasks"][0]["taskArn"]

    def described():
        return berth.ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]

    wait_until("the task runs", lambda: described()["lastStatus"] == "RUNNING")
    engine_id = docker("ps", "-q", "--no-trunc", "--filter", f"label=com.amazonaws.ecs.task-arn={arn}").strip()
    inspected = json.loads(docker("inspect", engine_id))[0]
    environment = dict(each.split("=", 1) for each in inspected["Config"]["Env"])
    uri = environment["ECS_CONTAINER_METADATA_URI_V4"]
    assert uri.startswith("http://169.254.170.2/v4/"), uri

    def ask(path=""):
        """From inside of the container's network."""
        run = subprocess.run(["nsenter", "-t", str(inspected["State"]["Pid"]), "-n", "curl", "-s", "-m", "20", uri + path],
                             capture_output=True, text=True, timeout=60)
        return json.loads(run.stdout) if run.returncode == 0 else None

    def check():
        own = ask()
        assert own["DockerId"] == engine_id and own["Name"] == "web" and own["ImageID"] == inspected["Image"], own
        assert own["Networks"][0]["IPv4Addresses"] == [inspected["NetworkSettings"]["IPAddress"]], own
        binding = described()["containers"][0]["networkBindings"][0]
        assert own["Ports"][0]["HostPort"] == binding["hostPort"], (own, binding)
        task = ask("/task")
        assert task["TaskARN"] == arn and task["Family"] == "told" and task["KnownStatus"] == "RUNNING", task
        assert [each["DockerId"] for each in task["Containers"]] == [engine_id], task
        assert ask("/stats")["memory_stats"]["usage"] > 0
        assert list(ask("/task/stats")) == [engine_id]

    check()
    berth.kill("agent")
    berth.start_agent()
    wait_until("the endpoint answers again", lambda: ask() and ask().get("DockerId"))
    check()
    berth.ecs.stop_task(cluster=cluster, task=arn)
