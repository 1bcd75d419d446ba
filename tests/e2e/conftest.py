"""The built programs as a user has them: an agent (control and node) and a balancer on 127.0.0.1, driven with Debian's
AWS CLI and boto3. Each test module gets a Berth of its own, in a cluster of its own, on the machine's container engine."""
import configparser
import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import pytest

BUILD = pathlib.Path(os.environ.get("BERTH_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build/release"))
AGENT = BUILD / "agent/app/berth-agent"
BALANCER = BUILD / "balancer/app/berth-balancer"
LOAD = BUILD / "tests/support/berth-load"
WEB = BUILD / "tests/support/sample_web/berth-sample-web"
AWS = "/usr/bin/aws"
IMAGE = "berth-sample-web:e2e"
REGION = "us-east-1"
OPTIONAL = "optional: "  # in the reason of a skip: what is missing is in no package of Debian's
DOCKER = shutil.which("docker", path="/usr/bin:/usr/local/bin") or "docker"


@pytest.hookimpl(hookwrapper=True)
def pytest_sessionfinish(session, exitstatus):
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    skipped = [each for each in skipped if OPTIONAL not in str(each.longrepr)]
    if skipped and os.environ.get("BERTH_NO_SKIP") == "1":
        reporter.write_line(f"BERTH_NO_SKIP=1: {len(skipped)} skipped tests count as failures")
        session.exitstatus = 1


AWS_PROVIDER = "registry.terraform.io/hashicorp/aws"


def providers():
    """A copy of Terraform's providers, as `terraform providers mirror` makes it: where the variable says, where Terraform itself
    looks, or in a folder of /opt. None: there is no copy."""
    named = os.environ.get("BERTH_TERRAFORM_PROVIDERS")
    places = [pathlib.Path(named)] if named else [pathlib.Path("/usr/local/share/terraform/plugins"),
                                                   *sorted(pathlib.Path("/opt").glob("*"))]
    return next((place for place in places if (place / AWS_PROVIDER).is_dir()), None)


# How a stack begins; what else a provider needs is in Terraform's environment.
PROVIDER = """
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
provider "aws" {
  region = "us-east-1"
  skip_metadata_api_check = true
  skip_region_validation = true
}
"""


class Terraform:
    """One stack against a Berth, in a folder of its own. Skips the test where terraform or its provider is not there."""

    def __init__(self, berth, folder, stack):
        self.program, self.folder, self.berth = shutil.which("terraform"), folder, berth
        if not self.program:
            pytest.skip(OPTIONAL + "no terraform")
        if not providers():
            pytest.skip(OPTIONAL + "no copy of Terraform's aws provider (BERTH_TERRAFORM_PROVIDERS)")
        (folder / "main.tf").write_text(stack)
        (folder / "rc").write_text(f'provider_installation {{ filesystem_mirror {{ path = "{providers()}" }} }}\n')
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "TF_CLI_CONFIG_FILE": str(folder / "rc"), "CHECKPOINT_DISABLE": "1",
            "AWS_ENDPOINT_URL": berth.api, "AWS_ACCESS_KEY_ID": berth.key, "AWS_SECRET_ACCESS_KEY": berth.secret, "no_proxy": "*"}
        self.run("init", "-input=false")

    def run(self, *arguments, **variables):
        options = [f"-var={name}={value}" for name, value in variables.items()]
        done = subprocess.run([self.program, *arguments, *options], cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, timeout=300)
        assert done.returncode == 0, f"terraform {arguments}: {done.stdout[-3000:]}{done.stderr[-3000:]}{self.berth.log('agent')}"
        return done.stdout

    def apply(self, **variables):
        self.run("apply", "-auto-approve", "-input=false", **variables)

    def plan(self, **variables):
        return self.run("plan", "-input=false", "-detailed-exitcode", **variables)  # 2 would be: something differs

    def destroy(self, **variables):
        self.run("destroy", "-auto-approve", "-input=false", **variables)

    def output(self, name):
        return self.run("output", "-raw", name)


def free_port():
    """Of no listener, and below the ports that the kernel gives to connections and the container engine to containers:
    the engine sends on what is for a port that it just tries, so a server there would be answered for by a container."""
    first_given = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = secrets.choice(range(10_240, max(first_given, 20_480)))
        with socket.socket() as s:
            try:
                s.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port


def get(url, timeout=5):
    """(status, body) of a GET; status 0 when nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def wait_until(what, condition, seconds=60, pause=0.05):
    """Polls until the condition holds; returns its value. The limit only bounds a failing test."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(pause)


class Berth:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.cluster = "e2e-" + secrets.token_hex(4)
        self.api_port = free_port()
        self.admin_port = free_port()
        self.api = f"http://127.0.0.1:{self.api_port}"
        self.admin = f"http://127.0.0.1:{self.admin_port}"
        self.roles = "control,node"
        self.agent = None
        self.balancer = None
        self.key = None
        self.secret = None

    # ---- programs ----

    def agent_command(self, *extra):
        return [str(AGENT), "--roles", self.roles, "--data-dir", str(self.folder / "agent"), "--listen",
                self.api.removeprefix("http://"), *extra]

    def start_agent(self, *extra, env=None, wait=True):
        log = open(self.folder / "agent.log", "ab")
        environment = {**os.environ, "ECS_CLUSTER": self.cluster, **(env or {})}
        self.agent = subprocess.Popen(self.agent_command(*extra), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                      env=environment)
        if wait:
            self.wait_ready(self.api, self.agent, "agent", "/healthz")
            self.read_credentials()
            self.ecs.create_cluster(clusterName=self.cluster)  # a node waits until its cluster exists
            self.wait_ready(self.api, self.agent, "agent")

    def start_control(self, address, *extra):
        """The role control alone, reachable for agents on other hosts at that address."""
        self.api = f"http://{address}:{self.api_port}"
        self.roles = "control"
        self.start_agent("--advertise", self.api, *extra)

    def start_balancer(self, *extra, wait=True):
        log = open(self.folder / "balancer.log", "ab")
        self.balancer = subprocess.Popen(
            [str(BALANCER), "--control", self.api, "--token-file", str(self.folder / "agent/balancer-token"),
             "--state-dir", str(self.folder / "balancer"), "--admin", f"127.0.0.1:{self.admin_port}", "--workers", "2",
             *map(str, extra)],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        if wait:
            self.wait_ready(self.admin, self.balancer, "balancer")

    def wait_ready(self, url, process, name, page="/readyz"):
        def check():
            assert process.poll() is None, f"{name} ended with {process.returncode}:\n{self.log(name)}"
            return get(url + page)[0] == 200
        wait_until(lambda: f"{name} ready: {get(url + page)}\n{self.log(name)}", check, 60)

    def log(self, name, lines=30):
        path = self.folder / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def kill(self, name):
        process = getattr(self, name)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def read_credentials(self):
        parser = configparser.ConfigParser()
        parser.read(self.folder / "agent/credentials")
        self.key = parser["default"]["aws_access_key_id"]
        self.secret = parser["default"]["aws_secret_access_key"]

    def stop(self):
        for process in (self.balancer, self.agent):
            if process and process.poll() is None:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if "node" in self.roles:  # the address of the task metadata, which outlives the agent for its containers
            subprocess.run(["ip", "address", "delete", "169.254.170.2/32", "dev", "lo"], capture_output=True)
        found = docker("ps", "-a", "--filter", f"label=com.amazonaws.ecs.cluster={self.cluster}", "--format",
                       '{{.ID}} {{.Label "com.amazonaws.ecs.task-arn"}}').split()
        if found:
            docker("rm", "-f", *found[::2])
        # An agent removes a task's cgroup with its containers, hours after the task.
        for task in {arn.rsplit("/", 1)[1] for arn in found[1::2]}:
            for group in (*pathlib.Path("/sys/fs/cgroup").glob(f"ecs/{task}"), *pathlib.Path("/sys/fs/cgroup").glob(f"*/ecs/{task}")):
                with contextlib.suppress(OSError):
                    group.rmdir()

    # ---- clients ----

    def client(self, service, key=None, secret=None, token=None):
        return boto3.client(service, region_name=REGION, endpoint_url=self.api, aws_access_key_id=key or self.key,
                            aws_secret_access_key=secret or self.secret, aws_session_token=token,
                            config=botocore.config.Config(retries={"total_max_attempts": 1}))

    @property
    def ecs(self):
        return self.client("ecs")

    @property
    def elb(self):
        return self.client("elbv2")

    def ecs_json(self, operation, **body):
        """A signed call of ECS whose operation or members Debian's botocore does not know yet: what is answered, or the error."""
        request = botocore.awsrequest.AWSRequest("POST", self.api + "/", data=json.dumps({"cluster": self.cluster, **body}), headers={
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonEC2ContainerServiceV20141113." + operation})
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(self.key, self.secret), "ecs", REGION).add_auth(request)
        wire = urllib.request.Request(request.url, data=request.body, headers=dict(request.headers.items()))
        try:
            with urllib.request.urlopen(wire, timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())

    def elb_query(self, action, **members):
        """A signed call of ELBv2 whose operation or members Debian's botocore does not know yet: the answer's XML. Members are
        as in the form ("Tags.member.1.Key"), with __ for a dot."""
        form = {"Action": action, "Version": "2015-12-01", **{name.replace("__", "."): value for name, value in members.items()}}
        request = botocore.awsrequest.AWSRequest("POST", self.api + "/", data=urllib.parse.urlencode(form), headers={
            "Content-Type": "application/x-www-form-urlencoded"})
        keys = botocore.credentials.Credentials(self.key, self.secret)
        botocore.auth.SigV4Auth(keys, "elasticloadbalancing", REGION).add_auth(request)
        wire = urllib.request.Request(request.url, data=request.body, headers=dict(request.headers.items()))
        try:
            with urllib.request.urlopen(wire, timeout=30) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            text = error.read().decode()
        return xml.etree.ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", text))

    def cli(self, *arguments, check=True):
        """Debian's aws, JSON decoded."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "AWS_ACCESS_KEY_ID": self.key,
                       "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": ""}
        run = subprocess.run([AWS, "--endpoint-url", self.api, "--output", "json", *map(str, arguments)],
                             capture_output=True, text=True, env=environment, timeout=600)
        if check:
            assert run.returncode == 0, f"aws {' '.join(map(str, arguments))}: {run.stderr}"
            return json.loads(run.stdout) if run.stdout.strip() else {}
        return run

    # ---- steps that many tests share ----

    @staticmethod
    def sidecar(stop_timeout):
        """A container that is not essential and needs all of its stopTimeout to end."""
        return {"name": "side", "image": IMAGE, "cpu": 0, "memory": 32, "essential": False, "stopTimeout": stop_timeout,
                "environment": [{"name": "IGNORE_TERM", "value": "1"}]}

    def register(self, family="web", version="1", image=IMAGE, memory=64, environment=(), others=(), **container):
        return self.ecs.register_task_definition(
            family=family, networkMode="bridge",
            containerDefinitions=[{
                "name": "web", "image": image, "cpu": 16, "memory": memory, "essential": True,
                "portMappings": [{"containerPort": 80}],
                "environment": [{"name": "VERSION", "value": version}, *environment], **container,
            }, *others])["taskDefinition"]["taskDefinitionArn"]

    def load_balancer(self, name="web", **attributes):
        port = free_port()
        balancer = self.elb.create_load_balancer(Name=name, Subnets=["subnet-a"])["LoadBalancers"][0]["LoadBalancerArn"]
        group = self.elb.create_target_group(
            Name=name, Protocol="HTTP", Port=80, VpcId="vpc-a", TargetType="instance", HealthCheckPath="/health",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
            UnhealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
        listener = self.elb.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])["Listeners"][0]["ListenerArn"]
        return balancer, group, listener, port

    def service(self, name, group, task_definition, count=3, **options):
        return self.ecs.create_service(
            cluster=self.cluster, serviceName=name, taskDefinition=task_definition, desiredCount=count,
            loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": 80}], **options)["service"]

    def describe(self, name):
        return self.ecs.describe_services(cluster=self.cluster, services=[name])["services"][0]

    def target_states(self, group):
        found = self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {(t["Target"]["Id"], t["Target"]["Port"]): t["TargetHealth"]["State"] for t in found}

    def in_service(self, group, count):
        """As many targets get requests; a task that just runs is not one of them before its first health check."""
        return list(self.target_states(group).values()).count("healthy") == count

    def wait_stable(self, name, seconds=90):
        """One completed deployment, all tasks run and, behind a load balancer, all are in service."""
        def stable():
            service = self.describe(name)
            return (service["runningCount"] == service["desiredCount"] and len(service["deployments"]) == 1
                    and service["deployments"][0]["rolloutState"] == "COMPLETED"
                    and all(self.in_service(lb["targetGroupArn"], service["desiredCount"]) for lb in service["loadBalancers"])
                    and service)

        def story():
            service = self.describe(name)
            events = "\n".join(e["message"] for e in service["events"][:8])
            tasks = self.ecs.list_tasks(cluster=self.cluster, serviceName=name)["taskArns"]
            found = self.ecs.describe_tasks(cluster=self.cluster, tasks=tasks)["tasks"] if tasks else []
            states = [(t["lastStatus"], t["desiredStatus"]) for t in found]
            targets = [self.target_states(lb["targetGroupArn"]) for lb in service["loadBalancers"]]
            return (f"{name} stable: {service['runningCount']}/{service['desiredCount']} {states} {targets}\n{events}\n"
                    f"{self.log('agent', 15)}")
        return wait_until(story, stable, seconds)

    def running_tasks(self, name):
        arns = self.ecs.list_tasks(cluster=self.cluster, serviceName=name)["taskArns"]
        tasks = self.ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"] if arns else []
        return [t for t in tasks if t["lastStatus"] == "RUNNING" and t["desiredStatus"] == "RUNNING"]

    def spread(self, port, requests=60):
        """Which containers answered how often, each request on its own connection."""
        answers = {}
        for _ in range(requests):
            status, body = get(f"http://127.0.0.1:{port}/")
            assert status == 200, (status, body)
            task = json.loads(body)["task"]
            answers[task] = answers.get(task, 0) + 1
        return answers


class Load:
    """Constant load until the block ends; `report` is the generator's count of everything that happened."""

    def __init__(self, port, path="/", connections=8, pause_us=1000, new_connection_every=50, seconds=600):
        self.command = [str(LOAD), f"http://127.0.0.1:{port}{path}", "--connections", str(connections), "--pause-us",
                        str(pause_us), "--new-connection-every", str(new_connection_every), "--seconds", str(seconds),
                        "--until-stdin"]
        self.report = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        out, _ = self.process.communicate("\n", timeout=60)
        self.report = json.loads(out)


def docker(*arguments):
    run = subprocess.run([DOCKER, *arguments], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, f"docker {' '.join(arguments)}: {run.stderr}"
    return run.stdout


def engine_missing():
    if os.geteuid() != 0:
        return "not root"
    if subprocess.run([DOCKER, "version"], capture_output=True).returncode != 0:
        return "no container engine answers"
    return None


def import_image(name, tar, *options):
    """In place of an older image of that name, which goes unless a container still uses it."""
    before = set(docker("image", "ls", "-q", name).split())
    subprocess.run([DOCKER, "import", *options, "-", name], input=tar, check=True, capture_output=True)
    for old in before - set(docker("image", "ls", "-q", name).split()):
        subprocess.run([DOCKER, "rmi", old], capture_output=True)


@pytest.fixture(scope="session", autouse=True)
def image():
    reason = engine_missing()
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(WEB, pathlib.Path(folder) / "web")
        tar = subprocess.run(["tar", "-C", folder, "-c", "web"], capture_output=True, check=True).stdout
    import_image(IMAGE, tar, "--change", 'ENTRYPOINT ["/web"]')
    return IMAGE


@pytest.fixture(scope="module")
def empty_berth():
    """A folder and ports, nothing started."""
    folder = tempfile.mkdtemp(prefix="berth-e2e-")
    berth = Berth(folder)
    yield berth
    berth.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def control(tmp_path_factory):
    """The role control alone; it needs no engine."""
    berth = Berth(tmp_path_factory.mktemp("control"))
    try:
        berth.start_control("127.0.0.1")
        yield berth
    finally:
        berth.stop()


@pytest.fixture(scope="module")
def berth(empty_berth):
    empty_berth.start_agent()
    empty_berth.start_balancer()
    return empty_berth
