"""Signs with botocore and verifies with our code, and the other way round. Usage: sigv4_botocore_test.py CHECKER"""
import datetime
import hashlib
import hmac
import json
import subprocess
import sys
import unittest
import urllib.parse

try:
    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest, AWSResponse
    from botocore.credentials import Credentials
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)

ENDPOINT = "http://127.0.0.1:18080"
HOST = "127.0.0.1:18080"
REGION = "eu-central-1"
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE/+=="


class Checker:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


CHECKER = None


def text(value):
    return value.decode() if isinstance(value, bytes) else (value or "")


def on_the_wire(method, url, headers, body):
    parts = urllib.parse.urlsplit(url)
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    fields = [[name, text(value)] for name, value in headers.items()]
    if not any(name.lower() == "host" for name, _ in fields):
        fields.append(["Host", parts.netloc])
    return {"method": method, "target": target, "headers": fields, "body": text(body)}


def captured(service, operation, token=None, **parameters):
    """What the client library really sends for one call."""
    sent = []
    session = boto3.session.Session(KEY, SECRET, token, REGION)
    client = session.client(service, endpoint_url=ENDPOINT)

    def answer(request, **_):
        sent.append(request)
        name = "".join(word.capitalize() for word in operation.split("_"))
        body = b"{}" if service == "ecs" else f"<{name}Response><{name}Result/></{name}Response>".encode()

        class Raw:
            def stream(self, **_):
                yield body

        return AWSResponse(request.url, 200, {}, Raw())

    client.meta.events.register("before-send", answer)
    getattr(client, operation)(**parameters)
    return on_the_wire(sent[0].method, sent[0].url, sent[0].headers, sent[0].body)


def header(wire, name):
    return next((value for field, value in wire["headers"] if field.lower() == name.lower()), None)


def presigned(service, operation, token=None, expires=300, method=None, **parameters):
    session = boto3.session.Session(KEY, SECRET, token, REGION)
    url = session.client(service, endpoint_url=ENDPOINT).generate_presigned_url(
        operation, parameters, ExpiresIn=expires, HttpMethod=method)
    return on_the_wire(method or "POST", url, {}, "")


def signed_now(wire):
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(wire["target"]).query))
    return header(wire, "X-Amz-Date") or query["X-Amz-Date"]


def later(amz_date, seconds):
    moment = datetime.datetime.strptime(amz_date, "%Y%m%dT%H%M%SZ") + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y%m%dT%H%M%SZ")


def verify(wire, service, secret=SECRET, region=REGION, now=None):
    return CHECKER.ask(mode="verify", service=service, secret=secret, region=region, now=now or signed_now(wire), **wire)


def recomputed(wire, service):
    """The Authorization header's signature, worked out from the published description alone."""
    authorization = header(wire, "Authorization")
    names = authorization.split("SignedHeaders=")[1].split(",")[0]
    parts = urllib.parse.urlsplit(wire["target"])
    pairs = sorted((urllib.parse.quote(k, safe="-_.~"), urllib.parse.quote(v, safe="-_.~"))
                   for k, v in urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    canonical = "\n".join([wire["method"], urllib.parse.quote(parts.path, safe="/-_.~"),
                           "&".join(k + "=" + v for k, v in pairs),
                           *(n + ":" + " ".join(header(wire, n).split()) for n in names.split(";")), "", names,
                           hashlib.sha256(wire["body"].encode()).hexdigest()])
    date = header(wire, "X-Amz-Date")
    scope = "/".join([date[:8], REGION, service, "aws4_request"])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


RUN_TASK = {"cluster": "web", "taskDefinition": "app:1", "startedBy": "naïve / ünï", "tags": [{"key": "a b", "value": "+"}]}
DESCRIBE = {"Names": ["a b", "c+d", "e/f", "ü&=%"], "PageSize": 5}


class VerifiesBotocore(unittest.TestCase):
    def expect_ok(self, wire, service, token=""):
        verdict = verify(wire, service)
        self.assertTrue(verdict.get("ok"), verdict)
        self.assertEqual(verdict["access_key"], KEY)
        self.assertEqual(verdict["token"], token)

    def test_json_call(self):
        self.expect_ok(captured("ecs", "run_task", **RUN_TASK), "ecs")

    def test_json_call_with_session_token(self):
        self.expect_ok(captured("ecs", "run_task", token=TOKEN, **RUN_TASK), "ecs", TOKEN)

    def test_query_call(self):
        self.expect_ok(captured("elbv2", "describe_load_balancers", **DESCRIBE), "elasticloadbalancing")

    def test_query_call_with_session_token(self):
        self.expect_ok(captured("sts", "get_caller_identity", token=TOKEN), "sts", TOKEN)

    def test_presigned_calls(self):
        for method in ("GET", "POST"):
            for token in (None, TOKEN):
                with self.subTest(method=method, token=token):
                    wire = presigned("elbv2", "describe_load_balancers", token, method=method, **DESCRIBE)
                    self.expect_ok(wire, "elasticloadbalancing", token or "")
                    self.expect_ok(presigned("sts", "get_caller_identity", token, method=method), "sts", token or "")

    def test_signed_sdk_headers_odd_spaces_and_paths(self):
        for path in ("/", "/a%20b/c", "/x/../y/./z//w/", "/%E4/~-_.!*'()"):
            with self.subTest(path=path):
                request = AWSRequest("POST", ENDPOINT + path + "?b=2&a=%2F&a=1&empty=&%C3%BC=%20x", data='{"a": 1}', headers={
                    "Host": HOST, "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Prefix.Op",
                    "amz-sdk-invocation-id": "3f7b8c1e-0000-4000-8000-000000000000",
                    "amz-sdk-request": "attempt=1;   max=3  ", "Content-Length": "8"})
                SigV4Auth(Credentials(KEY, SECRET, TOKEN), "ecs", REGION).add_auth(request)
                self.assertIn("amz-sdk-invocation-id;amz-sdk-request", request.headers["Authorization"])
                self.expect_ok(on_the_wire("POST", request.url, request.headers, request.data), "ecs", TOKEN)


class Refuses(unittest.TestCase):
    def setUp(self):
        self.wire = captured("ecs", "run_task", **RUN_TASK)

    def expect(self, code, verdict):
        self.assertEqual(verdict.get("error"), code, verdict)

    def test_any_change_to_what_is_signed(self):
        changes = [dict(self.wire, body=self.wire["body"] + " "), dict(self.wire, method="PUT"),
                   dict(self.wire, target="/x"), dict(self.wire, target="/?a=1")]
        signed = header(self.wire, "Authorization").split("SignedHeaders=")[1].split(",")[0].split(";")
        self.assertIn("x-amz-target", signed)
        for name in signed:
            if name != "x-amz-date":
                changes.append(dict(self.wire, headers=[[n, v + ("x" if n.lower() == name else "")]
                                                        for n, v in self.wire["headers"]]))
            changes.append(dict(self.wire, headers=[[n, v] for n, v in self.wire["headers"] if n.lower() != name]
                                + ([["X-Amz-Date", later(signed_now(self.wire), 1)]] if name == "x-amz-date" else [])))
        for changed in changes:
            self.expect("auth_bad_signature", verify(changed, "ecs", now=signed_now(self.wire)))
        self.expect("auth_bad_signature", verify(self.wire, "ecs", secret=SECRET[:-1] + "x"))

    def test_other_scope(self):
        self.expect("auth_wrong_scope", verify(self.wire, "sts"))
        self.expect("auth_wrong_scope", verify(self.wire, "ecs", region="us-east-1"))

    def test_clock_skew(self):
        now = signed_now(self.wire)
        self.assertTrue(verify(self.wire, "ecs", now=later(now, 300))["ok"])
        self.assertTrue(verify(self.wire, "ecs", now=later(now, -300))["ok"])
        self.expect("auth_expired", verify(self.wire, "ecs", now=later(now, 301)))
        self.expect("auth_not_yet_current", verify(self.wire, "ecs", now=later(now, -301)))

    def test_presigned_lifetime_and_changes(self):
        wire = presigned("sts", "get_caller_identity", method="GET", expires=60)
        now = signed_now(wire)
        self.assertTrue(verify(wire, "sts", now=later(now, 60))["ok"])
        self.expect("auth_expired", verify(wire, "sts", now=later(now, 61)))
        self.expect("auth_not_yet_current", verify(wire, "sts", now=later(now, -301)))
        longer = dict(wire, target=wire["target"].replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
        self.expect("auth_bad_signature", verify(longer, "sts"))
        self.expect("auth_bad_signature", verify(dict(wire, target=wire["target"] + "&x=1"), "sts"))


class Signs(unittest.TestCase):
    NOW = "20141106T010406Z"

    def signed(self, wire, service, token=""):
        answer = CHECKER.ask(mode="sign", access_key=KEY, secret=SECRET, token=token, region=REGION, service=service,
                             now=self.NOW, **wire)
        return dict(wire, headers=answer["headers"])

    def test_like_botocore(self):
        for token in (None, TOKEN):
            wire = {"method": "POST", "target": "/?z=1&a=%20b", "body": '{"cluster":"default"}', "headers": [
                ["Host", HOST], ["Content-Type", "application/x-amz-json-1.1"], ["X-Amz-Target", "Prefix.Op"]]}
            ours = self.signed(wire, "ecs", token or "")
            self.assertIn("x-amz-target", header(ours, "Authorization"))
            request = AWSRequest("POST", ENDPOINT + wire["target"], data=wire["body"],
                                 headers={n: v for n, v in ours["headers"] if n != "Authorization"})
            request.context["timestamp"] = self.NOW
            auth = SigV4Auth(Credentials(KEY, SECRET, token), "ecs", REGION)
            signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
            self.assertTrue(header(ours, "Authorization").endswith("Signature=" + signature))
            self.assertEqual(recomputed(ours, "ecs"), signature)
            self.assertTrue(verify(ours, "ecs")["ok"])

    def test_websocket_upgrade(self):
        wire = {"method": "GET", "body": "", "target": "/ws?agentHash=1a2b&agentVersion=1.105.0&clusterArn=default&"
                "containerInstanceArn=arn%3Aaws%3Aecs%3Aeu-central-1%3A000000000000%3Acontainer-instance%2Fdefault%2Fab"
                "&dockerVersion=DockerVersion%3A+24.0.1&protocolVersion=2&sendCredentials=true&seqNum=1",
                "headers": [["Host", HOST], ["Upgrade", "websocket"], ["Connection", "Upgrade"],
                            ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="], ["Sec-WebSocket-Version", "13"]]}
        ours = self.signed(wire, "ecs")
        self.assertIn("SignedHeaders=host;x-amz-date,", header(ours, "Authorization"))
        self.assertTrue(header(ours, "Authorization").endswith(recomputed(ours, "ecs")))
        self.assertTrue(verify(ours, "ecs")["ok"])
        again = self.signed(ours, "ecs", TOKEN)
        self.assertIn("SignedHeaders=host;x-amz-date;x-amz-security-token,", header(again, "Authorization"))
        self.assertEqual(verify(again, "ecs")["token"], TOKEN)


if __name__ == "__main__":
    CHECKER = Checker(sys.argv.pop(1))
    unittest.main()
