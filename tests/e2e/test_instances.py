"""A host that is taken out and comes back, and one that is told to end with much left to do."""
import os
import signal

from conftest import docker, get, wait_until


AT_ONCE = 2 * os.cpu_count()  # --concurrent-starts by default


def run_task(berth, **options):
    ran = berth.ecs.run_task(cluster=berth.cluster, taskDefinition="job", **options)
    assert not ran["failures"], ran["failures"]
    return [t["taskArn"] for t in ran["tasks"]]


def running(arn):
    return docker("ps", "-q", "--filter", f"label=com.amazonaws.ecs.task-arn={arn}").split()


def test_a_deregistered_host_stays_away_until_it_is_asked_and_its_cluster_can_be_deleted(empty_berth):
    berth = empty_berth
    berth.start_agent()
    cluster = berth.cluster
    cli = berth.cli
    berth.register("job")
    arn, = run_task(berth)
    cli("ecs", "wait", "tasks-running", "--cluster", cluster, "--tasks", arn)
    instance, = cli("ecs", "list-container-instances", "--cluster", cluster)["containerInstanceArns"]
    refused = cli("ecs", "deregister-container-instance", "--cluster", cluster, "--container-instance", instance, check=False)
    assert refused.returncode != 0 and "Found running tasks on the instance." in refused.stderr
    gone = cli("ecs", "deregister-container-instance", "--cluster", cluster, "--container-instance", instance, "--force")
    assert gone["containerInstance"]["status"] == "INACTIVE"
    wait_until(lambda: f"the host says that it was taken out: {get(berth.api + '/readyz')}\n{berth.log('agent')}",
               lambda: f"{instance} was deregistered" in get(berth.api + "/readyz")[1], 30)
    assert get(berth.api + "/readyz")[0] == 503
    assert cli("ecs", "list-container-instances", "--cluster", cluster)["containerInstanceArns"] == []
    task = cli("ecs", "describe-tasks", "--cluster", cluster, "--tasks", arn)["tasks"][0]
    assert task["lastStatus"] == "STOPPED"
    assert task["stoppedReason"] == "Container instance deregistration forced by user"
    assert running(arn), "orphaned tasks run on"
    assert cli("ecs", "delete-cluster", "--cluster", cluster)["cluster"]["status"] == "INACTIVE"

    cli("ecs", "create-cluster", "--cluster-name", cluster)
    assert cli("ecs", "list-container-instances", "--cluster", cluster)["containerInstanceArns"] == []
    berth.agent.send_signal(signal.SIGHUP)
    berth.wait_ready(berth.api, berth.agent, "agent")
    back, = cli("ecs", "list-container-instances", "--cluster", cluster)["containerInstanceArns"]
    assert back != instance
    wait_until("the orphaned task is stopped, control has none of it", lambda: not running(arn))

    cli("ecs", "deregister-container-instance", "--cluster", cluster, "--container-instance", back, "--force")
    wait_until("the host was taken out again", lambda: f"{back} was deregistered" in get(berth.api + "/readyz")[1], 30)
    berth.agent.send_signal(signal.SIGTERM)
    berth.agent.wait(15)
    berth.start_agent()
    again, = cli("ecs", "list-container-instances", "--cluster", cluster)["containerInstanceArns"]
    assert again not in (instance, back)


def test_what_was_scaled_away_at_once_does_not_start_any_more(empty_berth):
    berth = empty_berth
    berth.register("many", cpu=0, memory=6)
    berth.ecs.create_service(cluster=berth.cluster, serviceName="many", taskDefinition="many", desiredCount=60)

    def count():
        return len(docker("ps", "-q", "--filter", f"label=com.amazonaws.ecs.cluster={berth.cluster}").split())

    wait_until("the first tasks run", count)
    berth.ecs.update_service(cluster=berth.cluster, service="many", desiredCount=0)
    before = count()
    seen = [before]
    wait_until("nothing runs", lambda: seen.append(count()) or seen[-1] == 0, 120)
    assert max(seen) <= before + AT_ONCE, "only what was being started may still appear"


def test_the_agent_ends_at_once_with_hundreds_of_tasks_queued_and_goes_on_with_them(empty_berth):
    berth = empty_berth
    berth.register("job", cpu=0, memory=6)
    arns = [arn for _ in range(20) for arn in run_task(berth, count=10)]
    wait_until("some run", lambda: len(docker("ps", "-q", "--filter",
                                              f"label=com.amazonaws.ecs.cluster={berth.cluster}").split()) >= 3)
    berth.agent.send_signal(signal.SIGTERM)
    berth.agent.wait(10)
    assert berth.agent.returncode == 0
    survivors = docker("ps", "-q", "--filter", f"label=com.amazonaws.ecs.cluster={berth.cluster}").split()
    berth.start_agent(wait=False)
    berth.wait_ready(berth.api, berth.agent, "agent")
    for arn in arns:
        berth.ecs.stop_task(cluster=berth.cluster, task=arn)

    def over():
        found = []
        for i in range(0, len(arns), 100):
            found += berth.ecs.describe_tasks(cluster=berth.cluster, tasks=arns[i:i + 100])["tasks"]
        return all(t["lastStatus"] == "STOPPED" for t in found)

    wait_until(lambda: f"all stopped\n{berth.log('agent')}", over, 180)
    left = docker("ps", "-q", "--filter", f"label=com.amazonaws.ecs.cluster={berth.cluster}").split()
    assert survivors and left == []
