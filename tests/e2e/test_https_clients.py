"""Clients that people have, over https through the balancer: a browser, npm's ws, h2load. No container runs here; the targets are
servers in this test."""
import ctypes
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading

import pytest

from conftest import Berth, free_port, wait_until
from test_https import Issuer, Site, image  # noqa: F401

NODE_MODULES = "/usr/share/nodejs"  # where Debian's packages put them
HOST = "www.example.test"

PAGE = """<!doctype html><title>page</title><script>
const out = {};
const done = () => fetch("/result", {method: "POST", body: JSON.stringify(out)});
(async () => {
  out.protocol = performance.getEntriesByType("navigation")[0].nextHopProtocol;
  const answers = await Promise.all([...Array(40).keys()].map(i => fetch("/item/" + i).then(r => r.json())));
  out.items = answers.map(a => a.path);
  out.posted = await fetch("/echo", {method: "POST", body: "x".repeat(300000)}).then(r => r.json());
  const socket = new WebSocket("wss://" + location.host + "/socket");
  out.echoed = await new Promise((resolve, reject) => {
    socket.onopen = () => socket.send("from the page");
    socket.onmessage = message => resolve(message.data);
    socket.onerror = () => reject(new Error("the socket failed"));
  });
})().catch(error => { out.error = String(error); }).finally(done);
</script>"""

SOCKET_SERVER = """
const { WebSocketServer } = require("ws");
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[1]) });
server.on("connection", (socket, request) => {
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});
server.on("listening", () => console.log("listening"));
"""

SOCKET_CLIENT = """
const fs = require("fs"), WebSocket = require("ws");
const [port, ca] = process.argv.slice(1);
const socket = new WebSocket(`wss://www.example.test:${port}/socket`, {
  ca: fs.readFileSync(ca), lookup: (name, options, done) =>
    options && options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4),
});
const large = Buffer.alloc(3_000_000, 7);
const got = {};
socket.on("open", () => { socket.ping("are you there"); socket.send("a text"); socket.send(large); });
socket.on("pong", data => { got.pong = data.toString(); });
socket.on("message", (data, binary) => {
  if (binary) { got.large = large.equals(data); socket.close(4001, "that is all"); } else { got.text = data.toString(); }
});
socket.on("close", (code) => { got.code = code; console.log(JSON.stringify(got)); });
socket.on("error", error => { console.log(String(error)); process.exit(1); });
"""


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/page":
            return self.answer("text/html", PAGE.encode())
        return self.answer("application/json", json.dumps({"path": self.path}).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/result":
            self.server.result = json.loads(body)
        return self.answer("application/json", json.dumps({"bytes": len(body)}).encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024  # of 5, connections of a hundred requests at once are lost, and wait for the idle timeout


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pages = Server(("127.0.0.1", 0), Pages)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    berth, sockets = Berth(tmp_path_factory.mktemp("clients")), None
    try:
        berth.start_control("127.0.0.1")
        berth.start_balancer()
        made = Site(berth, Issuer(tmp_path_factory.mktemp("ca")), pages.server_address[1])
        if shutil.which("node") and os.path.isdir(f"{NODE_MODULES}/ws"):
            port = free_port()
            sockets = subprocess.Popen(["node", "-e", SOCKET_SERVER, str(port)], stdout=subprocess.PIPE, text=True,
                                       env={**os.environ, "NODE_PATH": NODE_MODULES})
            assert sockets.stdout.readline() == "listening\n"
            group = berth.elb.create_target_group(Name="sockets", Protocol="HTTP", Port=port, VpcId="vpc-a", TargetType="ip",
                                                  Matcher={"HttpCode": "426"})["TargetGroups"][0]["TargetGroupArn"]
            berth.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1"}])
            berth.elb.create_rule(ListenerArn=made.listener, Priority=1, Conditions=[{"Field": "path-pattern", "Values": ["/socket"]}],
                                  Actions=[{"Type": "forward", "TargetGroupArn": group}])
            wait_until("the socket server is healthy", lambda: berth.in_service(group, 1))
        made.pages = pages
        yield made
    finally:
        berth.stop()
        pages.shutdown()
        if sockets:
            sockets.kill()
            sockets.wait(10)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"no {program} (scripts/packages test)")


def need_ws():
    need("node")
    if not os.path.isdir(f"{NODE_MODULES}/ws"):
        pytest.skip("no node-ws (scripts/packages test)")


class OwnNetwork:
    """A network namespace in which nothing but the balancer's port is there. A browser fails the requests under way with
    ERR_NETWORK_CHANGED when an interface comes or goes, as each container's does."""
    CLONE_NEWNET = 0x40000000

    def __init__(self, port):
        self.name, self.port = f"berth-{os.getpid()}", port
        subprocess.run(["ip", "netns", "add", self.name], check=True, timeout=30)
        subprocess.run(["ip", "-n", self.name, "link", "set", "lo", "up"], check=True, timeout=30)
        made = []
        inside = threading.Thread(target=lambda: made.append(self.listen()))  # only that thread changes its namespace
        inside.start()
        inside.join()
        self.listening = made[0]
        threading.Thread(target=self.accept, daemon=True).start()

    def listen(self):
        with open(f"/run/netns/{self.name}") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), self.CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        return socket.create_server(("127.0.0.1", self.port))

    def accept(self):
        while True:
            try:
                inner = self.listening.accept()[0]
            except OSError:
                return
            outer = socket.create_connection(("127.0.0.1", self.port))
            for one, other in ((inner, outer), (outer, inner)):
                threading.Thread(target=self.relay, args=(one, other), daemon=True).start()

    @staticmethod
    def relay(one, other):
        try:
            while part := one.recv(65536):
                other.sendall(part)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            for each in (one, other):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def command(self, *words):
        return ["nsenter", f"--net=/run/netns/{self.name}", *words]

    def remove(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        subprocess.run(["ip", "netns", "delete", self.name], timeout=30)


@pytest.fixture
def own_network(site):
    if os.geteuid() != 0:
        pytest.skip("not root: cannot make network namespaces")
    made = OwnNetwork(site.port)
    yield made
    made.remove()


def test_a_browser_loads_a_page_over_http2_fetches_posts_and_opens_a_websocket(site, own_network, tmp_path):
    need("chromium")
    need_ws()
    site.pages.result = None
    with open(tmp_path / "log", "wb") as log:
        browser = subprocess.Popen(
            own_network.command(
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                f"--user-data-dir={tmp_path}/profile", "--ignore-certificate-errors", "--no-proxy-server", "--remote-debugging-port=0",
                f"--host-resolver-rules=MAP {HOST} 127.0.0.1", f"https://{HOST}:{site.port}/page"), stdout=log, stderr=log)
    try:
        wait_until(lambda: f"the page's own result\n{(tmp_path / 'log').read_text(errors='replace')[-2000:]}",
                   lambda: site.pages.result, 120)
    finally:
        browser.terminate()
        browser.wait(30)
    assert site.pages.result == {"protocol": "h2", "items": [f"/item/{i}" for i in range(40)], "posted": {"bytes": 300_000},
                                 "echoed": "from the page"}


def test_npms_ws_talks_through_the_balancer_and_both_ends_learn_of_the_close(site):
    need_ws()
    run = subprocess.run(["node", "-e", SOCKET_CLIENT, str(site.port), str(site.issuer.ca)], capture_output=True, text=True,
                         timeout=60, env={**os.environ, "NODE_PATH": NODE_MODULES})
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(run.stdout) == {"pong": "are you there", "text": "a text", "large": True, "code": 4001}


@pytest.mark.parametrize("options, protocol", [((), "h2"), (("--h1",), "http/1.1")])
def test_h2load_gets_all_its_answers(site, options, protocol):
    need("h2load")
    run = subprocess.run(["h2load", "-n", "3000", "-c", "10", "-m", "10", *options, "--connect-to", f"127.0.0.1:{site.port}",
                          f"https://{HOST}:{site.port}/some"], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"Application protocol: {protocol}" in run.stdout, run.stdout
    assert "3000 total, 3000 started, 3000 done, 3000 succeeded, 0 failed, 0 errored, 0 timeout" in run.stdout, run.stdout
    assert "status codes: 3000 2xx, 0 3xx, 0 4xx, 0 5xx" in run.stdout, run.stdout
