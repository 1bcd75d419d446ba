"""HTTPS as its owners set it up: a certificate made with openssl, imported with the AWS CLI, shown by a listener to real
clients, renewed while they are served. No container runs here; the target is a server in this test."""
import base64
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import xml.etree.ElementTree
from concurrent import futures

import grpc
import pytest
from botocore.exceptions import ClientError

from conftest import PROVIDER, Berth, Terraform, free_port, wait_until

@pytest.fixture(scope="session", autouse=True)
def image():
    """In place of the one that needs a container engine."""


class Issuer:
    """A certificate authority made with openssl."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = folder / "ca.pem"
        self.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / "ca.key")
        self.run("req", "-x509", "-new", "-key", folder / "ca.key", "-subj", "/CN=Test CA", "-days", "30", "-out", self.ca,
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    @staticmethod
    def run(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def issue(self, label, *names, rsa=False):
        """(certificate, key) as files."""
        key, request, certificate = (self.folder / f"{label}.{kind}" for kind in ("key", "csr", "pem"))
        kind = ("RSA", "-pkeyopt", "rsa_keygen_bits:2048") if rsa else ("EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        self.run("genpkey", "-algorithm", *kind, "-out", key)
        self.run("req", "-new", "-key", key, "-subj", f"/CN={names[0]}", "-out", request)
        extensions = self.folder / f"{label}.ext"
        extensions.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
        self.run("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days",
                 "20", "-extfile", extensions, "-out", certificate)
        return certificate, key


    def revoke(self, certificate, onto):
        """Writes a list that revokes that one."""
        index, settings = self.folder / "index.txt", self.folder / "ca.cnf"
        index.write_text(f"R\t300101000000Z\t250101000000Z\t{serial_of(certificate)}\tunknown\t/CN=revoked\n")
        settings.write_text(f"[ca]\ndefault_ca=it\n[it]\ndatabase={index}\ndefault_md=sha256\ndefault_crl_days=30\n")
        self.run("ca", "-config", settings, "-gencrl", "-keyfile", self.folder / "ca.key", "-cert", self.ca, "-out", onto)


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the request's header."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.do_GET()

    def do_GET(self):
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Site:
    def __init__(self, berth, issuer, target_port):
        self.berth, self.issuer = berth, issuer
        self.balancer = berth.elb.create_load_balancer(Name="web", Subnets=["subnet-a"])["LoadBalancers"][0]["LoadBalancerArn"]
        self.group = berth.elb.create_target_group(
            Name="web", Protocol="HTTP", Port=target_port, VpcId="vpc-a", TargetType="ip", HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
        berth.elb.register_targets(TargetGroupArn=self.group, Targets=[{"Id": "127.0.0.1"}])
        self.certificate = self.import_certificate("first", "www.example.test", rsa=True)
        self.port = free_port()
        self.listener = berth.elb.create_listener(
            LoadBalancerArn=self.balancer, Protocol="HTTPS", Port=self.port, Certificates=[{"CertificateArn": self.certificate}],
            SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}])["Listeners"][0]["ListenerArn"]
        wait_until("the first answer over https", lambda: self.curl("www.example.test", "-f", check=False).returncode == 0)

    @property
    def acm(self):
        return self.berth.client("acm")

    def import_certificate(self, label, *names, arn=None, rsa=False):
        certificate, key = self.issuer.issue(label, *names, rsa=rsa)
        onto = ["--certificate-arn", arn] if arn else []
        return self.berth.cli("acm", "import-certificate", "--certificate", f"fileb://{certificate}", "--private-key",
                              f"fileb://{key}", "--certificate-chain", f"fileb://{self.issuer.ca}", *onto)["CertificateArn"]

    def curl(self, name, *options, check=True, scheme="https", port=None, path="/"):
        port = port or self.port
        run = subprocess.run(["curl", "-s", "--max-time", "5", "--cacert", str(self.issuer.ca), "--resolve",
                              f"{name}:{port}:127.0.0.1", *options, f"{scheme}://{name}:{port}{path}"],
                             capture_output=True, text=True, env={**os.environ, "no_proxy": "*"})
        assert not check or run.returncode == 0, (run.returncode, run.stdout, run.stderr)
        return run

    def shown(self, server_name):
        """The serial number of the certificate that a client gets."""
        context = ssl.create_default_context(cafile=self.issuer.ca)
        context.check_hostname = False
        with context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 5),
                                 server_hostname=server_name) as client:
            return client.getpeercert()["serialNumber"]


def serial_of(path):
    out = subprocess.run(["openssl", "x509", "-in", str(path), "-noout", "-serial"], check=True, capture_output=True, text=True)
    return out.stdout.strip().removeprefix("serial=")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    berth = Berth(tmp_path_factory.mktemp("https"))
    berth.objects = tmp_path_factory.mktemp("objects")
    try:
        issuer = Issuer(tmp_path_factory.mktemp("ca"))
        berth.start_control("127.0.0.1", "--objects-dir", str(berth.objects))
        berth.start_balancer("--jwks-ca-file", issuer.ca)
        yield Site(berth, issuer, target.server_address[1])
    finally:
        berth.stop()
        target.shutdown()


def test_clients_get_http2_and_http1_over_tls(site):
    for version, option in (("2", "--http2"), ("1.1", "--http1.1")):
        run = site.curl("www.example.test", option, "-w", "\n%{http_version} %{ssl_verify_result}")
        seen, tail = run.stdout.rsplit("\n", 1)
        assert tail == f"{version} 0"
        seen = json.loads(seen)
        assert seen["x-forwarded-proto"] == "https" and seen["x-forwarded-port"] == str(site.port), seen
        assert "x-amzn-tls-version" not in seen
    site.berth.elb.modify_load_balancer_attributes(LoadBalancerArn=site.balancer, Attributes=[
        {"Key": "routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "Value": "true"},
        {"Key": "routing.http2.enabled", "Value": "false"}])
    seen = wait_until("headers for targets", lambda: [
        s for s in [json.loads(site.curl("www.example.test").stdout)] if "x-amzn-tls-version" in s])[0]
    assert seen["x-amzn-tls-version"] == "TLSv1.3" and seen["x-amzn-tls-cipher-suite"].startswith("TLS_AES_"), seen
    assert site.curl("www.example.test", "--http2", "-o", "/dev/null", "-w", "%{http_version}").stdout == "1.1"
    assert site.curl("www.example.test", "--tls-max", "1.1", check=False).returncode == 35, "the policy begins with TLS 1.2"


def test_http_is_redirected_to_https(site):
    port = free_port()
    listener = site.berth.elb.create_listener(
        LoadBalancerArn=site.balancer, Protocol="HTTP", Port=port, DefaultActions=[
            {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": str(site.port), "StatusCode": "HTTP_301"}}],
    )["Listeners"][0]["ListenerArn"]
    run = wait_until("the redirect", lambda: [r for r in [site.curl(
        "www.example.test", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", scheme="http", port=port, path="/a?b=c",
        check=False)] if r.returncode == 0])[0]
    assert run.stdout == f"301 https://www.example.test:{site.port}/a?b=c"
    site.berth.elb.delete_listener(ListenerArn=listener)


def test_each_name_gets_its_certificate(site):
    other = site.import_certificate("other", "other.example.test", "*.apps.example.test")
    site.berth.elb.add_listener_certificates(ListenerArn=site.listener, Certificates=[{"CertificateArn": other}])
    first, second = serial_of(site.issuer.folder / "first.pem"), serial_of(site.issuer.folder / "other.pem")
    wait_until("the second certificate", lambda: site.shown("other.example.test") == second)
    assert site.shown("a.apps.example.test") == second
    assert site.shown("www.example.test") == first and site.shown(None) == first
    site.curl("other.example.test")
    listed = site.berth.elb.describe_listener_certificates(ListenerArn=site.listener)["Certificates"]
    assert [(c["CertificateArn"], c["IsDefault"]) for c in listed] == [(site.certificate, True), (other, False)]
    with pytest.raises(ClientError) as caught:
        site.acm.delete_certificate(CertificateArn=other)
    assert caught.value.response["Error"]["Code"] == "ResourceInUseException"
    site.berth.elb.remove_listener_certificates(ListenerArn=site.listener, Certificates=[{"CertificateArn": other}])
    site.berth.cli("acm", "delete-certificate", "--certificate-arn", other)
    wait_until("the first certificate alone", lambda: site.shown("other.example.test") == first)


def test_a_renewed_certificate_is_served_at_once_and_no_request_fails(site):
    end, failures, served = threading.Event(), [], []

    def ask(keep):
        context = ssl.create_default_context(cafile=site.issuer.ca)
        context.check_hostname = False
        connection = None
        while not end.is_set():
            try:
                connection = connection or http.client.HTTPSConnection("127.0.0.1", site.port, timeout=5, context=context)
                connection.request("GET", "/")
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    failures.append(answer.status)
                served.append(1)
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                connection = None
            if not keep and connection:
                connection.close()
                connection = None

    threads = [threading.Thread(target=ask, args=(keep,)) for keep in (True, True, False, False)]
    pid = site.berth.balancer.pid
    for thread in threads:
        thread.start()
    try:
        for label in ("second", "third", "fourth"):
            before = len(served)
            wait_until("requests", lambda: len(served) > before + 50)
            assert site.import_certificate(label, "www.example.test", arn=site.certificate) == site.certificate
            wanted = serial_of(site.issuer.folder / f"{label}.pem")
            wait_until(f"the {label} certificate", lambda: site.shown("www.example.test") == wanted)
            before = len(served)
            wait_until("requests", lambda: len(served) > before + 50)
    finally:
        end.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert site.berth.balancer.poll() is None and site.berth.balancer.pid == pid


def test_targets_are_reached_and_checked_over_tls(site):
    certificate, key = site.issuer.issue("target", "target.example.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    target = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    target.socket = context.wrap_socket(target.socket, server_side=True)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    elb, port = site.berth.elb, free_port()
    group = elb.create_target_group(
        Name="secure", Protocol="HTTPS", Port=target.server_address[1], VpcId="vpc-a", TargetType="ip", HealthCheckProtocol="HTTPS",
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2)["TargetGroups"][0]
    assert (group["Protocol"], group["HealthCheckProtocol"]) == ("HTTPS", "HTTPS")
    group = group["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1"}])
    listener = elb.create_listener(
        LoadBalancerArn=site.balancer, Protocol="HTTPS", Port=port, Certificates=[{"CertificateArn": site.certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])["Listeners"][0]["ListenerArn"]
    wait_until("a healthy target", lambda: site.berth.in_service(group, 1))
    assert json.loads(site.curl("www.example.test", "--http2", port=port).stdout)["x-forwarded-proto"] == "https"
    elb.delete_listener(ListenerArn=listener)
    target.shutdown()


def test_grpc_goes_from_client_to_target(site):
    class Handlers(grpc.GenericRpcHandler):
        def service(self, details):
            if details.method == "/echo.Echo/Say":
                return grpc.unary_unary_rpc_method_handler(lambda request, _: b"said " + request)
            if details.method == "/echo.Echo/Count":
                return grpc.unary_stream_rpc_method_handler(lambda request, _: (str(n).encode() for n in range(int(request))))
            return None  # UNIMPLEMENTED, which health checks take for healthy

    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=(Handlers(),))
    elb, port, target = site.berth.elb, free_port(), server.add_insecure_port("127.0.0.1:0")
    server.start()
    group = elb.create_target_group(
        Name="grpc", Protocol="HTTP", ProtocolVersion="GRPC", Port=target, VpcId="vpc-a", TargetType="ip",
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2)["TargetGroups"][0]
    assert (group["ProtocolVersion"], group["Matcher"]) == ("GRPC", {"GrpcCode": "12"})
    group = group["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1"}])
    elb.modify_load_balancer_attributes(LoadBalancerArn=site.balancer,
                                        Attributes=[{"Key": "routing.http2.enabled", "Value": "true"}])
    listener = elb.create_listener(
        LoadBalancerArn=site.balancer, Protocol="HTTPS", Port=port, Certificates=[{"CertificateArn": site.certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])["Listeners"][0]["ListenerArn"]
    try:
        wait_until("a healthy target", lambda: site.berth.in_service(group, 1))
        credentials = grpc.ssl_channel_credentials(site.issuer.ca.read_bytes())
        names = [("grpc.ssl_target_name_override", "www.example.test"), ("grpc.enable_http_proxy", 0)]
        with grpc.secure_channel(f"127.0.0.1:{port}", credentials, names) as channel:
            assert channel.unary_unary("/echo.Echo/Say")(b"hello", timeout=10) == b"said hello"
            assert [int(n) for n in channel.unary_stream("/echo.Echo/Count")(b"100", timeout=10)] == list(range(100))
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary("/echo.Echo/Nothing")(b"", timeout=10)
            assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    finally:
        elb.delete_listener(ListenerArn=listener)
        server.stop(None)


def test_clients_are_verified_against_a_trust_store_and_its_revocations(site):
    elb, bucket = site.berth.elb, site.berth.objects / "company-cas"
    bucket.mkdir()
    shutil.copy(site.issuer.ca, bucket / "people.pem")
    (alice, alice_key), (bob, bob_key) = (site.issuer.issue(name, f"{name}.example.test") for name in ("alice", "bob"))
    store = site.berth.elb_query("CreateTrustStore", Name="people", CaCertificatesBundleS3Bucket="company-cas",
                                 CaCertificatesBundleS3Key="people.pem").find(".//TrustStores/member")
    assert (store.findtext("Status"), store.findtext("NumberOfCaCertificates")) == ("ACTIVE", "1")
    arn, port = store.findtext("TrustStoreArn"), free_port()
    listener = site.berth.elb_query(
        "CreateListener", LoadBalancerArn=site.balancer, Protocol="HTTPS", Port=port,
        Certificates__member__1__CertificateArn=site.certificate, MutualAuthentication__Mode="verify",
        MutualAuthentication__TrustStoreArn=arn, DefaultActions__member__1__Type="forward",
        DefaultActions__member__1__TargetGroupArn=site.group).findtext(".//ListenerArn")

    def answer(*with_certificate):
        return site.curl("www.example.test", "-f", *with_certificate, port=port, check=False)

    as_alice, as_bob = ("--cert", str(alice), "--key", str(alice_key)), ("--cert", str(bob), "--key", str(bob_key))
    wait_until("alice is let in", lambda: answer(*as_alice).returncode == 0)
    assert json.loads(answer(*as_alice).stdout)["x-amzn-mtls-clientcert-subject"] == "CN=alice.example.test"
    assert answer(*as_bob).returncode == 0 and answer().returncode != 0

    site.issuer.revoke(bob, bucket / "revoked.pem")
    revoked = site.berth.elb_query("AddTrustStoreRevocations", TrustStoreArn=arn,
                                   RevocationContents__member__1__S3Bucket="company-cas",
                                   RevocationContents__member__1__S3Key="revoked.pem")
    assert revoked.findtext(".//NumberOfRevokedEntries") == "1"
    wait_until("bob is kept out", lambda: answer(*as_bob).returncode != 0)
    assert answer(*as_alice).returncode == 0

    assert site.berth.elb_query("DeleteTrustStore", TrustStoreArn=arn).findtext(".//Code") == "TrustStoreInUse"
    elb.delete_listener(ListenerArn=listener)
    assert site.berth.elb_query("DeleteTrustStore", TrustStoreArn=arn).findtext(".//Code") is None
    assert site.berth.elb_query("DescribeTrustStores").find(".//TrustStores/member") is None


def test_certificates_outlive_control(site):
    before = site.acm.describe_certificate(CertificateArn=site.certificate)["Certificate"]
    assert before["Status"] == "ISSUED" and before["Type"] == "IMPORTED" and before["InUseBy"] == [site.balancer]
    site.berth.kill("agent")
    site.curl("www.example.test")
    site.berth.start_control("127.0.0.1", "--objects-dir", str(site.berth.objects))
    assert site.acm.describe_certificate(CertificateArn=site.certificate)["Certificate"] == before
    site.curl("www.example.test")


def test_keys_are_in_no_log_and_on_no_page(site):
    keys = [path.read_text().splitlines()[1] for path in site.issuer.folder.glob("*.key") if path.name != "ca.key"]
    texts = [(site.berth.folder / f"{name}.log").read_text() for name in ("agent", "balancer")]
    texts += [subprocess.run(["curl", "-s", site.berth.admin + page], capture_output=True, text=True).stdout
              for page in ("/config", "/readyz", "/metrics")]
    texts.append(json.dumps(site.acm.get_certificate(CertificateArn=site.certificate)))
    assert keys and not [key for key in keys for text in texts if key in text]
    for path in (*(site.berth.folder / "agent").iterdir(), *(site.berth.folder / "balancer").iterdir()):
        if path.is_file() and "PRIVATE KEY" in path.read_bytes().decode(errors="replace"):
            assert path.stat().st_mode & 0o077 == 0, path


MAIN_TF = PROVIDER + """
variable "certificate" {}
variable "key" {}
variable "chain" {}
variable "port" {}
variable "target_port" {}
resource "aws_acm_certificate" "web" {
  certificate_body  = file(var.certificate)
  private_key       = file(var.key)
  certificate_chain = file(var.chain)
  tags = { team = "web" }
  lifecycle { create_before_destroy = true }
}
resource "aws_lb" "tf" {
  name    = "tf"
  subnets = ["subnet-a", "subnet-b"]
}
resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.tf.arn
  port              = var.port
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate.web.arn
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "from terraform"
      status_code  = "200"
    }
  }
}
variable "verified_port" {}
resource "aws_lb_trust_store" "people" {
  name                             = "tf-people"
  ca_certificates_bundle_s3_bucket = "terraform-cas"
  ca_certificates_bundle_s3_key    = "ca.pem"
}
resource "aws_lb_trust_store_revocation" "people" {
  trust_store_arn       = aws_lb_trust_store.people.arn
  revocations_s3_bucket = "terraform-cas"
  revocations_s3_key    = "revoked.pem"
}
resource "aws_lb_listener" "verified" {
  load_balancer_arn = aws_lb.tf.arn
  port              = var.verified_port
  protocol          = "HTTPS"
  certificate_arn   = aws_acm_certificate.web.arn
  mutual_authentication {
    mode            = "verify"
    trust_store_arn = aws_lb_trust_store.people.arn
  }
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "to whom it knows"
      status_code  = "200"
    }
  }
}
output "certificate" { value = aws_acm_certificate.web.arn }
"""


def test_terraform_makes_renews_and_removes_it(site, tmp_path):
    terraform = Terraform(site.berth, tmp_path, MAIN_TF)
    port, verified_port = free_port(), free_port()

    def variables(label):
        return {"certificate": site.issuer.folder / f"{label}.pem", "key": site.issuer.folder / f"{label}.key",
                "chain": site.issuer.ca, "port": port, "target_port": 80, "verified_port": verified_port}

    def answers():
        run = site.curl("tf.example.test", port=port, check=False)
        return run.returncode == 0 and run.stdout == "from terraform"

    site.issuer.issue("tf1", "tf.example.test", rsa=True)
    site.issuer.issue("tf2", "tf.example.test")
    bucket = site.berth.objects / "terraform-cas"
    bucket.mkdir()
    shutil.copy(site.issuer.ca, bucket / "ca.pem")
    site.issuer.revoke(site.issuer.folder / "tf2.pem", bucket / "revoked.pem")
    terraform.apply(**variables("tf1"))
    wait_until("the listener of terraform", answers)
    assert "No changes" in terraform.plan(**variables("tf1"))
    known, revoked = ((site.issuer.folder / f"{label}.pem", site.issuer.folder / f"{label}.key") for label in ("tf1", "tf2"))
    as_known, as_revoked, as_nobody = (
        site.curl("tf.example.test", *(("--cert", str(who[0]), "--key", str(who[1])) if who else ()), port=verified_port, check=False)
        for who in (known, revoked, None))
    assert as_known.stdout == "to whom it knows" and as_revoked.returncode != 0 and as_nobody.returncode != 0
    first = terraform.output("certificate")
    assert site.acm.list_tags_for_certificate(CertificateArn=first)["Tags"] == [{"Key": "team", "Value": "web"}]
    terraform.apply(**variables("tf2"))
    assert terraform.output("certificate") == first, "renewed in place"
    serial = site.acm.describe_certificate(CertificateArn=first)["Certificate"]["Serial"]
    assert re.sub("[:]", "", serial).upper() == serial_of(site.issuer.folder / "tf2.pem")
    wait_until("the renewed one", answers)
    terraform.destroy(**variables("tf2"))
    with pytest.raises(ClientError) as caught:
        site.acm.describe_certificate(CertificateArn=first)
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_what_needs_an_issuer_is_refused_in_words(site):
    with pytest.raises(ClientError) as caught:
        site.acm.request_certificate(DomainName="www.example.test")
    assert "ImportCertificate" in caught.value.response["Error"]["Message"]


def text64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenIssuer:
    """Signs tokens with openssl and serves its key set over HTTPS."""

    def __init__(self, certificates):
        self.key = certificates.folder / "tokens.key"
        certificates.run("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key)
        modulus = subprocess.run(["openssl", "rsa", "-in", str(self.key), "-noout", "-modulus"], check=True, capture_output=True)
        modulus = bytes.fromhex(modulus.stdout.decode().strip().removeprefix("Modulus="))
        keys = json.dumps({"keys": [{"kty": "RSA", "kid": "one", "n": text64(modulus), "e": "AQAB"}]}).encode()

        class Keys(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(keys)))
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, *_):
                pass

        certificate, key = certificates.issue("keys", "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.endpoint = f"https://localhost:{self.server.server_address[1]}/keys.json"

    def token(self, **claims):
        data = ".".join(text64(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "one"}, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(self.key)], input=data.encode(), check=True,
                                   capture_output=True).stdout
        return data + "." + text64(signature)


def test_a_rule_lets_requests_with_a_token_of_its_issuer_through(site):
    issuer = TokenIssuer(site.issuer)
    jwt = "Actions.member.1.JwtValidationConfig"
    rule = site.berth.elb_query("CreateRule", **{
        "ListenerArn": site.listener, "Priority": 7,
        "Conditions.member.1.Field": "path-pattern", "Conditions.member.1.Values.member.1": "/private",
        "Actions.member.1.Type": "jwt-validation", "Actions.member.1.Order": 1, f"{jwt}.JwksEndpoint": issuer.endpoint,
        f"{jwt}.Issuer": "https://issuer.example", f"{jwt}.AdditionalClaims.member.1.Format": "string-array",
        f"{jwt}.AdditionalClaims.member.1.Name": "roles", f"{jwt}.AdditionalClaims.member.1.Values.member.1": "reader",
        "Actions.member.2.Type": "forward", "Actions.member.2.Order": 2, "Actions.member.2.TargetGroupArn": site.group}).findtext(".//RuleArn")

    def ask(token=None):
        headers = ["-H", f"Authorization: Bearer {token}"] if token else []
        # With a body, which nobody reads where the token is refused.
        run = site.curl("www.example.test", "-o", "/dev/null", "-w", "%{http_code}", "--data", "x=y", *headers, path="/private")
        return int(run.stdout)

    wait_until("the rule", lambda: ask() == 401)
    described = xml.etree.ElementTree.tostring(
        site.berth.elb_query("DescribeRules", **{"RuleArns.member.1": rule}), encoding="unicode")
    for word in ("jwt-validation", issuer.endpoint, "https://issuer.example", "string-array", "<member>reader</member>"):
        assert word in described
    good = {"iss": "https://issuer.example", "exp": int(time.time()) + 600, "roles": ["writer", "reader"]}
    assert ask(issuer.token(**good)) == 200
    assert ask(issuer.token(**{**good, "exp": int(time.time()) - 1})) == 401
    assert ask(issuer.token(**{**good, "iss": "https://other.example"})) == 401
    assert ask(issuer.token(**{**good, "roles": ["writer"]})) == 401
    site.berth.elb.delete_rule(RuleArn=rule)
    wait_until("no rule", lambda: ask() == 200)
    issuer.server.shutdown()
