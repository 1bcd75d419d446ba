"""Metrics as an operator has them: the example files of config/ with Debian's Prometheus, which scrapes an agent, a balancer and the
tasks that it finds by itself; alert rules by promtool; and nothing asks for a metric that nobody has."""
import json
import pathlib
import re
import shutil
import subprocess
import urllib.parse

import pytest

from conftest import Load, free_port, get, wait_until

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "config"
RULES = CONFIG / "prometheus/berth.rules.yml"
NAME = re.compile(r"\bberth_[a-z0-9_]+")


@pytest.fixture(scope="module", autouse=True)
def tools():
    for program in ("prometheus", "promtool"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not there: apt-get install prometheus")


@pytest.fixture(scope="module")
def measured(empty_berth):
    """An agent with its pages for machines, a balancer, and a service behind it that wants to be scraped."""
    empty_berth.pages = f"127.0.0.1:{free_port()}"
    empty_berth.start_agent("--admin", empty_berth.pages)
    empty_berth.start_balancer()
    _, group, _, port = empty_berth.load_balancer("web")
    definition = empty_berth.register("web", dockerLabels={"prometheus.io/port": "80", "prometheus.io/path": "/health", "other": "hidden"})
    empty_berth.service("web", group, definition, count=2)
    empty_berth.ecs.create_service(cluster=empty_berth.cluster, serviceName="huge", desiredCount=1,
                                   taskDefinition=empty_berth.register("huge", memory=900_000))
    empty_berth.wait_stable("web")
    with Load(port, connections=1, pause_us=10_000, seconds=1):
        pass
    return empty_berth


def page(berth, path="/metrics"):
    status, body = get(f"http://{berth.pages}{path}")
    assert status == 200, body
    return body


def samples(text):
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line and not line.startswith("#")}


def test_control_and_node_tell_what_they_run(measured):
    found = samples(page(measured))
    service = f'{{cluster="{measured.cluster}",service="web"'
    assert found[f'berth_service_tasks{service},state="running"}}'] == 2
    assert found[f'berth_service_tasks{service},state="desired"}}'] == 2
    assert found[f'berth_service_targets{service},state="healthy"}}'] == 2
    assert found[f'berth_service_unplaced{{cluster="{measured.cluster}",service="huge",reason="RESOURCE:MEMORY"}}'] == 1
    assert found["berth_control_ready"] == found["berth_node_ready"] == found["berth_agent_sessions"] == 1
    assert found["berth_store_commit_seconds_count"] > 5
    assert found["berth_scheduler_decision_seconds_count"] > 5
    assert found['berth_node_tasks{state="RUNNING"}'] == 2
    if any(key.startswith("berth_task_memory_bytes") for key in found):  # this machine can make cgroups
        assert all(value > 0 for key, value in found.items() if key.startswith("berth_task_memory_bytes"))


def test_starts_and_stops_are_counted_once(measured):
    before = samples(page(measured))
    measured.ecs.update_service(cluster=measured.cluster, service="web", forceNewDeployment=True)
    measured.wait_stable("web")

    def counted():
        found = samples(page(measured))
        return {each: found[f"berth_{each}_count{{{label}}}"] - before[f"berth_{each}_count{{{label}}}"] for each, label in (
            ("task_start_seconds", 'phase="healthy"'), ("deployment_step_seconds", 'step="acknowledge"'))} | {
            "stop": found['berth_deployment_step_seconds_count{step="stop"}'] - before['berth_deployment_step_seconds_count{step="stop"}']}
    wait_until(counted, lambda: counted() == {"task_start_seconds": 2, "deployment_step_seconds": 2, "stop": 2}, 30)
    assert counted() == {"task_start_seconds": 2, "deployment_step_seconds": 2, "stop": 2}, "nor twice"


def test_names_and_types_are_as_prometheus_wants_them(measured):
    for text in (page(measured), get(measured.admin + "/metrics")[1]):
        run = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr


def test_the_pages_are_only_read(measured):
    assert page(measured, "/healthz") and page(measured, "/readyz")
    assert get(f"http://{measured.pages}/secrets")[0] == 404
    assert "hidden" not in page(measured, "/sd")


def test_alerts_hold_what_their_tests_say():
    for arguments in (["check", "rules", str(RULES)], ["test", "rules", str(RULES.with_name("berth.rules.test.yml"))],
                      ["check", "config", str(RULES.with_name("prometheus.yml"))]):
        run = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr


def test_dashboards_and_alerts_ask_for_metrics_that_there_are(measured):
    text = page(measured) + get(measured.admin + "/metrics")[1]
    known = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    known |= {name + end for name in known for end in ("_bucket", "_sum", "_count")}
    for file in (RULES, *sorted((CONFIG / "grafana").glob("*.json"))):
        content = file.read_text()
        if file.suffix == ".json":
            board = json.loads(content)
            assert board["panels"] and board["uid"]
        missing = set(NAME.findall(content)) - known
        assert not missing, f"{file.name}: {missing}"


def test_prometheus_scrapes_and_finds_tasks_by_itself(measured, tmp_path):
    port = free_port()
    config = (CONFIG / "prometheus/prometheus.yml").read_text().replace("127.0.0.1:7352", measured.pages).replace(
        "127.0.0.1:7351", measured.admin.removeprefix("http://")).replace("15s", "1s")
    (tmp_path / "prometheus.yml").write_text(config)
    shutil.copy(RULES, tmp_path)
    log = open(tmp_path / "log", "w")
    process = subprocess.Popen(["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                                f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        def ask(path, **query):
            status, body = get(f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}")
            return json.loads(body)["data"] if status == 200 else {}

        def targets():
            return {(each["labels"]["job"], each["labels"].get("service", "")): each for each in ask("targets").get("activeTargets", [])
                    if each["lastScrape"] > "0002"}
        wait_until(targets, lambda: targets().keys() >= {("berth-agent", ""), ("berth-balancer", ""), ("berth-tasks", "web")}, 40)
        found = targets()
        for job in ("berth-agent", "berth-balancer"):
            assert found[job, ""]["health"] == "up", found[job, ""]["lastError"]
        assert found["berth-tasks", "web"]["scrapeUrl"].endswith("/health")
        assert found["berth-tasks", "web"]["labels"]["cluster"] == measured.cluster
        answer = wait_until("a sample", lambda: ask("query", query='berth_service_tasks{service="web",state="running"}').get("result"), 20)
        assert answer[0]["value"][1] == "2"
        pending = wait_until("an alert", lambda: [each for each in ask("alerts").get("alerts", []) if each["labels"]["alertname"] == "BerthServiceUnplaced"], 20)
        assert pending[0]["labels"]["service"] == "huge"
    finally:
        process.terminate()
        process.wait(20)
        log.close()
