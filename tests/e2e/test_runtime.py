"""Tasks without a container daemon: the built agent with --runtime oci runs a service behind the balancer, survives kill -9 with
its containers kept, reports how one ended meanwhile, and leaves nothing of them on the host."""
import hashlib
import io
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import tarfile
import tempfile

import pytest

from conftest import WEB, Berth, Load, get, wait_until

IMAGE = "berth-sample-web:archived"


@pytest.fixture(scope="session", autouse=True)
def image():
    """No engine and no image of it."""
    missing = [name for name in ("runc", "nft", "iptables") if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"needs root and {missing or 'nothing else'}")


def save_image(path):
    """What `docker save` writes of an image with one layer."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(WEB, "web")
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/web"]}, "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer.getvalue()).hexdigest()]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["one/layer.tar"]}]).encode()
    with tarfile.open(path, mode="w") as tar:
        for name, content in (("config.json", config), ("one/layer.tar", layer.getvalue()), ("manifest.json", manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


class Daemonless(Berth):
    def __init__(self, folder):
        super().__init__(folder)
        self.bridge = "be" + secrets.token_hex(4)
        self.subnet = f"10.214.{secrets.randbelow(250)}.0/24"
        (self.folder / "archives").mkdir()
        save_image(self.folder / "archives/web.tar")

    def start(self, *extra):
        self.start_agent("--runtime", "oci", "--bridge", self.bridge, "--bridge-subnet", self.subnet, "--image-archives",
                         str(self.folder / "archives"), "--task-cleanup-wait", "1s", "--container-stop-timeout", "5s", *extra)

    def end(self):
        for process in (self.balancer, self.agent):
            if process and process.poll() is None:
                process.terminate()
                process.wait(15)
        for pid in self.containers().values():
            os.kill(pid, signal.SIGKILL)
        subprocess.run(["ip", "address", "delete", "169.254.170.2/32", "dev", "lo"], capture_output=True)
        subprocess.run(["ip", "link", "delete", self.bridge], capture_output=True)
        subprocess.run(["nft", "delete", "table", "ip", "berth_" + self.bridge], capture_output=True)
        for direction in ("-i", "-o"):
            subprocess.run(["iptables", "-w", "-D", "DOCKER-USER", direction, self.bridge, "-j", "ACCEPT"], capture_output=True)
        shutil.rmtree(pathlib.Path("/run/berth") / self.bridge, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def containers(self):
        """Folder to the pid of each container that has been started."""
        found = {}
        for run in (self.folder / "agent/runtime/containers").glob("*/run"):
            if not (run.parent / "exit").exists():
                found[run.parent] = int(run.read_text().split()[0])
        return found

    def left(self):
        """What of its containers the host still has."""
        def said(*command):
            return subprocess.run(command, capture_output=True, text=True).stdout
        problems = [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if str(self.folder) in line]
        problems += [line for line in said("nft", "list", "tables").splitlines() if self.bridge in line]
        problems += [line for line in said("ip", "-o", "link").splitlines() if self.bridge in line]
        problems += [line for line in said("ps", "-eo", "pid,args").splitlines() if "berth-monitor " + str(self.folder) in line]
        problems += [str(each) for each in pathlib.Path("/sys/fs/cgroup").glob("*/ecs/*") if each.is_dir() and each.name in self.tasks]
        problems += [str(each) for each in (self.folder / "agent/runtime/containers").iterdir()]
        problems += [str(each) for each in pathlib.Path("/run/berth", self.bridge, "addresses").iterdir()]
        return problems


@pytest.fixture(scope="module")
def berth():
    folder = tempfile.mkdtemp(prefix="berth-e2e-")
    berth = Daemonless(folder)
    berth.tasks = set()
    yield berth
    berth.end()


def test_service_without_a_daemon_serves_and_outlives_its_agent(berth):
    berth.start()
    berth.start_balancer()
    _, group, _, port = berth.load_balancer()
    berth.service("web", group, berth.register(image=IMAGE), 2)
    berth.wait_stable("web")
    assert len(berth.spread(port)) == 2
    before = berth.containers()
    assert len(before) == 2
    tasks = {t["taskArn"] for t in berth.running_tasks("web")}
    berth.tasks |= {arn.rsplit("/", 1)[1] for arn in tasks}

    with Load(port) as load:
        berth.kill("agent")
        assert get(f"http://127.0.0.1:{port}/")[0] == 200
        berth.start()
        wait_until("the same tasks run", lambda: {t["taskArn"] for t in berth.running_tasks("web")} == tasks)
        berth.wait_stable("web")
    assert load.report["failed"] == 0, load.report
    assert berth.containers() == before, "no container was started anew"


def test_how_a_container_ended_while_the_agent_was_away_is_reported(berth):
    tasks = {t["taskArn"] for t in berth.running_tasks("web")}
    berth.kill("agent")
    folder, pid = next(iter(berth.containers().items()))
    os.kill(pid, signal.SIGKILL)
    wait_until("an exit record", lambda: (folder / "exit").exists())
    berth.start()
    stopped = wait_until("the task is stopped", lambda: [
        t for t in berth.ecs.describe_tasks(cluster=berth.cluster, tasks=list(tasks))["tasks"] if t["lastStatus"] == "STOPPED"])
    assert [c["exitCode"] for c in stopped[0]["containers"]] == [137]
    berth.wait_stable("web")
    berth.tasks |= {t["taskArn"].rsplit("/", 1)[1] for t in berth.running_tasks("web")}
    assert len(berth.running_tasks("web")) == 2


def test_nothing_of_its_containers_is_left(berth):
    berth.ecs.update_service(cluster=berth.cluster, service="web", desiredCount=0)
    wait_until("no task runs", lambda: not berth.running_tasks("web"))
    wait_until(lambda: f"containers are removed: {berth.containers()}",
               lambda: not list((berth.folder / "agent/runtime/containers").iterdir()))
    berth.agent.terminate()
    assert berth.agent.wait(15) == 0, berth.log("agent")
    assert berth.left() == []
