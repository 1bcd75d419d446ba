"""Three hosts: control and the balancer on this one, two with an agent of the role node and a container engine of their
own, each in a network namespace and joined by a bridge that exist only for this test."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from conftest import AGENT, DOCKER, IMAGE, WEB, Berth, Load, get, wait_until

import pytest

NETWORK = "10.213.77"
BRIDGE = "berth-e2e"
HERE = f"{NETWORK}.1"
HOSTS = ["berth-e2e-1", "berth-e2e-2"]


def link_name(number):
    return f"bertheth{number}"


def run(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done


class Host:
    """A network namespace with a container engine and an agent of the role node."""

    def __init__(self, berth, number):
        self.berth = berth
        self.name = HOSTS[number - 1]
        self.link = link_name(number)
        self.address = f"{NETWORK}.{10 + number}"
        self.folder = pathlib.Path(berth.folder) / self.name
        self.folder.mkdir()
        self.socket = f"unix://{self.folder}/docker.sock"
        self.engine = None
        self.agent = None

    def join_network(self):
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        run("ip", "link", "set", self.link, "master", BRIDGE, "up")
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self.inside("ip", "link", "set", "eth0", "up")
        self.inside("ip", "route", "add", "default", "via", HERE)

    def inside(self, *command):
        return run("ip", "netns", "exec", self.name, *command)

    def spawn(self, log, *command, **options):
        with open(self.folder / log, "ab") as out:
            # Not `ip netns exec`: it mounts a /sys of its own, without this machine's cgroups.
            return subprocess.Popen(["nsenter", f"--net=/run/netns/{self.name}", *map(str, command)], stdout=out,
                                    stderr=out, stdin=subprocess.DEVNULL, **options)

    def start_engine(self):
        self.engine = self.spawn("docker.log", "/usr/sbin/dockerd", "--data-root", self.folder / "docker", "--exec-root",
                                 self.folder / "exec", "--pidfile", self.folder / "docker.pid", "--host", self.socket,
                                 "--exec-opt", "native.cgroupdriver=cgroupfs")
        wait_until(lambda: f"{self.name}: an engine\n{self.log('docker.log')}",
                   lambda: self.docker("version", check=False).returncode == 0)
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(WEB, pathlib.Path(folder) / "web")
            tar = subprocess.run(["tar", "-C", folder, "-c", "web"], capture_output=True, check=True).stdout
            subprocess.run([DOCKER, "-H", self.socket, "import", "--change", 'ENTRYPOINT ["/web"]', "-", IMAGE],
                           input=tar, check=True, capture_output=True)

    def start_agent(self):
        self.agent = self.spawn(
            "agent.log", AGENT, "--roles", "node", "--control", f"http://{HERE}:{self.berth.api_port}", "--node-key-file",
            pathlib.Path(self.berth.folder) / "agent/node-credentials", "--data-dir", self.folder / "agent", "--listen",
            f"{self.address}:7350", "--address", self.address, "--docker-host", self.socket,
            env={**os.environ, "ECS_CLUSTER": self.berth.cluster})
        wait_until(lambda: f"{self.name} ready: {get(self.url)}\n{self.log('agent.log')}",
                   lambda: get(self.url)[0] == 200)

    @property
    def url(self):
        return f"http://{self.address}:7350/readyz"

    def docker(self, *arguments, check=True):
        return run(DOCKER, "-H", self.socket, *arguments, check=check)

    def log(self, name, lines=20):
        path = self.folder / name
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def cut_off(self):
        run("ip", "link", "set", self.link, "down")

    def connect(self):
        run("ip", "link", "set", self.link, "up")

    def close(self):
        if self.agent and self.agent.poll() is None:
            self.agent.terminate()
            self.agent.wait(15)
        if self.engine and self.engine.poll() is None:
            containers = self.docker("ps", "-aq", check=False).stdout.split()
            if containers:
                self.docker("rm", "-f", *containers, check=False)
            self.engine.terminate()
            self.engine.wait(30)
        run("ip", "netns", "delete", self.name, check=False)
        run("ip", "link", "delete", self.link, check=False)


def take_down():
    """Also what a run that was killed has left: these names are only ever this test's."""
    for number, name in enumerate(HOSTS, 1):
        run("ip", "netns", "delete", name, check=False)
        run("ip", "link", "delete", link_name(number), check=False)
    run("ip", "link", "delete", BRIDGE, check=False)


@pytest.fixture(scope="module")
def berth():
    if os.geteuid() != 0:
        pytest.skip("not root")
    take_down()
    made = run("ip", "link", "add", BRIDGE, "type", "bridge", check=False)
    if made.returncode != 0:
        pytest.skip(f"no network bridge can be made: {made.stderr.strip()}")
    folder = tempfile.mkdtemp(prefix="berth-e2e-")
    berth = Berth(folder)
    berth.hosts = []
    try:
        run("ip", "address", "add", f"{HERE}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        berth.start_control(HERE)
        berth.start_balancer()
        for number in range(1, len(HOSTS) + 1):
            host = Host(berth, number)
            berth.hosts.append(host)
            host.join_network()
            host.start_engine()
            host.start_agent()
        yield berth
    finally:
        for host in berth.hosts:
            host.close()
        berth.stop()
        take_down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def web(berth):
    _, berth.group, _, berth.port = berth.load_balancer("web")
    berth.service("web", berth.group, berth.register("web"), count=4,
                  placementStrategy=[{"type": "spread", "field": "instanceId"}])
    berth.wait_stable("web")
    return berth


def instances(berth):
    arns = berth.ecs.list_container_instances(cluster=berth.cluster)["containerInstanceArns"]
    answer = berth.ecs.describe_container_instances(cluster=berth.cluster, containerInstances=arns)
    assert "containerInstances" in answer, answer
    return {i["containerInstanceArn"]: i for i in answer["containerInstances"]}


def tasks_by_instance(berth):
    counts = {arn: 0 for arn in instances(berth)}
    for task in berth.running_tasks("web"):
        counts[task["containerInstanceArn"]] += 1
    return counts


def test_tasks_and_traffic_are_spread_over_the_hosts(web):
    assert sorted(tasks_by_instance(web).values()) == [2, 2]
    on_host = {host.name: set(host.docker("ps", "-q", "--no-trunc").stdout.split()) for host in web.hosts}
    assert [len(containers) for containers in on_host.values()] == [2, 2]
    assert len(web.spread(web.port)) == 4
    assert set(web.target_states(web.group).values()) == {"healthy"}


def test_rolling_deployments_over_hosts_lose_nothing(web):
    with Load(web.port) as load:
        for revision in range(2, 6):
            web.ecs.update_service(cluster=web.cluster, service="web", taskDefinition=web.register("web", version=str(revision)))
            web.wait_stable("web")
    assert load.report["failed"] == 0 and load.report["requests"] > 100, load.report
    assert len(load.report["versions"]) == 5


def test_a_drained_host_is_emptied_and_loses_nothing(web):
    drained = next(iter(instances(web)))
    with Load(web.port) as load:
        web.ecs.update_container_instances_state(cluster=web.cluster, containerInstances=[drained], status="DRAINING")
        wait_until("the host is empty", lambda: tasks_by_instance(web)[drained] == 0)
        web.wait_stable("web")
        web.ecs.update_container_instances_state(cluster=web.cluster, containerInstances=[drained], status="ACTIVE")
        web.ecs.update_service(cluster=web.cluster, service="web", forceNewDeployment=True)
        web.wait_stable("web")
    assert load.report["failed"] == 0 and load.report["requests"] > 100, load.report
    assert sorted(tasks_by_instance(web).values()) == [2, 2]


def test_tasks_of_a_host_that_is_cut_off_are_replaced_and_stopped_once_it_is_back(web):
    web.wait_stable("web")
    lost = web.hosts[0]
    wait_until("its two tasks and nothing else on the host", lambda: len(lost.docker("ps", "-q").stdout.split()) == 2)
    before = set(lost.docker("ps", "-q").stdout.split())
    lost.cut_off()
    try:
        wait_until(lambda: f"four healthy tasks on the other host: {tasks_by_instance(web)} {web.target_states(web.group)}",
                   lambda: sorted(tasks_by_instance(web).values()) == [0, 4] and
                   web.in_service(web.group, 4), 120)
        with Load(web.port, seconds=5) as load:
            time.sleep(1)
        assert load.report["failed"] == 0 and len(load.report["tasks"]) == 4, load.report
        assert set(lost.docker("ps", "-q").stdout.split()) == before, "nobody can have told it to stop them"
    finally:
        lost.connect()
    with Load(web.port) as load:
        wait_until(lambda: f"the agent is back: {get(lost.url)}\n{lost.log('agent.log')}", lambda: get(lost.url)[0] == 200, 150)
        wait_until(lambda: f"what was replaced is stopped\n{lost.log('agent.log')}",
                   lambda: not before & set(lost.docker("ps", "-q").stdout.split()))
        web.wait_stable("web")
        web.ecs.update_service(cluster=web.cluster, service="web", forceNewDeployment=True)
        web.wait_stable("web")
    assert load.report["failed"] == 0, load.report
    assert sorted(tasks_by_instance(web).values()) == [2, 2]


def test_control_killed_while_a_host_restarts_its_agent(web):
    before = sorted(t["taskArn"] for t in web.running_tasks("web"))
    known = set(instances(web))
    with Load(web.port) as load:
        web.kill("agent")
        host = web.hosts[1]
        host.agent.kill()
        host.agent.wait()
        web.start_control(HERE)
        host.start_agent()
        wait_until("both agents are connected", lambda: all(i["agentConnected"] for i in instances(web).values()))
        assert set(instances(web)) == known
        assert sorted(t["taskArn"] for t in web.running_tasks("web")) == before
        web.ecs.update_service(cluster=web.cluster, service="web", forceNewDeployment=True)
        web.wait_stable("web")
    assert load.report["failed"] == 0, load.report
