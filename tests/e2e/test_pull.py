"""Images without a container engine: what Debian's docker-registry has, behind basic authentication, is pulled by the agent and runs; a
tag that moved is pulled anew; errors are in the words that users know."""
import base64
import crypt
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request

import pytest

from conftest import WEB, free_port, wait_until
from test_runtime import Daemonless, image  # noqa: F401 (the fixture that needs no engine)

CREDENTIALS = base64.b64encode(b"team:secret").decode()


class Registry:
    def __init__(self, folder):
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        (folder / "users").write_text("team:" + crypt.crypt("secret", "$2b$05$" + "abcdefghijklmnopqrstuu") + "\n")
        (folder / "registry.yml").write_text(json.dumps({
            "version": 0.1, "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
            "http": {"addr": self.host}, "auth": {"htpasswd": {"realm": "r", "path": str(folder / "users")}}}))
        log = open(folder / "registry.log", "ab")
        self.process = subprocess.Popen(["docker-registry", "serve", str(folder / "registry.yml")], stdout=log, stderr=log)
        wait_until("the registry answers", lambda: self.call("GET", "/v2/")[0] == 200)

    def call(self, method, target, body=None, kind="application/octet-stream"):
        url = target if target.startswith("http") else f"http://{self.host}{target}"
        request = urllib.request.Request(url, data=body, method=method, headers={
            "Authorization": "Basic " + CREDENTIALS, "Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, {}
        except OSError:
            return 0, {}

    def push_blob(self, blob):
        digest = "sha256:" + hashlib.sha256(blob).hexdigest()
        _, headers = self.call("POST", "/v2/team/web/blobs/uploads/", b"")
        location = headers["Location"]
        status, _ = self.call("PUT", location + ("&" if "?" in location else "?") + "digest=" + digest, blob)
        assert status == 201, status
        return {"digest": digest, "size": len(blob)}

    def push(self, tag, layers, environment=()):
        """Gzip layers with an image configuration, in Docker's own types."""
        import gzip
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/web"], "Env": list(environment)}, "rootfs": {
            "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]}}).encode()
        docker = "application/vnd.docker."
        manifest = {"schemaVersion": 2, "mediaType": docker + "distribution.manifest.v2+json",
                    "config": {"mediaType": docker + "container.image.v1+json", **self.push_blob(config)},
                    "layers": [{"mediaType": docker + "image.rootfs.diff.tar.gzip", **self.push_blob(gzip.compress(layer))}
                               for layer in layers]}
        body = json.dumps(manifest).encode()
        status, _ = self.call("PUT", f"/v2/team/web/manifests/{tag}", body, manifest["mediaType"])
        assert status == 201, status
        return "sha256:" + hashlib.sha256(body).hexdigest()


def layer_of(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in members:
            if isinstance(content, bytes):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            else:
                tar.add(content, name)
    return out.getvalue()


@pytest.fixture(scope="module")
def berth():
    if not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed")
    folder = tempfile.mkdtemp(prefix="berth-e2e-")
    berth = Daemonless(folder)
    berth.registry = Registry(berth.folder)
    (berth.folder / "auth.json").write_text(json.dumps({"auths": {berth.registry.host: {"auth": CREDENTIALS}}}))
    berth.start("--registry-auth-file", str(berth.folder / "auth.json"))
    yield berth
    berth.registry.process.terminate()
    berth.registry.process.wait(10)
    berth.end()


def run(berth, tag, command=None):
    container = {"name": "web", "image": f"{berth.registry.host}/team/web:{tag}", "memory": 32, "essential": True}
    definition = berth.ecs.register_task_definition(family="pulled", containerDefinitions=[container])["taskDefinition"]
    task = berth.ecs.run_task(cluster=berth.cluster, taskDefinition=definition["taskDefinitionArn"])["tasks"][0]["taskArn"]
    return wait_until(lambda: berth.log("agent"), lambda: [
        t for t in berth.ecs.describe_tasks(cluster=berth.cluster, tasks=[task])["tasks"] if t["lastStatus"] in ("RUNNING", "STOPPED")])[0]


def test_an_image_of_a_registry_with_authentication_is_pulled_and_runs(berth):
    digest = berth.registry.push("1", [layer_of(("web", WEB)), layer_of(("etc/release", b"one"))])
    task = run(berth, "1")
    assert task["lastStatus"] == "RUNNING", task
    assert task["containers"][0]["imageDigest"] == digest
    berth.ecs.stop_task(cluster=berth.cluster, task=task["taskArn"])


def test_a_tag_that_moved_is_pulled_anew(berth):
    digest = berth.registry.push("1", [layer_of(("web", WEB)), layer_of(("etc/release", b"two"))])
    task = run(berth, "1")
    assert task["containers"][0]["imageDigest"] == digest
    berth.ecs.stop_task(cluster=berth.cluster, task=task["taskArn"])


def test_what_the_registry_does_not_have_says_so(berth):
    task = run(berth, "none")
    assert task["lastStatus"] == "STOPPED"
    reason = task["containers"][0]["reason"]
    assert reason.startswith("CannotPullContainerError") and "not found" in reason, reason
