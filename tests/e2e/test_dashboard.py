"""The dashboard in a real Chromium: every page with real services behind a real balancer, a deployment that is followed live, a
service that fails, control gone and back; nothing on the console, nothing that axe-core finds serious. The browser is driven by
playwright-core, which npm brings into the build folder."""
import json
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from conftest import BUILD, Load, get, wait_until

PACKAGES = {"playwright-core": "1.65.1", "axe-core": "4.14.1"}
FOLDER = BUILD / "npm-dashboard"
HERE = pathlib.Path(__file__).resolve().parent


def packages():
    """Where they are; skips when they cannot be had."""
    def there():
        return all((FOLDER / "node_modules" / name / "package.json").exists()
                   and json.loads((FOLDER / "node_modules" / name / "package.json").read_text())["version"] == version
                   for name, version in PACKAGES.items())
    for program in ("node", "npm", "chromium"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not there")
    if not there():
        FOLDER.mkdir(parents=True, exist_ok=True)
        run = subprocess.run(["npm", "install", "--prefix", str(FOLDER), "--no-audit", "--no-fund", "--ignore-scripts", "--no-save",
                              *(f"{name}@{version}" for name, version in PACKAGES.items())], capture_output=True, text=True, timeout=120)
        if run.returncode != 0 or not there():
            pytest.skip(f"npm brought no {' and '.join(PACKAGES)}: {run.stderr[-300:]}")
    return FOLDER


class Browser:
    def __init__(self, url):
        self.process = subprocess.Popen(["node", str(HERE / "dashboard/browser.mjs"), str(packages()), url],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, command, **arguments):
        self.process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "the browser ended"}')
        assert "error" not in answer, f"{command} {arguments}: {answer['error']}"
        return answer["answer"]

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


DESK = {"width": 1280, "height": 900, "scheme": "light"}
NIGHT = {"width": 1280, "height": 900, "scheme": "dark"}
PHONE = {"width": 390, "height": 844, "scheme": "light"}


@pytest.fixture(scope="module")
def running(berth):
    """web: three tasks behind a balancer; crash: a service whose tasks end at once; huge: one that fits nowhere."""
    _, group, listener, port = berth.load_balancer("web")
    berth.elb.create_rule(ListenerArn=listener, Priority=10, Conditions=[{"Field": "path-pattern", "Values": ["/old/*"]}],
                          Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410"}}])
    berth.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}])
    berth.service("web", group, berth.register("web", others=[]))
    for name, options in (("crash", {"environment": [{"name": "EXIT_CODE", "value": "3"}, {"name": "PASSWORD", "value": "hunter2"}]}),
                          ("huge", {"memory": 900_000})):
        berth.ecs.create_service(cluster=berth.cluster, serviceName=name, desiredCount=1, taskDefinition=berth.register(name, **options))
    berth.port = port
    berth.token = (berth.folder / "agent/dashboard-token").read_text().strip()
    berth.wait_stable("web")
    return berth


@pytest.fixture(scope="module")
def browser(running):
    browser = Browser(running.api)
    browser("screen", **DESK)
    yield browser
    browser.close()


@pytest.fixture(autouse=True)
def no_problems(request):
    """Nothing on the console, no script that failed, nothing asked of anybody else."""
    yield
    if "browser" in request.fixturenames:
        assert request.getfixturevalue("browser")("problems") == []


def views(berth):
    task = berth.running_tasks("web")[0]["taskArn"].rsplit("/", 1)[1]
    return {"overview": "#/", "services": "#/services", "service": f"#/service/{berth.cluster}/web", "failing": f"#/service/{berth.cluster}/crash",
            "task": f"#/task/{berth.cluster}/{task}", "hosts": "#/hosts", "balancers": "#/balancers", "balancer": "#/balancers/web", "events": "#/events"}


def test_only_the_token_opens_it(running, browser):
    assert browser("login", token="not-the-token").endswith("/dashboard/login")
    assert browser("text", selector="[role=alert]") == "That is not the token of this installation."
    assert [each for each in browser("problems") if "401" not in each] == []  # the browser names the status of the page
    assert browser("axe") == []
    assert browser("login", token=running.token).endswith("/dashboard/")
    assert browser("evaluate", script="document.cookie") == "", "scripts cannot read the session"


def test_each_page_shows_what_there_is_and_names_its_command(running, browser):
    expected = {
        "overview": ["crash", "cannot be placed: RESOURCE:MEMORY", "Deployments under way", "huge"],
        "services": ["web", "3/3", "3 healthy", "web:1"],
        "service": ["web:1", "completed", "in service", "3 of 3", "healthy", "has reached a steady state", "successful"],
        "failing": ["stopped", "web 3", "Essential container in task exited"],
        "task": ["Placed", "Runs", "In service", "berth-sample-web", "running"],
        "hosts": ["connected", "CPU", "Memory", "web × 3"],
        "balancers": ["web", f"HTTP {running.port}", "connected", "the newest"],
        "balancer": ["/old/*", "answer 410", "forward to web", "healthy", "requests/s"],
        "events": ["web", "has reached a steady state", "huge", "unable"],
    }
    for name, hash in views(running).items():
        page = browser("open", hash=hash)
        for text in expected[name]:
            browser("wait", selector="#main", text=text)
        assert page["cli"].startswith("aws "), page["cli"]
        assert page["title"].endswith("· Berth")
        assert "hunter2" not in browser("evaluate", script="document.documentElement.innerHTML"), name


def test_the_command_that_a_page_names_says_the_same(running, browser):
    page = browser("open", hash=f"#/service/{running.cluster}/web")
    words = page["cli"].split()
    assert words[0] == "aws"
    assert running.cli(*words[1:])["services"][0]["serviceName"] == "web"


@pytest.mark.parametrize("screen", [DESK, NIGHT, PHONE], ids=["light", "dark", "phone"])
def test_axe_finds_nothing_serious_and_no_page_is_wider_than_its_screen(running, browser, screen):
    browser("screen", **screen)
    browser("login", token=running.token)
    for name, hash in views(running).items():
        browser("open", hash=hash)
        assert browser("axe") == [], name
        assert browser("evaluate", script="document.documentElement.scrollWidth") <= screen["width"], name


def test_a_deployment_is_followed_live_in_its_order(running, browser):
    browser("screen", **DESK)
    browser("login", token=running.token)
    browser("open", hash=f"#/service/{running.cluster}/web")
    browser("click", selector="summary")
    with Load(running.port, connections=2, pause_us=5000) as load:
        running.ecs.update_service(cluster=running.cluster, service="web", taskDefinition=running.register("web", version="2"))
        browser("wait", selector="#main h3", text="web:2")  # without a reload
        running.wait_stable("web")
        browser("wait", selector=".card", text="completed")
    assert load.report["failed"] == 0, load.report
    # What the page says in numbers is the ordering itself, as DescribeTasks tells it.
    def stopped():
        arns = running.ecs.list_tasks(cluster=running.cluster, serviceName="web", desiredStatus="STOPPED")["taskArns"]
        tasks = running.ecs.describe_tasks(cluster=running.cluster, tasks=arns)["tasks"] if arns else []
        return [each for each in tasks if each["lastStatus"] == "STOPPED"]
    wait_until(stopped, lambda: len(stopped()) == 3, 60)
    for task in stopped():
        told = {each["name"]: each["value"] for each in task["attributes"]}
        assert told["berth.in-service-at"] <= told["berth.draining-at"] <= told["berth.acknowledged-at"]
        assert task["stoppingAt"].timestamp() * 1000 + 1 >= millis(told["berth.acknowledged-at"])
    browser("wait", selector=".gantt .lane", text=":2")
    wait_until("SIGTERM of each old task", lambda: browser("count", selector=".gantt .phase.term") == 3, 20)


def millis(text):
    import datetime
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def test_it_works_from_the_keyboard(running, browser):
    browser("open", hash="#/services")
    browser("press", key="/")
    assert browser("focused").startswith("INPUT")
    browser("fill", selector="input[type=search]", value="crash")
    wait_until(lambda: "one row", lambda: browser("count", selector="tbody tr") == 1, 10)
    assert browser("focused").startswith("INPUT"), "news do not take the focus away"
    browser("evaluate", script="document.activeElement.blur(); window.getSelection().removeAllRanges()")
    browser("open", hash="#/")
    browser("press", key="Tab")
    assert browser("focused") != "BODY"


def test_the_theme_is_a_choice_that_stays(running, browser):
    browser("open", hash="#/")
    colour = "getComputedStyle(document.body).backgroundColor"
    before = browser("evaluate", script=colour)
    browser("click", selector="#theme")  # light
    browser("click", selector="#theme")  # dark
    dark = browser("evaluate", script=colour)
    assert dark != before
    browser("open", hash="#/hosts")
    assert browser("evaluate", script=colour) == dark
    browser("click", selector="#theme")


def test_control_that_is_gone_is_said_and_it_goes_on_by_itself(running, browser):
    browser("open", hash=f"#/service/{running.cluster}/web")
    running.kill("agent")
    browser("wait", selector="#away", text="Control does not answer since")
    assert "web:2" in browser("text", selector="#main"), "what was known stays there"
    running.start_agent()
    browser("wait", selector="#link", text="live")
    assert browser("evaluate", script="document.getElementById('away').hidden")
    running.wait_stable("web")
    browser("wait", selector="#main", text="3 of 3")
    browser("problems")  # Chromium tells of each connection that was refused


def test_a_thousand_services_do_not_make_a_page_of_a_thousand_rows(running, browser):
    """What the first look costs is bounded by what is sent and drawn, which no machine's speed changes."""
    definition = running.register("many")
    for number in range(150):
        running.ecs.create_service(cluster=running.cluster, serviceName=f"many-{number:03}", taskDefinition=definition, desiredCount=0)
    browser("open", hash="#/services")
    browser("wait", selector=".more", text="that are not shown")
    assert browser("count", selector="tbody tr") == 100
    sent = browser("evaluate", script="performance.getEntriesByType('resource').filter((each) => !each.name.includes('live')).reduce((sum, each) => sum + each.decodedBodySize, 0)")
    assert sent < 100_000
    for number in range(150):
        running.ecs.delete_service(cluster=running.cluster, service=f"many-{number:03}")
