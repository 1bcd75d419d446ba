"""What an operator does on the first day, with Debian's AWS CLI and its waiters."""
import json

from conftest import IMAGE, get, wait_until


def definition(version, command=None):
    container = {"name": "web", "image": IMAGE, "cpu": 16, "memory": 64, "essential": True,
                 "portMappings": [{"containerPort": 80, "hostPort": 0}],
                 "environment": [{"name": "VERSION", "value": version}]}
    return json.dumps([container])


def test_cluster_to_deletion_with_the_cli(berth):
    cluster = berth.cluster
    cli = berth.cli
    created = cli("ecs", "create-cluster", "--cluster-name", cluster)["cluster"]
    assert created["status"] == "ACTIVE" and created["clusterName"] == cluster
    wait_until("the host joins the cluster",
               lambda: cli("ecs", "list-container-instances", "--cluster", cluster)["containerInstanceArns"], 30)
    cli("ecs", "register-task-definition", "--family", "walk", "--network-mode", "bridge", "--container-definitions",
        definition("1"))
    _, group, _, port = berth.load_balancer("walk")
    service = cli("ecs", "create-service", "--cluster", cluster, "--service-name", "walk", "--task-definition", "walk",
                  "--desired-count", "3", "--load-balancers",
                  f"targetGroupArn={group},containerName=web,containerPort=80")["service"]
    assert service["taskDefinition"].endswith("walk:1")
    cli("ecs", "wait", "services-stable", "--cluster", cluster, "--services", "walk")
    berth.wait_stable("walk")
    answers = berth.spread(port)
    assert len(answers) == 3 and max(answers.values()) - min(answers.values()) <= 6, answers

    for count in (6, 2):
        cli("ecs", "update-service", "--cluster", cluster, "--service", "walk", "--desired-count", count)
        cli("ecs", "wait", "services-stable", "--cluster", cluster, "--services", "walk")
        berth.wait_stable("walk")
        assert len(berth.spread(port)) == count

    cli("ecs", "register-task-definition", "--family", "walk", "--network-mode", "bridge", "--container-definitions",
        definition("2"))
    cli("ecs", "update-service", "--cluster", cluster, "--service", "walk", "--task-definition", "walk:2")
    cli("ecs", "wait", "services-stable", "--cluster", cluster, "--services", "walk")
    berth.wait_stable("walk")
    assert json.loads(get(f"http://127.0.0.1:{port}/")[1])["version"] == "2"
    found = cli("ecs", "describe-services", "--cluster", cluster, "--services", "walk")["services"][0]
    assert found["taskDefinition"].endswith("walk:2") and len(found["deployments"]) == 1
    messages = [e["message"] for e in found["events"]]
    assert any("has reached a steady state." in m for m in messages), messages
    health = cli("elbv2", "describe-target-health", "--target-group-arn", group)["TargetHealthDescriptions"]
    assert [h["TargetHealth"]["State"] for h in health if h["TargetHealth"]["State"] != "draining"] == ["healthy"] * 2

    cli("ecs", "delete-service", "--cluster", cluster, "--service", "walk", "--force")
    wait_until("the service is inactive", lambda: cli("ecs", "describe-services", "--cluster", cluster, "--services",
                                                      "walk")["services"][0]["status"] == "INACTIVE", 60)
    assert cli("ecs", "list-services", "--cluster", cluster)["serviceArns"] == []
    assert get(f"http://127.0.0.1:{port}/")[0] == 503


def test_one_off_task_tells_its_exit_code(berth):
    cluster = berth.cluster
    berth.cli("ecs", "create-cluster", "--cluster-name", cluster)
    berth.register("job")
    overrides = {"containerOverrides": [{"name": "web", "environment": [{"name": "EXIT_CODE", "value": "42"}]}]}
    ran = berth.cli("ecs", "run-task", "--cluster", cluster, "--task-definition", "job", "--overrides", json.dumps(overrides))
    assert ran["failures"] == []
    arn = ran["tasks"][0]["taskArn"]
    berth.cli("ecs", "wait", "tasks-stopped", "--cluster", cluster, "--tasks", arn)
    task = berth.cli("ecs", "describe-tasks", "--cluster", cluster, "--tasks", arn)["tasks"][0]
    assert task["containers"][0]["exitCode"] == 42
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["lastStatus"] == "STOPPED" and task["stoppedAt"] >= task["createdAt"]


def test_stopping_a_task_says_who_and_why(berth):
    cluster = berth.cluster
    berth.register("job")
    ran = berth.cli("ecs", "run-task", "--cluster", cluster, "--task-definition", "job", "--started-by", "e2e")
    arn = ran["tasks"][0]["taskArn"]
    berth.cli("ecs", "wait", "tasks-running", "--cluster", cluster, "--tasks", arn)
    assert berth.cli("ecs", "list-tasks", "--cluster", cluster, "--started-by", "e2e")["taskArns"] == [arn]
    stopped = berth.cli("ecs", "stop-task", "--cluster", cluster, "--task", arn, "--reason", "enough")["task"]
    assert stopped["desiredStatus"] == "STOPPED"
    berth.cli("ecs", "wait", "tasks-stopped", "--cluster", cluster, "--tasks", arn)
    task = berth.cli("ecs", "describe-tasks", "--cluster", cluster, "--tasks", arn)["tasks"][0]
    assert task["stopCode"] == "UserInitiated" and task["stoppedReason"] == "enough"
    assert task["containers"][0]["exitCode"] == 0


def test_an_image_that_does_not_exist_fails_the_task_with_its_reason(berth):
    cluster = berth.cluster
    berth.register("missing", image="127.0.0.1:1/none:1")
    arn = berth.cli("ecs", "run-task", "--cluster", cluster, "--task-definition", "missing")["tasks"][0]["taskArn"]
    berth.cli("ecs", "wait", "tasks-stopped", "--cluster", cluster, "--tasks", arn)
    task = berth.cli("ecs", "describe-tasks", "--cluster", cluster, "--tasks", arn)["tasks"][0]
    assert task["stopCode"] == "TaskFailedToStart"
    assert "CannotPull" in task["containers"][0]["reason"], task
    assert "exitCode" not in task["containers"][0]
