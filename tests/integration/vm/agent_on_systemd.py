"""The agent (control and node) on a host with systemd: agent_on_systemd.py BERTH_AGENT

Tasks are run through the real API and looked at in the kernel: a slice of the task's own with its limits, the container
inside, a hungry processor throttled, a hungry memory killed and told, and nothing left afterwards. The requests are
signed by curl: boto3 takes longer to load in an emulated machine than all the rest.
"""

import configparser
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

API = "http://127.0.0.1:7350"
IMAGE = "berth-test/busybox:1"  # made by on_systemd
SLICES = pathlib.Path("/sys/fs/cgroup/berth.slice")
PATIENCE = 120  # seconds; bounds only a failure
MIB = 1024 * 1024


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED {what}")
    print(f"ok {what}", flush=True)


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > end:
            sys.exit(f"FAILED not within {PATIENCE} s: {what}")
        time.sleep(0.1)
    print(f"ok {what}", flush=True)
    return value


def ready():
    try:
        with urllib.request.urlopen(API + "/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


class Ecs:
    def __init__(self, folder):
        keys = configparser.ConfigParser()
        keys.read(folder / "credentials")
        profile = keys[keys.sections()[0]]
        self.user = profile["aws_access_key_id"] + ":" + profile["aws_secret_access_key"]

    def __call__(self, action, **members):
        answer = subprocess.run(
            ["curl", "-sS", "--max-time", "30", "--aws-sigv4", "aws:amz:us-east-1:ecs", "--user", self.user, "-H",
             "Content-Type: application/x-amz-json-1.1", "-H",
             f"X-Amz-Target: AmazonEC2ContainerServiceV20141113.{action}", "-d", json.dumps(members), API],
            check=True, capture_output=True, text=True).stdout
        body = json.loads(answer or "{}")
        if "__type" in body:
            sys.exit(f"FAILED {action}: {answer}")
        return body

    def run_task(self, family, script, cpu, memory):
        self("RegisterTaskDefinition", family=family, cpu=cpu, memory=memory, containerDefinitions=[
            {"name": "main", "image": IMAGE, "command": ["sh", "-c", script], "essential": True, "stopTimeout": 2}])
        return self("RunTask", taskDefinition=family)["tasks"][0]["taskArn"]

    def task(self, arn):
        return self("DescribeTasks", tasks=[arn])["tasks"][0]


def slice_of(arn):
    return SLICES / f"berth-{arn.rsplit('/', 1)[1]}.slice"


def processes_in(group):
    return [int(pid) for path in group.rglob("cgroup.procs") for pid in path.read_text().split()]


def value(path, key):
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.split()[0] == key)


def examine(ecs):
    spinning = ecs.run_task("spinning", "while :; do :; done", "256", "64")
    eating = ecs.run_task("eating", "x=0123456789abcdef; while :; do x=$x$x; done", "256", "32")

    until("the spinning task is RUNNING", lambda: ecs.task(spinning)["lastStatus"] == "RUNNING")
    group = slice_of(spinning)
    check((group / "cpu.max").read_text().split() == ["25000", "100000"], "its slice has the task's cpu")
    check(int((group / "memory.max").read_text()) == 64 * MIB, "its slice has the task's memory")
    engine_id = ecs.task(spinning)["containers"][0]["runtimeId"]
    pid = subprocess.run(["docker", "inspect", "-f", "{{.State.Pid}}", engine_id], check=True, capture_output=True,
                         text=True).stdout
    check(int(pid) in processes_in(group), "the container's process is in it")
    begin = value(group / "cpu.stat", "nr_periods"), value(group / "cpu.stat", "usage_usec")
    until("periods pass", lambda: value(group / "cpu.stat", "nr_periods") >= begin[0] + 10)
    used = value(group / "cpu.stat", "usage_usec") - begin[1]
    periods = value(group / "cpu.stat", "nr_periods") - begin[0]
    check(value(group / "cpu.stat", "nr_throttled") > 0, "it is throttled")
    check(used / periods < 25000 * 1.5, f"it used {used / periods / 1000:.1f} ms of each period of 100 ms")

    stopped = until("the eating task is STOPPED", lambda: (t := ecs.task(eating))["lastStatus"] == "STOPPED" and t)
    container = stopped["containers"][0]
    check(container.get("exitCode") == 137, f"with exit code {container.get('exitCode')}")
    check(container.get("reason", "").startswith("OutOfMemoryError"), f"for {container.get('reason')}")

    ecs("StopTask", task=spinning)
    until("the spinning task is STOPPED", lambda: ecs.task(spinning)["lastStatus"] == "STOPPED")
    for arn in (spinning, eating):
        until("its slice is gone", lambda: not slice_of(arn).exists())
    units = subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", "berth-*.slice"], check=True,
                           capture_output=True, text=True).stdout
    check("berth-" not in units, "no unit is left")


def main():
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        log = folder / "agent.log"
        with open(log, "wb") as out:
            agent = subprocess.Popen(
                [sys.argv[1], "--roles", "control,node", "--data-dir", str(folder), "--listen", API.split("//")[1]],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1s",
                     "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER": "0s"})
        done = False
        try:
            until("the agent is ready", ready)
            examine(Ecs(folder))
            done = True
        finally:
            agent.terminate()
            agent.wait()
            said = log.read_text(encoding="utf-8", errors="replace")
            if not done:
                print(said)
        check("task_limits_off" not in said and "task_cgroup_not_removed" not in said, "without a warning of the agent")


if __name__ == "__main__":
    main()
