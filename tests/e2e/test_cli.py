"""The command `berth` as people type it, against a real installation; what it prints is what a person reads."""
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from conftest import BUILD, IMAGE, REGION, free_port, get, wait_until

BERTH = BUILD / "agent/cli/berth"


class Cli:
    """Runs berth with an environment of its own."""

    def __init__(self, berth, folder):
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "AWS_ENDPOINT_URL": berth.api, "AWS_ACCESS_KEY_ID": berth.key,
                            "AWS_SECRET_ACCESS_KEY": berth.secret, "AWS_REGION": REGION, "BERTH_CLUSTER": berth.cluster, "TERM": "xterm"}

    def __call__(self, *words, code=0, env=None, text=None):
        """Standard output and error together, as a terminal has them."""
        run = subprocess.run([str(BERTH), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, input=text,
                             env={**self.environment, **(env or {})})
        assert run.returncode == code, f"berth {' '.join(map(str, words))}: {run.returncode}\n{run.stdout}"
        return run.stdout

    def json(self, *words, code=0):
        run = subprocess.run([str(BERTH), *map(str, words), "-o", "json"], capture_output=True, text=True, timeout=120, env=self.environment)
        assert run.returncode == code, f"berth {' '.join(map(str, words))}: {run.returncode}\n{run.stdout}{run.stderr}"
        return json.loads(run.stdout)


@pytest.fixture(scope="module")
def berth(empty_berth):
    empty_berth.start_agent(env={"ECS_AVAILABLE_LOGGING_DRIVERS": '["json-file","awslogs"]'})
    empty_berth.start_balancer()
    return empty_berth


@pytest.fixture(scope="module")
def cli(berth, tmp_path_factory):
    return Cli(berth, tmp_path_factory.mktemp("cli"))


@pytest.fixture(scope="module")
def web(berth, cli, tmp_path_factory):
    """A service made from a file, behind a load balancer: (file, port)."""
    wait_until("the host joins", lambda: berth.ecs.list_container_instances(cluster=berth.cluster)["containerInstanceArns"], 30)
    _, group, _, port = berth.load_balancer("cli")
    path = tmp_path_factory.mktemp("files") / "web.yaml"
    path.write_text(f"""
service:
  serviceName: web
  desiredCount: 2
  loadBalancers: [{{targetGroupArn: "{group}", containerName: web, containerPort: 80}}]
  deploymentConfiguration:
    minimumHealthyPercent: 100
    maximumPercent: 200
    deploymentCircuitBreaker: {{enable: true, rollback: true, thresholdConfiguration: {{type: COUNT, value: 2}}}}
taskDefinition:
  family: cli
  networkMode: bridge
  containerDefinitions:
    - name: web
      image: ${{IMAGE:-{IMAGE}}}
      cpu: 16
      memory: 64
      portMappings: [{{containerPort: 80}}]
      environment: [{{name: VERSION, value: 1}}]
""")
    assert "create service web" in cli("plan", path, code=1)
    said = cli("deploy", path)
    assert "registered cli:1" in said and "steady: 2 tasks of cli:1 run" in said, said
    return path, port


def test_a_file_becomes_a_service_and_then_there_is_nothing_to_change(cli, web):
    path, port = web
    assert get(f"http://127.0.0.1:{port}/")[0] == 200
    assert "nothing to change" in cli("plan", path)
    assert "nothing to change" in cli("deploy", path)
    changed = cli("plan", path, "--var", "IMAGE=other:2", code=1)
    assert f'~ containerDefinitions[web].image: "{IMAGE}" -> "other:2"' in changed
    plan = cli.json("plan", path, "--var", "IMAGE=other:2", code=1)
    assert plan["registers"] and plan["updates"] and not plan["creates"]


def test_what_there_is_is_shown(berth, cli, web):
    _, port = web
    table = cli("ps", "web")
    rows = table.splitlines()
    assert rows[0].split()[:4] == ["TASK", "SERVICE", "REVISION", "STATE"] and len(rows) == 3
    assert all(row.split()[1:4] == ["web", "cli:1", "RUNNING"] for row in rows[1:]), table
    assert re.search(r"^web +steady +2/2 ", cli("status"), re.M)
    status = cli("status", "web")
    assert "2 of 2 tasks run" in status and re.search(r"PRIMARY +cli:1 +2/2", status) and "has reached a steady state." in status
    assert re.search(r"^\S+ +ACTIVE +\d+ ", cli("nodes"), re.M)
    assert re.search(rf"^cli +application +HTTP {port} +0 +forward to cli", cli("lb", "ls"), re.M)
    assert len(re.findall(r"^cli +\S+ +\d+ +healthy", cli("lb", "targets", "web"), re.M)) == 2
    assert "everything else" in cli("lb", "rules", "cli")
    assert "web" in [s["serviceName"] for s in cli.json("status")]
    assert "nothing is wrong" in cli("doctor")


def test_a_request_is_tested_against_the_rules_and_sent(cli, web):
    _, port = web
    said = cli("lb", "test", f"http://127.0.0.1:{port}/x")
    assert "the default one" in said and "2 of 2 healthy" in said and "200 OK" in said
    assert "no listener is for HTTP port 1;" in cli("lb", "test", "http://127.0.0.1:1/", code=1)


def test_scaling_restarting_and_stopping_are_followed_until_it_is_so(berth, cli, web):
    assert "steady: 3 tasks" in cli("scale", "web", 3, "--wait")
    before = {t["taskArn"] for t in cli.json("ps", "web") if t["desiredStatus"] == "RUNNING"}
    assert "steady: 3 tasks" in cli("restart", "web", "-w")
    after = {t["taskArn"] for t in cli.json("ps", "web") if t["desiredStatus"] == "RUNNING"}
    assert len(after) == 3 and not before & after
    one = sorted(after)[0].rsplit("/", 1)[1]
    assert "stops" in cli("stop", one[:8], "--reason", "enough", "--wait")
    assert berth.ecs.describe_tasks(cluster=berth.cluster, tasks=[one])["tasks"][0]["stoppedReason"] == "enough"
    assert "steady" in cli("wait", "web")
    assert "steady: 2 tasks" in cli("scale", "web=2", "--wait")


def test_why_tells_that_a_task_was_out_of_the_balancers_before_its_signal(cli, web):
    cli("restart", "web", "--wait")
    wait_until("a former task has stopped", lambda: [t for t in cli.json("ps", "web", "--all") if t["lastStatus"] == "STOPPED" and "startedAt" in t])
    task = [t for t in cli.json("ps", "web", "--all") if t["lastStatus"] == "STOPPED" and "Scaling" in t["stoppedReason"]][-1]
    story = cli("why", task["taskArn"].rsplit("/", 1)[1][:10])
    order = ["created by service web", "placed on", "runs: 1 container", "registered 1 targets", "to be stopped", "out of every balancer and drained",
             "its containers have ended: web exit code 0", "STOPPED, having run"]
    places = [story.index(each) for each in order]
    assert places == sorted(places), story


def test_a_deployment_that_fails_says_why_and_has_an_exit_code_of_its_own(cli, web):
    said = cli("deploy", "web", "--image", "127.0.0.1:1/none:1", code=4)
    assert "failed: " in said and "tasks failed to start" in said and "CannotPullContainerError" in said
    assert "Now cli:1 is in service" in said, said  # the circuit breaker's rollback was waited for
    assert re.search(r"cli:\d+ +STOPPED.*CannotPull", cli("ps", "web", "--all"))
    assert "CannotPull" in cli("why", "web")
    assert re.search(r"cli:1 +SUCCESSFUL", cli("deployments", "web"))


def test_another_image_is_deployed_and_rolled_back(berth, cli, web):
    path, port = web
    text = path.read_text().replace("value: 1}", "value: 2}")
    said = cli("deploy", "-", text=text)
    assert '~ containerDefinitions[web].environment[VERSION]: "1" -> "2"' in said
    assert json.loads(get(f"http://127.0.0.1:{port}/")[1])["version"] == "2"
    assert "steady" in cli("rollback", "web")
    assert json.loads(get(f"http://127.0.0.1:{port}/")[1])["version"] == "1"


def test_a_service_that_runs_becomes_a_file(cli, web, tmp_path):
    file = tmp_path / "made.json"
    assert str(file) in cli("init", file, "--service", "web")
    made = json.loads(file.read_text())
    assert made["service"]["serviceName"] == "web" and "taskDefinitionArn" not in made["taskDefinition"]
    assert "nothing to change" in cli("plan", file)
    assert json.loads(cli("render", file)) == made
    assert "exists; --force" in cli("init", file, "--service", "web", code=2)


def test_what_a_file_names_and_is_not_there_is_said_before_anything_changes(berth, cli, web, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(web[0].read_text().replace("containerPort: 80}]\n  dep", "containerPort: 81}]\n  dep").replace("memory: 64", "memory: 640000"))
    said = cli("verify", file, code=1)
    assert "has no portMapping for containerPort 81" in said and "MiB of the 640000" in said
    before = berth.describe("web")["taskDefinition"]
    assert "nothing was changed" in cli("deploy", file, code=1)
    assert berth.describe("web")["taskDefinition"] == before


def test_one_task_is_run_and_its_exit_code_passed_on(berth, cli, web):
    assert "task " in cli("run", "cli:1", "--wait", "--env", "EXIT_CODE=42", code=42)
    berth.register("cli-missing", image="127.0.0.1:1/none:1")
    assert "did not run to an exit code" in cli("run", "cli-missing", "--wait", code=125)
    task = cli("run", "cli:1").strip()
    assert re.fullmatch(r"[0-9a-f]{32}", task)
    assert "runs" in cli("wait", task, "running")
    assert "has stopped" in cli("stop", task, "--wait") + cli("wait", task, "stopped")


def test_lines_of_all_tasks_are_read_together(berth, cli, web):
    said = cli("logs", "web", code=1)
    assert "logs with the engine's own driver" in said and "docker logs" in said
    # A service whose tasks log by awslogs; what their driver would send is put there by hand.
    logs = berth.client("logs")
    logs.create_log_group(logGroupName="/cli")
    now = int(time.time() * 1000)
    berth.ecs.register_task_definition(family="logged", networkMode="bridge", containerDefinitions=[{
        "name": "web", "image": "127.0.0.1:1/none:1", "cpu": 16, "memory": 64, "essential": True,
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/cli", "awslogs-region": REGION, "awslogs-stream-prefix": "p"}}}])
    task = cli("run", "logged").strip()
    stream = f"p/web/{task}"
    logs.create_log_stream(logGroupName="/cli", logStreamName=stream)
    logs.put_log_events(logGroupName="/cli", logStreamName=stream, logEvents=[{"timestamp": now, "message": "hello \x1b[2J"}])
    assert f"{task[:8]}  hello ?[2J" in cli("logs", task)
    json_lines = subprocess.run([str(BERTH), "logs", task, "-o", "json"], capture_output=True, text=True, env=cli.environment).stdout.splitlines()
    assert [json.loads(line)["message"] for line in json_lines] == ["hello \x1b[2J"]
    follower = subprocess.Popen([str(BERTH), "logs", "-f", task], stdout=subprocess.PIPE, text=True, env=cli.environment)
    try:
        assert "hello" in follower.stdout.readline()
        logs.put_log_events(logGroupName="/cli", logStreamName=stream, logEvents=[{"timestamp": now + 1, "message": "more"}])
        assert follower.stdout.readline() == f"{task[:8]}  more\n"
    finally:
        follower.send_signal(signal.SIGINT)
        assert follower.wait(10) == 0


def test_events_are_one_stream_and_followed(berth, cli, web):
    assert "has reached a steady state." in cli("events", "web", "--since", "1h")
    follower = subprocess.Popen([str(BERTH), "events", "-f", "--tail", "1"], stdout=subprocess.PIPE, text=True, env=cli.environment)
    try:
        text = follower.stdout.readline()  # it looks
        time_left = time.monotonic() + 30
        cli("scale", "web", 3, "--wait")
        os.set_blocking(follower.stdout.fileno(), False)
        while "has started 1 tasks" not in text and time.monotonic() < time_left:
            if select.select([follower.stdout], [], [], 1)[0]:
                text += follower.stdout.read() or ""
        assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  web +has started 1 tasks", text, re.M), text
    finally:
        follower.send_signal(signal.SIGINT)
        assert follower.wait(10) == 0
        cli("scale", "web", 2, "--wait")


def test_maintenance_answers_for_a_service_and_gives_it_back(cli, web, tmp_path):
    _, port = web
    page = tmp_path / "page.html"
    page.write_text("<h1>soon</h1>")
    cli("maintenance", "web", "on", "--page", page, "--retry-after", "1m")
    wait_until("the page", lambda: get(f"http://127.0.0.1:{port}/") == (503, "<h1>soon</h1>"), 20)
    assert "maintenance" in cli("maintenance", "web")
    assert "503" in cli("lb", "test", f"http://127.0.0.1:{port}/", code=1)
    cli("maintenance", "web", "off")
    wait_until("the service", lambda: get(f"http://127.0.0.1:{port}/")[0] == 200, 20)


def test_a_drained_host_takes_nothing_until_that_is_undone(berth, cli, web):
    node = cli("nodes").splitlines()[1].split()[0]
    assert "drains" in cli("drain", node)
    assert re.search(rf"^{node} +DRAINING", cli("nodes"), re.M)
    assert "takes tasks again" in cli("drain", node, "--undo")
    assert "steady" in cli("wait", "web")


def test_errors_name_what_is_wrong_and_what_to_do(cli, web):
    assert "did you mean 'web'?" in cli("status", "webb", code=1)
    assert "there is no task 'zzzz'" in cli("why", "zzzz", code=1)
    assert "ClusterNotFoundException" in cli("ps", "--cluster", "none", code=1)
    assert "is control running at" in cli("ps", "--endpoint", "http://127.0.0.1:1", code=3)
    assert "none of the control at" in cli("ps", env={"AWS_ACCESS_KEY_ID": "AKIAWRONG"}, code=3)
    assert "the secret" in cli("ps", env={"AWS_SECRET_ACCESS_KEY": "wrong"}, code=3)
    assert "'x' is no duration" in cli("wait", "web", "--timeout", "x", code=2)
    assert "did you mean 'ps'?" in cli("pss", code=2)


def test_a_terminal_gets_colours_and_lines_that_fit(cli, web):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update({**cli.environment, "COLUMNS": "44"})
        os.execv(str(BERTH), [str(BERTH), "ps"])
    text = b""
    try:
        while data := os.read(fd, 4096):
            text += data
    except OSError:
        pass  # its other side is closed
    assert os.waitpid(pid, 0)[1] == 0
    shown = text.decode()
    assert "\x1b[32mRUNNING\x1b[0m" in shown
    assert all(len(re.sub(r"\x1b\[\d*m", "", line.rstrip("\r"))) <= 44 for line in shown.split("\n")), shown
    assert "\x1b" not in cli("ps")
    assert "\x1b" in cli("ps", "--color", "always")


def test_completion_knows_commands_services_and_tasks(cli, web):
    script = cli("completion", "bash")
    probe = script + '\nCOMP_WORDS=(berth status w); COMP_CWORD=2; _berth_complete; echo "${COMPREPLY[@]}"\n' \
                     'COMP_WORDS=(berth lb ""); COMP_CWORD=2; _berth_complete; echo "${COMPREPLY[@]}"\n'
    run = subprocess.run(["/bin/bash", "-c", probe], capture_output=True, text=True, timeout=30,
                         env={**cli.environment, "PATH": f"{BERTH.parent}:/usr/bin:/bin"})
    assert run.stdout.splitlines() == ["web", "ls targets rules test"], run.stdout + run.stderr


def test_a_host_joins_by_a_token(berth, cli, tmp_path):
    keys = berth.folder / "agent/node-credentials"
    token = cli("token", "--control", berth.api, "--file", keys).splitlines()[0]
    assert token.startswith("berth1.")
    assert "systemctl" in cli("join", token, "--address", "127.0.0.1", "--root", tmp_path)
    written = tmp_path / "etc/berth/node-credentials"
    assert written.stat().st_mode & 0o777 == 0o600 and "aws_secret_access_key = " in written.read_text()
    config = (tmp_path / "etc/ecs/ecs.config").read_text()
    assert f"BERTH_CONTROL={berth.api}\n" in config and "BERTH_ADDRESS=127.0.0.1\n" in config


def test_env_prints_what_other_clients_need(cli, berth):
    run = subprocess.run(["/bin/sh", "-c", f'eval "$({BERTH} env)"; echo $AWS_ENDPOINT_URL $BERTH_CLUSTER'], capture_output=True, text=True, env=cli.environment)
    assert run.stdout.split() == [berth.api, berth.cluster]


def test_dev_runs_a_command_in_an_installation_of_its_own(cli, tmp_path):
    """No containers: the APIs and the balancer alone, so that it needs neither root nor an engine."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    script = f"{BERTH} -o json status; {BERTH} doctor; test -n \"$AWS_ENDPOINT_URL\" || exit 9; exit 7"
    run = subprocess.run([str(BERTH), "dev", "--no-node", "--port", str(free_port()), "--", "/bin/sh", "-c", script], capture_output=True, text=True,
                         timeout=60, env=environment)
    assert run.returncode == 7, run.stdout + run.stderr
    assert run.stdout.startswith("[]") and "no host has joined the cluster" in run.stdout
    assert not list(tmp_path.glob("berth-dev-*"))


def test_dev_ends_with_ctrl_c_and_leaves_nothing(cli, tmp_path):
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    dev = subprocess.Popen([str(BERTH), "dev", "--no-node", "--port", str(free_port())], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    lines = [dev.stdout.readline() for _ in range(6)]
    assert lines[0].startswith("export AWS_ENDPOINT_URL=http://127.0.0.1:"), lines
    folder = next(tmp_path.glob("berth-dev-*"))
    dev.send_signal(signal.SIGINT)
    assert dev.wait(30) == 0
    assert not folder.exists()
    wait_until("its programs have ended", lambda: subprocess.run(["/usr/bin/pgrep", "-f", str(folder)], capture_output=True).returncode == 1, 10)


def test_settings_are_checked_by_the_programs_that_have_them(cli, tmp_path):
    file = tmp_path / "balancer.json"
    file.write_text(pathlib.Path(__file__).parents[2].joinpath("config/balancer.json").read_text())
    cli("check", file)
    file.write_text('{"listeners": [{"prot": 1}]}')
    cli("check", file, code=1)


COMPOSE = """
name: shop
services:
  web:
    image: {image}
    container_name: web
    environment: {{VERSION: "9"}}
    ports: ["{port}:80"]
    depends_on: [back]
  back:
    image: {image}
    mem_limit: 64m
    x-berth: {{host: back.example, path: /b*, health: /health}}
    ports: ["{port}:80"]
"""


def compose_file(folder, port):
    path = folder / "compose.yaml"
    path.write_text(COMPOSE.format(image=IMAGE, port=port))
    return path


def test_a_compose_file_is_brought_into_service_and_nothing_of_it_is_silent(berth, cli, tmp_path):
    port = free_port()
    path = compose_file(tmp_path, port)
    said = cli("import", "compose", path, "--no-docker", "--write", tmp_path / "files")
    assert re.search(r"^not carried +web +container_name ", said, re.M), said
    assert re.search(rf"^changed +back +ports\[0\] +a rule of port {port} ", said, re.M), said
    assert json.loads((tmp_path / "files/web.json").read_text())["taskDefinition"]["family"] == "shop-web"
    # The service of that name is another test's.
    path.write_text(path.read_text().replace("  web:", "  front:"))
    said = cli("import", "compose", path, "--no-docker", "--deploy")
    assert "steady: 1 tasks of shop-back:1" in said and "steady: 1 tasks of shop-front:1" in said, said
    assert said.index("shop-back:1 run") < said.index("shop-front:1 run")
    assert json.loads(get(f"http://127.0.0.1:{port}/")[1])["version"] == "9"
    said = cli("lb", "test", f"http://127.0.0.1:{port}/b", "-H", "Host: back.example")
    assert "host back.example, path /b*" in said and '"version":"1"' in said, said
    assert cli("import", "compose", path, "--no-docker", "--deploy").count("nothing to change") == 2
    exported = json.loads(cli("export", "compose", "front", "back").split("\nberth:")[0])
    assert set(exported["services"]) == {"front", "back"}
    for name in ("front", "back"):
        berth.ecs.delete_service(cluster=berth.cluster, service=name, force=True)


def test_every_session_of_the_page_runs(berth, cli, web, tmp_path):
    """The lines that begin with $ in docs/cli.md, in their order; "# exit N" is the code that they end with."""
    page = pathlib.Path(__file__).parents[2].joinpath("docs/cli.md").read_text()
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.M | re.S)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    assert len(lines) > 20
    (tmp_path / "web.yaml").write_text(web[0].read_text().replace("value: 1}", "value: \"${VERSION:-1}\"}"))
    compose_file(tmp_path, free_port())
    (tmp_path / "compose.yaml").write_text((tmp_path / "compose.yaml").read_text().split("    depends_on")[0].replace("  web:", "  shop:"))
    cli("deploy", tmp_path / "web.yaml")
    cli("restart", "web", "--wait")
    task = wait_until("a task has stopped", lambda: [t for t in cli.json("ps", "web", "--all") if t["lastStatus"] == "STOPPED"])[-1]["taskArn"]
    environment = {**cli.environment, "PATH": f"{BERTH.parent}:/usr/bin:/bin", "PORT": str(web[1]), "TASK": task.rsplit("/", 1)[1]}
    try:
        for line in lines:
            code = int((re.search(r"# exit (\d+)", line) or [0, 0])[1])
            line = line.replace("berth run web:1 ", "berth run cli:1 ")  # the family's name here
            run = subprocess.run(["/bin/bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
            assert run.returncode == code, f"{line}: {run.returncode}\n{run.stdout}{run.stderr}"
    finally:
        cli("scale", "web", 2, "--wait")
        berth.ecs.delete_service(cluster=berth.cluster, service="shop", force=True)
