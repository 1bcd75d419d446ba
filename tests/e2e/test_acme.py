"""Certificates issued by a real ACME server (Debian's pebble, with a name server of its own): asked for with the AWS CLI, proved
by the balancer, shown by a listener, renewed while clients are served; with the server away, and control killed in between."""
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading

import pytest
from botocore.exceptions import ClientError

from conftest import PROVIDER, Berth, Terraform, free_port, wait_until
from test_https import Issuer, image  # noqa: F401  no container runs here

PEBBLE, NAMES = shutil.which("pebble"), shutil.which("pebble-challtestsrv")
pytestmark = pytest.mark.skipif(not (PEBBLE and NAMES), reason="pebble is not installed (scripts/packages test)")
LIFE = 60  # seconds, of a certificate


class Acme:
    """A pebble that keeps its address over restarts, and nothing else: its accounts, orders and root are others then."""

    def __init__(self, folder, http_port):
        self.folder = folder
        self.issuer = Issuer(folder)
        certificate, key = self.issuer.issue("pebble", "localhost")
        self.port, self.management, dns, names_management = (free_port() for _ in range(4))
        self.directory = f"https://localhost:{self.port}/dir"
        self.config = folder / "pebble.json"
        self.config.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(certificate), "privateKey": str(key), "httpPort": http_port, "tlsPort": free_port(),
            "ocspResponderURL": "", "externalAccountBindingRequired": False, "domainBlocklist": ["blocked.test"],
            "certificateValidityPeriod": LIFE}}))
        self.dns = f"127.0.0.1:{dns}"
        self.log = open(folder / "pebble.log", "ab")
        self.names = subprocess.Popen(
            [NAMES, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", self.dns, "-http01", "", "-https01", "",
             "-tlsalpn01", "", "-management", f"127.0.0.1:{names_management}"], stdout=self.log, stderr=self.log)
        self.server = None
        self.root = folder / "root.pem"

    def start(self):
        # One nonce in five is refused; every host is proved anew.
        environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_AUTHZREUSE": "0"}
        self.server = subprocess.Popen([PEBBLE, "-config", str(self.config), "-dnsserver", self.dns], stdout=self.log,
                                       stderr=self.log, env=environment)
        context = ssl.create_default_context(cafile=self.issuer.ca)

        def root():
            assert self.server.poll() is None, (self.folder / "pebble.log").read_text()[-2000:]
            try:
                connection = http.client.HTTPSConnection("localhost", self.management, timeout=5, context=context)
                connection.request("GET", "/roots/0")
                return connection.getresponse().read()
            except OSError:
                return None
        self.root.write_bytes(wait_until("pebble's root", root))

    def stop(self):
        if self.server:
            self.server.kill()
            self.server.wait()

    def end(self):
        self.stop()
        self.names.kill()
        self.names.wait()
        self.log.close()


class Site:
    def __init__(self, folder, acme, http_port):
        self.acme, self.http_port = acme, http_port
        self.berth = Berth(folder)
        self.berth.roles = "control"

    def start_control(self, wait=True):
        self.berth.start_agent("--acme-directory", self.acme.directory, "--acme-ca-file", str(self.acme.issuer.ca),
                               "--acme-contact", "ops@example.test", wait=wait)

    def start(self):
        self.start_control()
        self.berth.start_balancer()
        fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": "here"}}]
        self.balancer = self.berth.elb.create_load_balancer(
            Name="web", Subnets=["subnet-a"])["LoadBalancers"][0]["LoadBalancerArn"]
        # What redirects everything to https answers challenges all the same.
        self.berth.elb.create_listener(LoadBalancerArn=self.balancer, Protocol="HTTP", Port=self.http_port, DefaultActions=[
            {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}])
        self.fixed = fixed

    @property
    def acm(self):
        return self.berth.client("acm")

    def describe(self, arn):
        return self.acm.describe_certificate(CertificateArn=arn)["Certificate"]

    def story(self, arn):
        return lambda: f"{self.describe(arn)}\n{self.berth.log('agent')}"

    def wait_for(self, arn, status):
        wait_until(self.story(arn), lambda: self.describe(arn)["Status"] == status, 120)

    def listen(self, arn):
        port = free_port()
        self.berth.elb.create_listener(LoadBalancerArn=self.balancer, Protocol="HTTPS", Port=port,
                                       Certificates=[{"CertificateArn": arn}], DefaultActions=self.fixed)
        return port

    def shown(self, name, port):
        """The serial number of the certificate that a client gets who trusts the server's root."""
        context = ssl.create_default_context(cafile=self.acme.root)
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname=name) as client:
            return client.getpeercert()["serialNumber"]


    def shown_or_none(self, name, port):
        try:
            return self.shown(name, port)
        except OSError:
            return None


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    http_port = free_port()
    acme = Acme(tmp_path_factory.mktemp("acme"), http_port)
    site = Site(tmp_path_factory.mktemp("berth"), acme, http_port)
    try:
        acme.start()
        site.start()
        yield site
    finally:
        site.berth.stop()
        acme.end()


def test_a_certificate_is_issued_and_served(site):
    arn = site.berth.cli("acm", "request-certificate", "--domain-name", "www.example.test", "--subject-alternative-names",
                         "example.test", "--validation-method", "DNS", "--idempotency-token", "once",
                         "--tags", "Key=team,Value=web")["CertificateArn"]
    shown = site.describe(arn)
    assert shown["Type"] == "AMAZON_ISSUED" and shown["DomainValidationOptions"][0]["ResourceRecord"]["Type"] == "CNAME"
    site.wait_for(arn, "ISSUED")
    site.berth.cli("acm", "wait", "certificate-validated", "--certificate-arn", arn)
    shown = site.describe(arn)
    assert shown["DomainName"] == "www.example.test" and "Pebble" in shown["Issuer"], shown
    assert sorted(shown["SubjectAlternativeNames"]) == ["example.test", "www.example.test"]
    assert shown["KeyAlgorithm"] in ("RSA_2048", "RSA-2048") and shown["RenewalEligibility"] == "ELIGIBLE"
    assert "BEGIN CERTIFICATE" in site.acm.get_certificate(CertificateArn=arn)["CertificateChain"]
    port = site.listen(arn)
    for name in ("www.example.test", "example.test"):
        run = wait_until("an answer over https", lambda: [r for r in [subprocess.run(
            ["curl", "-s", "--max-time", "5", "--cacert", str(site.acme.root), "--resolve", f"{name}:{port}:127.0.0.1",
             f"https://{name}:{port}/"], capture_output=True, text=True, env={**os.environ, "no_proxy": "*"})]
            if r.returncode == 0])[0]
        assert run.stdout == "here"


def test_a_certificate_is_renewed_while_clients_are_served(site):
    arn = site.acm.request_certificate(DomainName="renew.example.test", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
    site.wait_for(arn, "ISSUED")
    port = site.listen(arn)
    first = wait_until("the certificate", lambda: site.shown_or_none("renew.example.test", port))
    end, failures, serials = threading.Event(), [], []

    def ask():
        while not end.is_set():
            try:
                serials.append(site.shown("renew.example.test", port))
            except OSError as error:
                failures.append(repr(error))
            end.wait(0.05)
    client = threading.Thread(target=ask)
    client.start()
    try:
        wait_until(site.story(arn), lambda: serials and serials[-1] != first, 2 * LIFE)
    finally:
        end.set()
        client.join()
    assert not failures, failures[:3]
    summary = site.describe(arn)["RenewalSummary"]
    assert summary["RenewalStatus"] == "SUCCESS", summary
    before = site.describe(arn)["Serial"]
    site.berth.cli("acm", "renew-certificate", "--certificate-arn", arn)
    wait_until(site.story(arn), lambda: site.describe(arn)["Serial"] != before)


def test_what_the_server_refuses_fails_with_a_reason(site):
    arn = site.acm.request_certificate(DomainName="www.blocked.test", ValidationMethod="DNS")["CertificateArn"]
    site.wait_for(arn, "FAILED")
    assert site.describe(arn)["FailureReason"] == "DOMAIN_NOT_ALLOWED"
    site.berth.cli("acm", "delete-certificate", "--certificate-arn", arn)
    with pytest.raises(ClientError) as caught:
        site.acm.request_certificate(DomainName="*.example.test", ValidationMethod="DNS")
    assert "wildcard" in caught.value.response["Error"]["Message"]


def test_an_order_waits_for_a_server_that_is_away(site):
    site.acme.stop()
    arn = site.acm.request_certificate(DomainName="away.example.test", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
    wait_until("a try that failed", lambda: "unreachable" in site.berth.log("agent", 200))
    assert site.describe(arn)["Status"] == "PENDING_VALIDATION"
    site.acme.start()  # it has forgotten our account
    site.wait_for(arn, "ISSUED")


def test_an_order_goes_on_after_control_was_killed(site):
    arns = [site.acm.request_certificate(DomainName=f"kill{i}.example.test", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
            for i in range(5)]
    for _ in range(5):
        site.berth.kill("agent")
        site.start_control(wait=False)
        site.berth.wait_ready(site.berth.api, site.berth.agent, "agent", "/healthz")
    for arn in arns:
        site.wait_for(arn, "ISSUED")


MAIN_TF = PROVIDER + """
variable "port" {}
resource "aws_acm_certificate" "web" {
  domain_name               = "tf.example.test"
  subject_alternative_names = ["also.example.test"]
  validation_method         = "DNS"
  key_algorithm             = "EC_prime256v1"
  tags = { team = "web" }
  lifecycle { create_before_destroy = true }
}
# In place of the DNS records that a stack makes of these.
output "records" { value = [for each in aws_acm_certificate.web.domain_validation_options : each.resource_record_name] }
resource "aws_acm_certificate_validation" "web" {
  certificate_arn         = aws_acm_certificate.web.arn
  validation_record_fqdns = [for each in aws_acm_certificate.web.domain_validation_options : each.resource_record_name]
}
resource "aws_lb" "tf" {
  name    = "tf"
  subnets = ["subnet-a", "subnet-b"]
}
resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.tf.arn
  port              = var.port
  protocol          = "HTTPS"
  certificate_arn   = aws_acm_certificate_validation.web.certificate_arn
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "from terraform"
      status_code  = "200"
    }
  }
}
output "certificate" { value = aws_acm_certificate.web.arn }
"""


def test_terraform_validates_by_dns_as_it_does_on_aws(site, tmp_path):
    terraform = Terraform(site.berth, tmp_path, MAIN_TF)
    port = free_port()
    terraform.apply(port=port)
    arn = terraform.output("certificate")
    assert site.describe(arn)["Status"] == "ISSUED"
    wait_until("the listener of terraform", lambda: site.shown_or_none("tf.example.test", port))
    assert "No changes" in terraform.plan(port=port)
    terraform.destroy(port=port)
    with pytest.raises(ClientError):
        site.describe(arn)


def test_a_request_is_deleted_while_it_is_pending(site):
    site.acme.stop()
    arn = site.acm.request_certificate(DomainName="gone.example.test", ValidationMethod="DNS")["CertificateArn"]
    site.berth.cli("acm", "delete-certificate", "--certificate-arn", arn)
    with pytest.raises(ClientError) as caught:
        site.describe(arn)
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    site.acme.start()
