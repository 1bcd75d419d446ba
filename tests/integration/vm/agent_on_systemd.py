"""The agent (control and node) on a host with systemd: agent_on_systemd.py BERTH_AGENT

Tasks are run through the real API and looked at in the kernel: a slice of the task's own with its limits, the container
inside, a hungry processor throttled, a hungry memory killed and told, and nothing left afterwards.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from guest import API, Ecs, busybox_image, check, ready, until

SLICES = pathlib.Path("/sys/fs/cgroup/berth.slice")
MIB = 1024 * 1024


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
    busybox_image()
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
