"""Control without an engine: what it has acknowledged is there after a kill at any write, and after a snapshot is restored; the
addresses of load balancers."""
import subprocess
import threading

import botocore.exceptions

from conftest import AGENT, BUILD, Berth, free_port, get, wait_until

KILL_AT_WRITE = BUILD / "tests/support/libberth-kill-at-write.so"
CONTAINER = {"name": "app", "image": "app", "memory": 64}


class Control(Berth):
    """The role control alone, on a data directory that outlives it."""

    def run(self, *flags, **env):
        self.roles = "control"
        self.start_agent(*flags, env=env, wait=False)

    def ready(self):
        self.wait_ready(self.api, self.agent, "agent", "/healthz")
        self.read_credentials()

    def comes_up(self):
        """Whether it serves; not when it ended before."""
        wait_until(lambda: self.log("agent"), lambda: self.agent.poll() is not None or get(self.api + "/healthz")[0] == 200)
        if self.agent.poll() is not None:
            return False
        self.read_credentials()
        return True

    def end(self):
        for name in ("balancer", "agent"):
            if getattr(self, name) and getattr(self, name).poll() is None:
                self.kill(name)


def names_of(arns):
    return sorted(arn.rsplit("/", 1)[1] for arn in arns)


class Script:
    """Calls that change each kind of row, and for each how to see that its answer still holds."""

    def __init__(self, berth):
        self.ecs, self.elb, self.values = berth.ecs, berth.elb, {}

    def calls(self):
        ecs, elb, values = self.ecs, self.elb, self.values

        def keep(name, answer):
            values[name] = answer

        yield (lambda: ecs.create_cluster(clusterName="one"),
               lambda: "one" in names_of(ecs.list_clusters()["clusterArns"]))
        yield (lambda: ecs.register_task_definition(family="app", containerDefinitions=[CONTAINER]),
               lambda: ecs.describe_task_definition(taskDefinition="app:1")["taskDefinition"]["status"] == "ACTIVE")
        yield (lambda: keep("group", elb.create_target_group(
                   Name="g", Protocol="HTTP", Port=80, VpcId="vpc-a", TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]),
               lambda: elb.describe_target_groups(Names=["g"])["TargetGroups"][0]["TargetGroupArn"] == values["group"])
        yield (lambda: elb.register_targets(TargetGroupArn=values["group"], Targets=[{"Id": "10.0.0.1"}, {"Id": "10.0.0.2"}]),
               lambda: len(elb.describe_target_health(TargetGroupArn=values["group"])["TargetHealthDescriptions"]) == 2)
        yield (lambda: keep("balancer", elb.create_load_balancer(Name="b", Subnets=["subnet-a"])["LoadBalancers"][0]["LoadBalancerArn"]),
               lambda: elb.describe_load_balancers(Names=["b"])["LoadBalancers"][0]["LoadBalancerArn"] == values["balancer"])
        yield (lambda: keep("listener", elb.create_listener(
                   LoadBalancerArn=values["balancer"], Protocol="HTTP", Port=18080,
                   DefaultActions=[{"Type": "forward", "TargetGroupArn": values["group"]}])["Listeners"][0]["ListenerArn"]),
               lambda: elb.describe_listeners(ListenerArns=[values["listener"]])["Listeners"][0]["Port"] == 18080)
        yield (lambda: ecs.create_service(cluster="one", serviceName="s", taskDefinition="app", desiredCount=3),
               lambda: ecs.describe_services(cluster="one", services=["s"])["services"][0]["status"] == "ACTIVE")
        yield (lambda: ecs.update_service(cluster="one", service="s", desiredCount=5),
               lambda: ecs.describe_services(cluster="one", services=["s"])["services"][0]["desiredCount"] == 5)
        yield (lambda: ecs.tag_resource(resourceArn=self.cluster(), tags=[{"key": "k", "value": "v"}]),
               lambda: ecs.list_tags_for_resource(resourceArn=self.cluster())["tags"] == [{"key": "k", "value": "v"}])
        yield (lambda: ecs.register_task_definition(family="app", containerDefinitions=[{**CONTAINER, "memory": 65}]),
               lambda: ecs.describe_task_definition(taskDefinition="app")["taskDefinition"]["revision"] == 2)

    def cluster(self):
        return self.ecs.describe_clusters(clusters=["one"])["clusters"][0]["clusterArn"]

    def run(self):
        """The checks of the calls that were acknowledged, until one was not."""
        checks = []
        for call, check in self.calls():
            try:
                call()
            except (botocore.exceptions.HTTPClientError, botocore.exceptions.ClientError) as error:
                assert not isinstance(error, botocore.exceptions.ClientError), error
                return checks, False
            checks.append(check)
        return checks, True


def holds(check):
    try:
        return check()
    except botocore.exceptions.ClientError:  # not found
        return False


def test_what_was_acknowledged_is_there_after_a_kill_at_any_write_of_the_database(tmp_path):
    def control(name):
        (tmp_path / name).mkdir()
        return Control(tmp_path / name)

    def shim(**variables):
        return {"LD_PRELOAD": str(KILL_AT_WRITE), "BERTH_KILL_FILE": "control.db", **variables}

    whole = control("whole")
    whole.run(**shim(BERTH_KILL_COUNT=str(tmp_path / "count")))
    try:
        whole.ready()
        before = len((tmp_path / "count").read_text().split())
        assert Script(whole).run()[1]
        writes = len((tmp_path / "count").read_text().split())
    finally:
        whole.end()
    assert writes - before > 20, "the shim sees the writes of the database"
    ends = set()
    for at in range(before + 1, writes + 1):
        berth = control(str(at))
        berth.run(**shim(BERTH_KILL_AT=str(at), BERTH_KILL_HALF=str(at % 2)))
        try:
            script = Script(berth) if berth.comes_up() else None
            checks, finished = script.run() if script else ([], False)
            if finished:  # commits fall together now and then, so that there are fewer writes
                continue
            berth.agent.wait(10)
            ends.add(len(checks))
            berth.run()
            berth.ready()
            lost = [number for number, check in enumerate(checks) if not holds(check)]
            assert not lost, f"killed at write {at}: acknowledged calls {lost} of {len(checks)} are gone"
            assert berth.ecs.create_cluster(clusterName="after")["cluster"]["status"] == "ACTIVE"
        finally:
            berth.end()
    assert len(ends) >= 8, f"kills fell on few calls: {ends}"


def test_a_snapshot_is_taken_while_calls_go_on_and_fills_an_empty_data_directory(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first, second = Control(tmp_path / "first"), Control(tmp_path / "second")
    file = tmp_path / "kept.snapshot"

    def snapshot(*arguments, berth):
        return subprocess.run([str(AGENT), "snapshot", *map(str, arguments), "--data-dir", str(berth.folder / "agent")],
                              capture_output=True, text=True, timeout=120)

    first.run()
    try:
        first.ready()
        assert Script(first).run()[1]
        going_on, stop = [], threading.Event()

        def more():
            ecs = first.ecs
            while not stop.is_set():
                going_on.append(ecs.create_cluster(clusterName=f"more-{len(going_on)}"))

        thread = threading.Thread(target=more)
        thread.start()
        saved = snapshot("save", file, berth=first)
        again = snapshot("save", file, berth=first)
        stop.set()
        thread.join()
        assert saved.returncode == 0 and saved.stdout == f"saved {file}, {file.stat().st_size} bytes\n", saved.stderr
        assert file.stat().st_mode & 0o777 == 0o600
        assert again.returncode == 1 and again.stderr == f"berth-agent: there is a file {file} already\n"
        assert going_on
        key = first.key
    finally:
        first.end()
    gone = snapshot("save", tmp_path / "other", berth=first)
    assert gone.returncode == 1 and gone.stderr.startswith(f"berth-agent: no control runs on {first.folder}/agent ("), gone.stderr
    broken = tmp_path / "broken"
    broken.write_bytes(file.read_bytes()[:-5000])
    refused = snapshot("restore", broken, berth=second)
    assert refused.returncode == 1 and "damaged" in refused.stderr or "malformed" in refused.stderr, refused.stderr
    assert not (second.folder / "agent/control.db").exists()
    restored = snapshot("restore", file, berth=second)
    assert restored.returncode == 0, restored.stderr
    again = snapshot("restore", file, berth=second)
    assert again.returncode == 1 and "already: restore into an empty data directory" in again.stderr
    second.run()
    try:
        second.ready()
        assert second.key == key
        script = Script(second)
        script.values.update(group=second.elb.describe_target_groups(Names=["g"])["TargetGroups"][0]["TargetGroupArn"],
                             balancer=second.elb.describe_load_balancers(Names=["b"])["LoadBalancers"][0]["LoadBalancerArn"])
        script.values["listener"] = second.elb.describe_listeners(
            LoadBalancerArn=script.values["balancer"])["Listeners"][0]["ListenerArn"]
        assert all(check() for _, check in script.calls())
    finally:
        second.end()


def test_two_load_balancers_have_one_port_when_there_are_two_addresses(tmp_path):
    berth = Control(tmp_path)
    port = free_port()
    berth.run("--listener-address", "127.0.0.2,127.0.0.3")
    try:
        berth.ready()
        berth.start_balancer()
        for name in ("first", "second"):
            balancer = berth.elb.create_load_balancer(Name=name, Subnets=["subnet-a"])["LoadBalancers"][0]["LoadBalancerArn"]
            berth.elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=[{
                "Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "ContentType": "text/plain",
                                                                  "MessageBody": name}}])
        at = {lb["LoadBalancerName"]: lb["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"]
              for lb in berth.elb.describe_load_balancers()["LoadBalancers"]}
        assert at == {"first": "127.0.0.2", "second": "127.0.0.3"}
        for name, address in at.items():
            wait_until(f"{name} answers", lambda: get(f"http://{address}:{port}/") == (200, name))
    finally:
        berth.end()
