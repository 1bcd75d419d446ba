"""What the programs of this folder share: checks, and signed calls of control's API from inside of the machine.

The requests are signed by curl: boto3 takes longer to load in an emulated machine than all the rest.
"""

import configparser
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

API = "http://127.0.0.1:7350"
IMAGE = "berth-test/busybox:1"  # made by busybox_image
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


def ready():
    try:
        with urllib.request.urlopen(API + "/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def busybox_image():
    """The engine's, as tests/support/docker_host.h has it."""
    with tempfile.TemporaryDirectory() as work:
        binaries = pathlib.Path(work) / "bin"
        binaries.mkdir()
        shutil.copy("/bin/busybox", binaries / "busybox")
        (binaries / "sh").symlink_to("busybox")
        archive = subprocess.run(["tar", "-C", work, "-c", "."], check=True, capture_output=True).stdout
        subprocess.run(["docker", "import", "-", IMAGE], input=archive, check=True, capture_output=True)


class Signed:
    def __init__(self, folder, service):
        keys = configparser.ConfigParser()
        keys.read(folder / "credentials")
        profile = keys[keys.sections()[0]]
        self.command = ["curl", "-sS", "--max-time", "30", "--aws-sigv4", f"aws:amz:us-east-1:{service}", "--user",
                        profile["aws_access_key_id"] + ":" + profile["aws_secret_access_key"], API]

    def ask(self, *words):
        return subprocess.run([*self.command, *words], check=True, capture_output=True, text=True).stdout


class Elb(Signed):
    def __init__(self, folder):
        super().__init__(folder, "elasticloadbalancing")

    def __call__(self, action, wanted=None, **members):
        """The text of the first element `wanted` of the answer, where that is asked for."""
        words = [f"{name.replace('_', '.')}={value}" for name, value in
                 {"Action": action, "Version": "2015-12-01", **members}.items()]
        answer = self.ask(*(word for each in words for word in ("--data-urlencode", each)))
        if "<Error>" in answer:
            sys.exit(f"FAILED {action}: {answer}")
        return re.search(f"<{wanted}>(.*?)</{wanted}>", answer).group(1) if wanted else answer


class Ecs(Signed):
    def __init__(self, folder):
        super().__init__(folder, "ecs")

    def __call__(self, action, **members):
        answer = self.ask("-H", "Content-Type: application/x-amz-json-1.1", "-H",
                          f"X-Amz-Target: AmazonEC2ContainerServiceV20141113.{action}", "-d", json.dumps(members))
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
