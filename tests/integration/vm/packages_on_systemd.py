#!/usr/bin/python3
"""The Debian packages on a host with systemd: packages_on_systemd.py FOLDER OF THE PACKAGES

They are installed, and a service of one container runs behind the balancer: control as a user of its own, the agent, and
the balancer in its sandbox. Clients ask all the time, each request on a connection of its own, while the balancer is
reloaded, restarted and killed, and while all are upgraded. No client is ever refused; what fails is what a killed
process had in hand. Then the packages are removed and purged.
"""

import http.server
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading

from guest import IMAGE, PATIENCE, Ecs, Elb, busybox_image, check, ready, until

CONTROL_DATA = pathlib.Path("/var/lib/berth-control")
STATE = pathlib.Path("/var/lib/berth-balancer")
AGENT, CONTROL, BALANCER = "berth-agent.service", "berth-control.service", "berth-balancer.service"
SERVICE_PORT, SLOW_PORT, TARGET_PORT = 8080, 8081, 9001
CLIENTS = 2
PAUSE = 0.2  # seconds between two requests of one: the machine is emulated
VPC = "vpc-a"


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=5 * PATIENCE, **more)


def succeeds(what, *words, **more):
    done = run(*words, **more)
    check(done.returncode == 0, what if done.returncode == 0 else f"{what}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def says(unit, what):
    return run("systemctl", "show", "--value", "-p", what, unit).stdout.strip()


def main_process(unit):
    return int(says(unit, "MainPID"))


def dpkg(what, *words):
    return succeeds(what, "dpkg", "--force-unsafe-io", *words, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


class SlowTarget(http.server.BaseHTTPRequestHandler):
    asked, go_on = threading.Event(), threading.Event()

    def do_GET(self):
        if self.path == "/slow":
            self.asked.set()
            self.go_on.wait(PATIENCE)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def ask(port=SERVICE_PORT, path="/"):
    """What became of one request on a connection of its own: 'ok', 'refused', or how it broke."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while part := connection.recv(4096):
                answer += part
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return f"broke: {error}"
    whole = answer.startswith(b"HTTP/1.1 200 ") and answer.rstrip().endswith(b"\r\n\r\nok")
    return "ok" if whole else f"broke: {answer[:120]!r}"


class Clients:
    """Ask until they are told to end."""

    def __init__(self):
        self.results, self.done = [], threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(CLIENTS)]
        for each in self.threads:
            each.start()

    def run(self):
        while not self.done.is_set():
            self.results.append(ask())
            self.done.wait(PAUSE)

    def more(self):
        """That requests which began after now have been answered."""
        begin = len(self.results)
        until("requests are answered", lambda: self.results[begin + CLIENTS:].count("ok") >= 2 * CLIENTS)

    def bad(self):
        return [each for each in self.results if each != "ok"]

    def end(self):
        self.done.set()
        for each in self.threads:
            each.join()


def install(packages):
    # Its index would be made of all manual pages of the machine, each of which then holds a descriptor of who shares the files.
    pathlib.Path("/var/lib/man-db/auto-update").unlink(missing_ok=True)
    dpkg("the packages are installed", "-i", *packages)
    check(all(says(unit, "ActiveState") == "inactive" for unit in (AGENT, CONTROL, BALANCER)),
          "nothing runs before it is set up")
    succeeds("control starts", "systemctl", "enable", "--now", CONTROL)
    check(ready(), "and is ready by then")
    check(CONTROL_DATA.stat().st_uid != 0 and CONTROL_DATA.stat().st_mode & 0o777 == 0o700, "its state is its own user's")

    shutil.copy(CONTROL_DATA / "node-credentials", "/etc/berth/node-credentials")
    pathlib.Path("/etc/ecs/ecs.config").write_text(
        "BERTH_CONTROL=http://127.0.0.1:7350\nBERTH_NODE_KEY_FILE=/etc/berth/node-credentials\n", encoding="utf-8")
    succeeds("the agent starts", "systemctl", "enable", "--now", AGENT)
    token = pathlib.Path("/etc/berth/balancer-token")
    shutil.copy(CONTROL_DATA / "balancer-token", token)
    shutil.chown(token, "root", "berth-balancer")
    token.chmod(0o640)
    pathlib.Path("/etc/berth/balancer.env").write_text(
        f"BERTH_BALANCER_CONTROL=http://127.0.0.1:7350\nBERTH_BALANCER_TOKEN_FILE={token}\n"
        "BERTH_BALANCER_ACCESS_LOG=/var/log/berth-balancer/access.log\n", encoding="utf-8")
    succeeds("the balancer starts", "systemctl", "enable", "--now", BALANCER)


def listen(elb, load_balancer, group, port):
    elb("CreateListener", LoadBalancerArn=load_balancer, Protocol="HTTP", Port=port,
        DefaultActions_member_1_Type="forward", DefaultActions_member_1_TargetGroupArn=group)


def run_service(ecs, elb):
    load_balancer = elb("CreateLoadBalancer", "LoadBalancerArn", Name="web", Subnets_member_1="subnet-a",
                        Subnets_member_2="subnet-b")
    group = {"Protocol": "HTTP", "VpcId": VPC, "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 4,
             "HealthyThresholdCount": 2}
    service_group = elb("CreateTargetGroup", "TargetGroupArn", Name="web", Port=80, TargetType="instance", **group)
    slow_group = elb("CreateTargetGroup", "TargetGroupArn", Name="slow", Port=80, TargetType="ip", **group)
    listen(elb, load_balancer, service_group, SERVICE_PORT)
    listen(elb, load_balancer, slow_group, SLOW_PORT)
    elb("RegisterTargets", TargetGroupArn=slow_group, Targets_member_1_Id="127.0.0.1",
        Targets_member_1_Port=TARGET_PORT)
    script = "mkdir /www; printf ok >/www/index.html; exec busybox httpd -f -p 80 -h /www"
    ecs("RegisterTaskDefinition", family="web", containerDefinitions=[
        {"name": "web", "image": IMAGE, "command": ["sh", "-c", script], "memory": 32,
         "portMappings": [{"containerPort": 80, "hostPort": 0}]}])
    until("a host has joined", lambda: ecs("ListContainerInstances")["containerInstanceArns"])
    ecs("CreateService", serviceName="web", taskDefinition="web", desiredCount=1, loadBalancers=[
        {"targetGroupArn": service_group, "containerName": "web", "containerPort": 80}])
    until("a service runs behind the balancer", lambda: ask() == "ok")


def engine_ids():
    return run("docker", "ps", "-q", "--no-trunc", "--filter", f"ancestor={IMAGE}").stdout.split()


def disturb_balancer(clients):
    first = main_process(BALANCER)
    check(int(says(BALANCER, "NFileDescriptorStore")) > 0, "systemd keeps its listening sockets")
    until("the slow target answers", lambda: ask(SLOW_PORT) == "ok")
    slow = []
    waits = threading.Thread(target=lambda: slow.append(ask(SLOW_PORT, "/slow")))
    waits.start()
    SlowTarget.asked.wait(PATIENCE)
    succeeds("it is reloaded", "systemctl", "reload", BALANCER)
    second = until("another process is the main one", lambda: (p := main_process(BALANCER)) not in (0, first) and p)
    clients.more()
    check(pathlib.Path(f"/proc/{first}").exists(), "the old process stays for the request that it has open")
    SlowTarget.go_on.set()
    waits.join()
    check(slow == ["ok"], "which gets its answer")
    until("then the old process is gone", lambda: not pathlib.Path(f"/proc/{first}").exists())
    check(says(BALANCER, "ActiveState") == "active", "and the unit is active")
    check(int((STATE / "lock").read_text().split()[0]) == second, "the new process has the state directory")
    succeeds("it is restarted", "systemctl", "restart", BALANCER)
    clients.more()
    check(not clients.bad(), f"no request of {len(clients.results)} failed over both {clients.bad()[:3]}")


def upgrade(packages, clients):
    before = {unit: main_process(unit) for unit in (AGENT, CONTROL, BALANCER)}
    containers = engine_ids()
    dpkg("the packages are upgraded", "-i", *packages)
    check(ready(), "control is ready again")
    until("each has another process", lambda: all(main_process(u) not in (0, p) for u, p in before.items()))
    clients.more()
    check(engine_ids() == containers, "the container is the same")
    check(not clients.bad(), f"no request of {len(clients.results)} failed over the upgrade {clients.bad()[:3]}")


def kill(clients):
    killed = main_process(BALANCER)
    os.kill(killed, signal.SIGKILL)
    until("systemd starts a killed balancer", lambda: main_process(BALANCER) not in (0, killed))
    clients.more()
    check("refused" not in clients.results, f"none of {len(clients.results)} clients was refused")
    check(len(clients.bad()) <= CLIENTS, f"what failed is what the killed process had in hand, {len(clients.bad())}")


def remove():
    containers = engine_ids()
    dpkg("the packages are removed", "-r", "berth-agent", "berth-balancer")
    check(ask() == "refused", "nobody listens any more")
    check(engine_ids() == containers and containers, "the container goes on")
    check(says(BALANCER, "LoadState") == "not-found", "the unit is gone")
    check(pathlib.Path("/etc/ecs/ecs.config").exists(), "the settings stay")
    subprocess.run(["debconf-set-selections"], input="berth-agent berth-agent/purge-data boolean true\n", text=True,
                   check=True)
    said = dpkg("the packages are purged", "-P", "berth-agent", "berth-balancer")
    check(not pathlib.Path("/etc/ecs/ecs.config").exists(), "the settings are gone")
    check(not CONTROL_DATA.exists(), "control's state is gone, since that was said")
    check(STATE.exists() and "what it stored is left" in said, "the balancer's is left, since it was not")


def main():
    folder = pathlib.Path(sys.argv[1])
    packages = [sorted(str(path) for path in folder.glob(f"*-{revision}_*.deb")) for revision in (1, 2)]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", TARGET_PORT), SlowTarget)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # Images that things are built in forbid packages to touch services; a host does not.
    pathlib.Path("/usr/sbin/policy-rc.d").unlink(missing_ok=True)
    succeeds("the engine starts", "systemctl", "start", "docker")
    busybox_image()
    done = False
    try:
        install(packages[0])
        run_service(Ecs(CONTROL_DATA), Elb(CONTROL_DATA))
        clients = Clients()
        disturb_balancer(clients)
        upgrade(packages[1], clients)
        kill(clients)
        clients.end()
        remove()
        done = True
    finally:
        if not done:
            for unit in (AGENT, CONTROL, BALANCER):
                print(run("journalctl", "--no-pager", "-n", "60", "-u", unit).stdout)
                print(run("systemctl", "status", "--no-pager", "-n", "0", unit).stdout)


if __name__ == "__main__":
    main()
