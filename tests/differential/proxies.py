"""berth-balancer in its three desync modes, HAProxy and nginx, each before a target of its own that writes down what it is told.

Everything is on 127.0.0.1. One event loop and one thread in each proxy, so that what it has done for one connection is done before it
answers on the next one: a request of ours behind each case (`settled`) says when a target has been told all.
"""
import fcntl
import json
import os
import random
import re
import select
import selectors
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
import urllib.request

import h2_answers
import reader

TCP_ESTABLISHED, TCP_CLOSE_WAIT = 1, 8  # of TCP_INFO
LIMIT = 20  # seconds for one wait; only bounds a failure
MODES = ["defensive", "monitor", "strictest"]
NAMES = MODES + ["haproxy", "nginx"]


def missing():
    for program in ("haproxy", "nginx"):
        if shutil.which(program) is None and not os.path.exists("/usr/sbin/" + program):
            return program + " is not installed (scripts/packages test)"
    return ""


def program(name):
    return shutil.which(name) or "/usr/sbin/" + name


def free_port():
    """Below those that the kernel gives to connections: whoever asks for this one gets it, if another run does not draw the same."""
    while True:
        port = random.randrange(15000, 32000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
            return port
        except OSError:
            pass


class Connection:
    def __init__(self, sock):
        self.sock, self.data, self.at, self.ended = sock, b"", 0, False
        self.told = b""  # since the last look


def waits_for_acknowledgement(sock):
    """What was sent is not with the other side, and may still come there: a connection that was reset keeps it for ever."""
    unsent = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0]
    state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return bool(unsent) and state in (TCP_ESTABLISHED, TCP_CLOSE_WAIT)


class Target:
    """Answers each whole request with its method and target; where `script` is set, that decides."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.server.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.server, selectors.EVENT_READ)
        self.connections, self.script, self.lock = [], None, threading.Lock()
        self.wake, self.stop = socket.socketpair()
        self.selector.register(self.wake, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.wake:
                    return
                with self.lock:
                    if key.fileobj is self.server:
                        self.accept()
                    else:
                        self.serve(key.data)

    def accept(self):
        self.server.settimeout(0)
        try:
            sock = self.server.accept()[0]
        except BlockingIOError:
            return
        finally:
            self.server.settimeout(None)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what it says is there at once
        connection = Connection(sock)
        self.connections.append(connection)
        self.selector.register(sock, selectors.EVENT_READ, connection)

    def fill(self, connection):
        try:
            while not connection.ended:
                data = connection.sock.recv(256 * 1024)
                connection.data += data
                connection.told += data
                connection.ended = not data
        except BlockingIOError:
            pass
        except OSError:
            connection.ended = True

    def serve(self, connection):
        self.fill(connection)
        reading = reader.read(connection.data)
        answer = b""
        for request in reading.requests:
            if not request.whole:
                continue
            if request.target.startswith(b"/settled-"):
                self.accept()
                for other in self.connections:
                    self.fill(other)
            scripted = self.script and self.script(request, connection)
            if scripted is not None:
                answer += scripted
                continue
            body = request.method + b" " + request.target
            answer += b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + (b"" if request.method == b"HEAD" else body)
        if reading.stopped and reading.stopped not in ("incomplete", "after-close"):
            answer += b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            connection.ended = True
        connection.data = connection.data[reading.used:]
        try:
            connection.sock.setblocking(True)
            connection.sock.sendall(answer)
            connection.sock.setblocking(False)
        except OSError:
            connection.ended = True
        if connection.ended:
            self.end(connection)

    def say(self, data):
        """On every connection, asked or not; returns when it is with the proxy's kernel."""
        with self.lock:
            for each in self.connections:
                try:
                    each.sock.sendall(data)
                    until = time.monotonic() + LIMIT
                    while waits_for_acknowledgement(each.sock) and time.monotonic() < until:
                        time.sleep(0.001)
                except OSError:
                    pass

    def end(self, connection):
        try:
            self.selector.unregister(connection.sock)
        except (KeyError, ValueError):
            pass
        connection.sock.close()

    def take(self):
        """What each connection was told since the last call: (bytes, ended)."""
        with self.lock:
            out = [(each.told, each.ended) for each in self.connections if each.told]
            for each in self.connections:
                each.told = b""
                if each.ended:
                    self.end(each)
            self.connections = [each for each in self.connections if not each.ended]
        return out

    def close(self):
        self.stop.close()
        self.thread.join()
        self.server.close()
        for each in self.connections:
            each.sock.close()


def settle(port, number):
    """A plain request on a connection of its own; what came back, which should be its own answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
        client.sendall(b"GET /settled-%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % number)
        return read_all(client)


def read_all(client):
    data = b""
    try:
        while chunk := client.recv(64 * 1024):
            data += chunk
    except OSError:  # a reset is an end
        pass
    return data


def exchange(port, data, patience=0.0):
    """Sends it all, says that this is all once nothing has come for `patience` seconds, and reads to the end."""
    out = b""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
        try:
            client.sendall(data)
            while patience and select.select([client], [], [], patience)[0]:
                more = client.recv(64 * 1024)
                out += more
                if not more:
                    return out
            client.shutdown(socket.SHUT_WR)
        except OSError:  # refused before it had read it all
            pass
        return out + read_all(client)


BERTH_RULES = [
    {"priority": 1, "conditions": [{"field": "path-pattern", "values": ["/fixed"]}],
     "action": {"type": "fixed-response", "fixed_response": {"status": 404, "content_type": "text/plain", "body": "fixed"}}},
    {"priority": 2, "conditions": [{"field": "path-pattern", "values": ["/redirect"]}],
     "action": {"type": "redirect", "redirect": {"status": 302, "path": "/elsewhere"}}}]

HAPROXY = """
global
  nbthread 1
  stats socket {folder}/haproxy.sock
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  timeout http-keep-alive 5s
  retries 1
frontend h1
  bind 127.0.0.1:{haproxy}
  use_backend all
frontend h2
  bind 127.0.0.1:{haproxy_h2} proto h2
  use_backend all
frontend to_h2
  bind 127.0.0.1:{haproxy_to_h2} proto h2
  use_backend to_h2
backend to_h2
  http-reuse always
  server target 127.0.0.1:{haproxy_h2_target} proto h2
backend all
  http-request return status 404 if {{ path /fixed }}
  http-request redirect location /elsewhere if {{ path /redirect }}
  http-reuse always
  server target 127.0.0.1:{haproxy_target}
"""

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_header_timeout 5s; client_body_timeout 5s; keepalive_timeout 5s; send_timeout 5s; lingering_timeout 1s;
  large_client_header_buffers 8 17k;
  upstream target {{ server 127.0.0.1:{nginx_target}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{nginx};
    listen 127.0.0.1:{nginx_h2} http2;
    location = /fixed {{ return 404; }}
    location = /redirect {{ return 302 /elsewhere; }}
    location / {{
      proxy_pass http://target;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_ignore_client_abort on;
      proxy_read_timeout 5s;
    }}
  }}
}}
"""


def start(berth):
    """A drawn port may be another's by the time that it is used."""
    for last in (False, False, False, False, True):
        try:
            return Proxies(berth)
        except AssertionError:
            if last:
                raise


class Proxies:
    def __init__(self, berth):
        self.folder = tempfile.mkdtemp(prefix="berth-differential-")
        self.targets = {name: Target() for name in NAMES}
        self.ports = {name: free_port() for name in [*NAMES, "haproxy_h2", "nginx_h2", "berth_to_h2", "haproxy_to_h2"]}
        self.h2_targets = {name: h2_answers.Target() for name in ("berth", "haproxy")}
        self.processes = []
        admin = free_port()
        # A health check would be one more thing that a target is told.
        config = {"version": 1, "listeners": [
            {"id": mode, "address": "127.0.0.1", "port": self.ports[mode], "options": {"desync": mode, "idle_timeout_ms": 5000},
             "rules": BERTH_RULES, "default_action": {"type": "forward", "forward": {"target_groups": [{"target_group": mode}]}}} for mode in MODES] + [
            {"id": "to_h2", "address": "127.0.0.1", "port": self.ports["berth_to_h2"], "options": {"idle_timeout_ms": 5000},
             "default_action": {"type": "forward", "forward": {"target_groups": [{"target_group": "to_h2"}]}}}],
            "target_groups": [{"id": mode, "health_check": {"enabled": False},
                               "targets": [{"address": "127.0.0.1", "port": self.targets[mode].port}]} for mode in MODES] + [
            {"id": "to_h2", "protocol_version": "http2", "health_check": {"enabled": False}, "targets": [{"address": "127.0.0.1", "port": self.h2_targets["berth"].port}]}]}
        values = {"folder": self.folder, **self.ports, **{name + "_target": self.targets[name].port for name in NAMES},
                  "haproxy_h2_target": self.h2_targets["haproxy"].port}
        for name, text in {"berth.json": json.dumps(config), "haproxy.cfg": HAPROXY.format(**values), "nginx.conf": NGINX.format(**values)}.items():
            with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
                file.write(text)
        self.start("berth", [berth, "--config", self.folder + "/berth.json", "--workers", "1", "--admin", f"127.0.0.1:{admin}"])
        self.start_haproxy()
        self.start("nginx", [program("nginx"), "-p", self.folder, "-c", self.folder + "/nginx.conf"])
        until = time.monotonic() + LIMIT
        for port in [*self.ports.values(), admin]:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=LIMIT).close()
                    break
                except OSError:
                    if time.monotonic() > until or not self.alive():
                        logs = self.logs()
                        self.close()
                        raise AssertionError("a proxy did not start:\n" + logs) from None
                    time.sleep(0.02)
        self.admin = admin

    def start_haproxy(self):
        self.start("haproxy", [program("haproxy"), "-db", "-f", self.folder + "/haproxy.cfg"])
        self.haproxy = self.processes[-1]

    def haproxy_died(self):
        """Whether it has ended in a moment in which it should have answered; it is there again then."""
        try:
            self.haproxy.wait(2)
        except subprocess.TimeoutExpired:
            return False
        self.processes.remove(self.haproxy)
        self.start_haproxy()
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.ports["haproxy_to_h2"]), timeout=LIMIT).close()
                break
            except OSError:
                time.sleep(0.02)
        return True

    def start(self, name, command):
        with open(os.path.join(self.folder, name + ".out"), "wb") as log:
            environment = {key: value for key, value in os.environ.items() if not key.startswith("BERTH_")}  # its settings
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=environment))

    def logs(self):
        out = ""
        for name in ("berth.out", "haproxy.out", "nginx.out", "nginx.log"):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                out += name + ":\n" + open(path, encoding="utf-8", errors="replace").read()[-2000:] + "\n"
        return out

    def metric(self, pattern):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=LIMIT) as page:
            return sum(float(value) for value in re.findall(pattern + r".* (\d+)", page.read().decode()))

    def alive(self):
        return all(each.poll() is None for each in self.processes)

    def close(self):
        for each in self.processes:
            each.terminate()
        for each in self.processes:
            try:
                each.wait(LIMIT)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()
        for target in [*self.targets.values(), *self.h2_targets.values()]:
            target.close()
        shutil.rmtree(self.folder, ignore_errors=True)
