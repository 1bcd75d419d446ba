"""The balancer with the unit of config/ on a host with systemd: balancer_on_systemd.py BERTH_BALANCER

Clients ask all the time, each request on a connection of its own, while systemd reloads it (another process takes
over and is the unit's main process), restarts it and finds it killed. No client is ever refused; what fails is what a
killed process had in hand. The unit is the one that users copy: only where its program and its configuration are is
put in.
"""

import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

UNIT = pathlib.Path(__file__).resolve().parents[3] / "config/berth-balancer.service"
STATE = pathlib.Path("/var/lib/berth-balancer")
NAME = "berth-balancer.service"
PORT, TARGET_PORT, ADMIN_PORT = 8080, 8081, 8082
CLIENTS = 3
PATIENCE = 120  # seconds; bounds only a failure


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


def systemctl(*words):
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, timeout=PATIENCE)


def unit_says(what):
    return systemctl("show", "--value", "-p", what, NAME).stdout.strip()


class Target(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/slow":
            Target.slow.set()
            Target.go_on.wait(PATIENCE)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def ask(path="/"):
    """What became of one request on a connection of its own: 'ok', 'refused', or how it broke."""
    try:
        connection = socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE)
    except ConnectionRefusedError:
        return "refused"
    with connection:
        try:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while part := connection.recv(4096):
                answer += part
        except OSError as error:
            return f"broke: {error}"
    whole = answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\nok")
    return "ok" if whole else f"broke: {answer[:80]!r}"


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

    def more(self):
        """That requests which began after now have been answered."""
        begin = len(self.results)
        until("requests are answered", lambda: self.results[begin + CLIENTS:].count("ok") >= 2 * CLIENTS)

    def end(self):
        self.done.set()
        for each in self.threads:
            each.join()
        return self.results


def install(program, folder):
    configuration = folder / "balancer.json"
    configuration.write_text(json.dumps({
        "listeners": [{"id": "web", "address": "127.0.0.1", "port": PORT, "default_action": {
            "type": "forward", "forward": {"target_groups": [{"target_group": "web"}]}}}],
        "target_groups": [{"id": "web", "targets": [{"address": "127.0.0.1", "port": TARGET_PORT}]}]}))
    binary = folder / "berth-balancer"
    shutil.copy(program, binary)
    lines = []
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith("ExecStart="):
            line = f"ExecStart={binary} --config {configuration} --state-dir {STATE} --admin 127.0.0.1:{ADMIN_PORT}"
        lines.append(line)
    pathlib.Path("/etc/systemd/system", NAME).write_text("\n".join(lines) + "\n", encoding="utf-8")
    systemctl("daemon-reload")


def examine():
    started = systemctl("start", NAME)
    check(started.returncode == 0, f"the unit starts, once the balancer says that it is ready {started.stderr}")
    until("it serves", lambda: ask() == "ok")
    first = int(unit_says("MainPID"))
    check(int(unit_says("NFileDescriptorStore")) > 0, "systemd keeps its listening sockets")

    clients = Clients()
    slow = []
    waits = threading.Thread(target=lambda: slow.append(ask("/slow")))
    waits.start()
    Target.slow.wait(PATIENCE)
    reloaded = systemctl("reload", NAME)
    check(reloaded.returncode == 0, f"it is reloaded {reloaded.stderr}")
    second = until("another process is the main one", lambda: (p := int(unit_says("MainPID"))) not in (0, first) and p)
    clients.more()
    check(pathlib.Path(f"/proc/{first}").exists(), "the old process stays for the request that it has open")
    Target.go_on.set()
    waits.join()
    check(slow == ["ok"], "which gets its answer")
    until("then the old process is gone", lambda: not pathlib.Path(f"/proc/{first}").exists())
    check(unit_says("ActiveState") == "active", "and the unit is active")
    check(int((STATE / "lock").read_text().split()[0]) == second, "the new process has the state directory")

    systemctl("restart", NAME)
    third = int(unit_says("MainPID"))
    check(third not in (0, first, second), "it is restarted")
    clients.more()
    results = list(clients.results)
    bad = [each for each in results if each != "ok"]
    check(not bad, f"no request of {len(results)} failed over a reload and a restart {bad[:3]}")

    os.kill(third, signal.SIGKILL)
    until("systemd starts a killed one", lambda: int(unit_says("MainPID")) not in (0, third))
    clients.more()
    results = clients.end()
    check("refused" not in results, f"none of {len(results)} clients was refused")
    bad = [each for each in results if each != "ok"]
    check(len(bad) <= CLIENTS, f"what failed is what the killed process had in hand, {len(bad)}")

    systemctl("stop", NAME)
    check(unit_says("ActiveState") == "inactive", "it is stopped")
    check(ask() == "refused", "and nobody listens")


def main():
    Target.slow, Target.go_on = threading.Event(), threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", TARGET_PORT), Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(dir="/run") as work:
        done = False
        try:
            install(sys.argv[1], pathlib.Path(work))
            examine()
            done = True
        finally:
            if not done:
                print(subprocess.run(["journalctl", "--no-pager", "-u", NAME], capture_output=True, text=True).stdout)
                print(systemctl("status", "--no-pager", NAME).stdout)
            systemctl("stop", NAME)


if __name__ == "__main__":
    main()
