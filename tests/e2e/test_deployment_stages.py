"""Deployments by stages on real containers under load: weights of listener rules, lifecycle hooks called over HTTP, rollback, and not
one lost request."""
import http.server
import json
import threading

import pytest

from conftest import Load, get, wait_until

NAME = "shop"


class Hooks:
    """An endpoint for lifecycle hooks that notes what it is told and answers what `say` has for the stage, else SUCCEEDED."""

    def __init__(self):
        self.calls, self.say = [], {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.calls.append(told)
                words = outer.say.get(told["lifecycleStage"], [])
                answer = words.pop(0) if words else {"hookStatus": "SUCCEEDED"}
                status = answer.pop("status", 200)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?of=shop"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stages(self):
        return [each["lifecycleStage"] for each in self.calls]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="module")
def hooks():
    hooks = Hooks()
    yield hooks
    hooks.close()


@pytest.fixture(scope="module")
def shop(berth, hooks):
    berth.ecs.create_cluster(clusterName=berth.cluster)
    _, first, listener, berth.port = berth.load_balancer("shop")
    second = berth.elb.create_target_group(
        Name="shop-other", Protocol="HTTP", Port=80, VpcId="vpc-a", TargetType="instance", HealthCheckPath="/health",
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
    berth.rule = berth.elb.create_rule(
        ListenerArn=listener, Priority=1, Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": first}])["Rules"][0]["RuleArn"]
    berth.groups = (first, second)
    berth.hook = {"hookTargetArn": hooks.url, "roleArn": "arn:aws:iam::000000000000:role/hooks", "lifecycleStages": [
        "PRE_SCALE_UP", "POST_SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"]}
    created = berth.ecs_json(
        "CreateService", serviceName=NAME, taskDefinition=berth.register(NAME, version="1"), desiredCount=2,
        loadBalancers=[{"targetGroupArn": first, "containerName": "web", "containerPort": 80, "advancedConfiguration": {
            "alternateTargetGroupArn": second, "productionListenerRule": berth.rule,
            "roleArn": "arn:aws:iam::000000000000:role/traffic"}}],
        deploymentConfiguration={"strategy": "CANARY", "bakeTimeInMinutes": 0,
                                 "canaryConfiguration": {"canaryPercent": 50, "canaryBakeTimeInMinutes": 0}})
    assert "service" in created, created
    wait_until("the service is there", lambda: completed(berth), 90)
    return berth


def deployments(berth):
    return berth.ecs_json("ListServiceDeployments", service=NAME)["serviceDeployments"]  # the newest first


def completed(berth):
    service = berth.describe(NAME)
    return (len(service["deployments"]) == 1 and service["deployments"][0]["rolloutState"] == "COMPLETED"
            and service["runningCount"] == service["desiredCount"] and service)


def weights(berth):
    actions = berth.elb.describe_rules(RuleArns=[berth.rule])["Rules"][0]["Actions"]
    groups = actions[0]["ForwardConfig"]["TargetGroups"]
    return tuple(sum(each["Weight"] for each in groups if each["TargetGroupArn"] == arn) for arn in berth.groups)


def deploy(berth, version, strategy, *hooks, **more):
    before = len(deployments(berth))
    answer = berth.ecs_json(
        "UpdateService", service=NAME, taskDefinition=berth.register(NAME, version=version),
        deploymentConfiguration={"strategy": strategy, "bakeTimeInMinutes": 0, "lifecycleHooks": list(hooks), **more})
    assert "service" in answer, answer
    wait_until("the deployment has begun", lambda: len(deployments(berth)) == before + 1)


def wait_for_end(berth, status):
    def ended():
        newest = deployments(berth)[0]
        return newest["status"] == status and completed(berth)
    wait_until(lambda: f"{status}: {deployments(berth)[0]} {[e['message'] for e in berth.describe(NAME)['events'][:8]]}", ended, 120)


def test_a_canary_shifts_by_weights_with_its_hooks_and_loses_nothing(shop, hooks):
    hooks.calls.clear()
    # A hook that is not ready asks to be called again, one that is in trouble is called again anyhow.
    hooks.say = {"POST_SCALE_UP": [{"hookStatus": "IN_PROGRESS", "callBackDelay": 1}], "PRE_SCALE_UP": [{"status": 500}]}
    with Load(shop.port, connections=4) as load:
        deploy(shop, "2", "CANARY", shop.hook, canaryConfiguration={"canaryPercent": 50, "canaryBakeTimeInMinutes": 0})
        wait_for_end(shop, "SUCCESSFUL")
    assert load.report["failed"] == 0 and set(load.report["versions"]) == {"1", "2"}, load.report
    assert weights(shop) in ((0, 100), (100, 0))
    assert hooks.stages() == ["PRE_SCALE_UP"] * 2 + ["POST_SCALE_UP"] * 2 + ["PRODUCTION_TRAFFIC_SHIFT"] * 2 + [
        "POST_PRODUCTION_TRAFFIC_SHIFT"], hooks.stages()
    told = hooks.calls[-1]
    assert told["resourceArn"] == deployments(shop)[0]["serviceDeploymentArn"]
    assert told["executionDetails"]["serviceArn"] == shop.describe(NAME)["serviceArn"]


def test_a_hook_that_fails_gives_all_traffic_back_and_loses_nothing(shop, hooks):
    before = weights(shop)
    hooks.say = {"POST_PRODUCTION_TRAFFIC_SHIFT": [{"hookStatus": "FAILED"}]}
    with Load(shop.port, connections=4) as load:
        deploy(shop, "3", "BLUE_GREEN", shop.hook)
        wait_for_end(shop, "ROLLBACK_SUCCESSFUL")
        assert weights(shop) == before
    assert load.report["failed"] == 0 and "2" in load.report["versions"], load.report
    after = [get(f"http://127.0.0.1:{shop.port}/") for _ in range(20)]
    assert {(status, json.loads(body)["version"]) for status, body in after} == {(200, "2")}, after


def test_a_pause_holds_the_traffic_until_somebody_continues(shop, hooks):
    before = weights(shop)
    pause = {"targetType": "PAUSE", "roleArn": "arn:aws:iam::000000000000:role/hooks", "lifecycleStages": ["POST_SCALE_UP"]}
    with Load(shop.port, connections=4) as load:
        deploy(shop, "4", "BLUE_GREEN", pause)
        newest = deployments(shop)[0]["serviceDeploymentArn"]

        def waiting():
            found = shop.ecs_json("DescribeServiceDeployments", serviceDeploymentArns=[newest])["serviceDeployments"][0]
            return next((each for each in found.get("lifecycleHookDetails", []) if each["status"] == "AWAITING_ACTION"), None)
        hook = wait_until("it pauses", waiting, 60)
        assert weights(shop) == before
        answer = shop.ecs_json("ContinueServiceDeployment", serviceDeploymentArn=newest, hookId=hook["hookId"], action="CONTINUE")
        assert "__type" not in answer, answer
        wait_for_end(shop, "SUCCESSFUL")
    assert load.report["failed"] == 0 and set(load.report["versions"]) == {"2", "4"}, load.report
    assert weights(shop) == before[::-1]
