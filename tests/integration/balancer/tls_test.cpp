// HTTPS listeners, as clients and targets see them.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/integration/balancer/tls_wire.h"

namespace balancer::test {
namespace {

using tests::support::Issued;
using tests::support::make_certificate;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '\n' ? std::string("\\n") : std::string(1, c);
  return out + "\"";
}

struct TlsConfig {
  std::string tls{};    // members of "tls" behind the certificates
  std::string parts{};  // members of the configuration
  std::string options{};
  int version = 1;
};

std::string part(const std::string& id, const Issued& issued) {
  return "{\"id\": \"" + id + "\", \"chain\": " + quoted(issued.certificate) +
         ", \"key\": " + quoted(issued.key) + "}";
}

// One HTTPS listener before one target, with the certificates "one" and "two".
std::string tls_json(std::uint16_t port, std::uint16_t target, const std::string& certificates,
                     const TlsConfig& more = {}) {
  return "{\"version\": " + std::to_string(more.version) +
         ", \"listeners\": [{\"id\": \"web\", \"address\": \"127.0.0.1\", \"port\": " + std::to_string(port) +
         ", \"protocol\": \"https\", \"tls\": {\"policy\": \"ELBSecurityPolicy-TLS13-1-2-2021-06\", "
         "\"certificates\": [\"one\", \"two\"]" +
         more.tls + "}, \"options\": {" + more.options +
         "}, \"default_action\": {\"type\": \"forward\", \"forward\": {\"target_groups\": "
         "[{\"target_group\": "
         "\"tg\"}]}}}], \"certificates\": [" +
         certificates + "]" + more.parts +
         ", \"target_groups\": [{\"id\": \"tg\", \"health_check\": {\"enabled\": false}, \"targets\": "
         "[{\"address\": \"127.0.0.1\", \"port\": " +
         std::to_string(target) + "}]}]}";
}

std::string two_certificates() {
  return part("one", make_certificate({.common_name = "one", .names = {"one.example"}})) + ", " +
         part("two", make_certificate({.common_name = "two", .names = {"two.example"}, .key_number = 1}));
}

// Answers with the head that it got, and with as many bytes as a path like "/1000" says.
void tell_head(Wire& wire, int) {
  for (;;) {
    const Message request = wire.read_message();
    if (request.head.empty()) return;
    const std::size_t size = std::strtoul(request.head.c_str() + request.head.find('/') + 1, nullptr, 10);
    std::string body = request.head;
    if (size != 0) {
      body.resize(size);
      for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 3 + i / 253);
    }
    if (!request.body.empty()) body = std::to_string(std::hash<std::string>()(request.body));
    if (!wire.send(response(200, body))) return;
  }
}

std::string run(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  char chunk[4096];
  while (const std::size_t n = std::fread(chunk, 1, sizeof chunk, pipe)) out.append(chunk, n);
  ::pclose(pipe);
  return out;
}

TEST(BalancerTls, CurlIsServedInTheVersionOfHttpThatItAgreesOn) {
  Target target(tell_head);
  const auto port = free_port();
  const Issued one = make_certificate({.common_name = "one", .names = {"one.example"}});
  auto balancer = Balancer::with_config(tls_json(
      port, target.port(), part("one", one) + ", " + part("two", make_certificate({.key_number = 1}))));
  const std::string ca = balancer->directory() + "/ca.pem";
  std::ofstream(ca) << one.certificate;
  const std::string at = "one.example:" + std::to_string(port);
  const std::string curl = "curl -sS -m 10 --noproxy '*' --cacert " + ca + " --resolve " + at +
                           ":127.0.0.1 -w '%{http_version} %{http_code}' https://" + at + "/";
  const std::string old = run(curl + " --http1.1");
  EXPECT_NE(old.find("1.1 200"), std::string::npos) << old;
  EXPECT_NE(old.find("X-Forwarded-Proto: https"), std::string::npos) << old;
  EXPECT_NE(old.find("X-Forwarded-Port: " + std::to_string(port)), std::string::npos) << old;
  const std::string fresh = run(curl + " --http2");
  EXPECT_NE(fresh.find("2 200"), std::string::npos) << fresh;
  EXPECT_NE(fresh.find("X-Forwarded-Proto: https"), std::string::npos) << fresh;
  EXPECT_NE(fresh.find("Host: " + at), std::string::npos) << fresh;
}

TEST(BalancerTls, TheServerNameChoosesTheCertificateAndTheFirstOneIsForAllOthers) {
  Target target(tell_head);
  const auto port = free_port();
  auto balancer = Balancer::with_config(tls_json(port, target.port(), two_certificates()));
  for (const auto& [name, shown] : std::vector<std::pair<std::string, std::string>>{
           {"one.example", "one"}, {"two.example", "two"}, {"other.example", "one"}, {"", "one"}}) {
    TlsClient client(port, {.server_name = name});
    ASSERT_TRUE(client.connected()) << name;
    EXPECT_EQ(client.shown_name(), shown) << name;
  }
}

TEST(BalancerTls, OffersHttp2UnlessItIsOffAndRefusesWhatItDoesNotSpeak) {
  Target target(tell_head);
  const auto port = free_port();
  auto balancer = Balancer::with_config(tls_json(port, target.port(), two_certificates()));
  EXPECT_EQ(TlsClient(port, {.alpn = {"http/1.1", "h2"}}).application(), "h2");
  EXPECT_EQ(TlsClient(port, {.alpn = {"http/1.1"}}).application(), "http/1.1");
  EXPECT_FALSE(TlsClient(port, {.alpn = {"spdy/3"}}).connected());
  balancer->write_config(
      tls_json(port, target.port(), two_certificates(), {.options = "\"http2\": false", .version = 2}));
  ASSERT_TRUE(balancer->wait_for_version(2));
  TlsClient client(port, {.alpn = {"h2", "http/1.1"}});
  EXPECT_EQ(client.application(), "http/1.1");
  ASSERT_TRUE(client.wire().send(get("/")));
  EXPECT_EQ(client.wire().read_message().status, 200);
}

TEST(BalancerTls, ARenewedCertificateFileIsShownWithoutARestartAndNoRequestFailsMeanwhile) {
  Target target(tell_head);
  const auto port = free_port();
  const std::string directory =
      (std::filesystem::temp_directory_path() / "berth-tls-renewed").string() + std::to_string(port);
  std::filesystem::create_directory(directory);
  const auto write = [&directory](const Issued& issued) {
    std::ofstream(directory + "/chain.pem") << issued.certificate;
    std::ofstream(directory + "/key.pem") << issued.key;
  };
  write(make_certificate({.common_name = "former"}));
  const std::string files = "{\"id\": \"one\", \"chain_file\": \"" + directory +
                            "/chain.pem\", \"key_file\": \"" + directory + "/key.pem\"}, " +
                            part("two", make_certificate({.key_number = 1}));
  auto balancer = Balancer::with_config(tls_json(port, target.port(), files));
  TlsClient early(port);
  EXPECT_EQ(early.shown_name(), "former");
  write(make_certificate({.common_name = "renewed", .key_number = 2}));
  std::string shown;
  EXPECT_TRUE(eventually([&] {
    TlsClient client(port);
    EXPECT_TRUE(client.connected());
    shown = client.shown_name();
    EXPECT_TRUE(client.wire().send(get("/")));
    EXPECT_EQ(client.wire().read_message().status, 200);
    return shown == "renewed";
  })) << shown;
  ASSERT_TRUE(early.wire().send(get("/")));
  EXPECT_EQ(early.wire().read_message().status, 200) << "a connection that began with the former one goes on";
  std::filesystem::remove_all(directory);
}

TEST(BalancerTls, ClientCertificatesAreVerifiedAndToldToTargetsInFieldsThatNoClientCanForge) {
  Target target(tell_head);
  const auto port = free_port();
  const Issued ca = make_certificate({.common_name = "people", .key_number = 3, .ca = true});
  const Issued ann = make_certificate({.common_name = "ann", .key_number = 4, .issuer = &ca, .serial = 77});
  const Issued mallory = make_certificate({.common_name = "mallory", .key_number = 5});
  TlsConfig config;
  config.tls = ", \"client\": {\"mode\": \"verify\", \"trust_store\": \"people\"}";
  config.parts = ", \"trust_stores\": [{\"id\": \"people\", \"ca_bundle\": " + quoted(ca.certificate) + "}]";
  auto balancer = Balancer::with_config(tls_json(port, target.port(), two_certificates(), config));
  const std::string forged =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Amzn-Mtls-Clientcert-Subject: CN=root\r\nx-amzn-mtls-clientcert: x\r\n"
      "X-Amzn-Mtls-Clientcert-Serial-Number: 1\r\nX-Amzn-Tls-Version: SSLv2\r\nX-Amzn-Tls-Cipher-Suite: "
      "NULL\r\n\r\n";
  {
    TlsClient client(port, {.certificate = &ann});
    ASSERT_TRUE(client.wire().send(forged));
    const std::string head = client.wire().read_message().body;
    EXPECT_NE(head.find("X-Amzn-Mtls-Clientcert-Subject: CN=ann\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("X-Amzn-Mtls-Clientcert-Issuer: CN=people\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("X-Amzn-Mtls-Clientcert-Serial-Number: 4D\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("X-Amzn-Mtls-Clientcert-Leaf: -----BEGIN%20CERTIFICATE"), std::string::npos) << head;
    for (const char* gone : {"CN=root", "clientcert: x", "Serial-Number: 1\r", "SSLv2", "NULL"})
      EXPECT_EQ(head.find(gone), std::string::npos) << gone << " in " << head;
  }
  for (const Issued* shown : {static_cast<const Issued*>(nullptr), &mallory}) {
    for (const int version : {0, TLS1_2_VERSION}) {
      TlsClient client(port, {.certificate = shown, .version = version});
      if (!client.connected()) continue;
      client.wire().send(get("/"));
      EXPECT_EQ(client.wire().read_message().status, 0) << "nothing is served without a good certificate";
    }
  }
  config.tls = ", \"client\": {\"mode\": \"passthrough\"}";
  config.parts = "";
  config.options = "\"tls_headers\": true";
  config.version = 2;
  balancer->write_config(tls_json(port, target.port(), two_certificates(), config));
  ASSERT_TRUE(balancer->wait_for_version(2));
  {
    TlsClient client(port, {.certificate = &mallory});
    ASSERT_TRUE(client.wire().send(forged));
    const std::string head = client.wire().read_message().body;
    EXPECT_NE(head.find("X-Amzn-Mtls-Clientcert: -----BEGIN%20CERTIFICATE"), std::string::npos) << head;
    EXPECT_NE(head.find("X-Amzn-Tls-Version: TLSv1.3\r\n"), std::string::npos) << head;
    for (const char* gone : {"CN=root", "clientcert: x", "SSLv2", "NULL"})
      EXPECT_EQ(head.find(gone), std::string::npos) << gone << " in " << head;
  }
  {
    TlsClient nobody(port);
    ASSERT_TRUE(nobody.wire().send(forged));
    const std::string head = nobody.wire().read_message().body;
    EXPECT_EQ(head.find("Mtls"), std::string::npos) << head;
    EXPECT_EQ(head.find("mtls"), std::string::npos) << head;
  }
  // Under other names, which are as safe.
  config.options +=
      R"(, "tls_header_names": {"x_amzn_mtls_clientcert": "X-Person", "x_amzn_tls_version": "X-Tls"})";
  config.version = 3;
  balancer->write_config(tls_json(port, target.port(), two_certificates(), config));
  ASSERT_TRUE(balancer->wait_for_version(3));
  const std::string spoofed =
      "GET / HTTP/1.1\r\nHost: a\r\nx-person: root\r\nX_Person: root\r\nX-Tls: root\r\nX-Personal: kept\r\n"
      "X-Amzn-Mtls-Clientcert: root\r\n\r\n";
  for (const Issued* shown : {static_cast<const Issued*>(nullptr), &mallory}) {
    TlsClient client(port, {.certificate = shown});
    ASSERT_TRUE(client.wire().send(spoofed));
    const std::string head = client.wire().read_message().body;
    EXPECT_EQ(head.find("root"), std::string::npos) << head;
    EXPECT_NE(head.find("X-Personal: kept\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("\r\nX-Tls: TLSv1.3\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("\r\nX-Amzn-Tls-Cipher-Suite: TLS_"), std::string::npos) << head;
    EXPECT_EQ(head.find("\r\nX-Person: -----BEGIN") != std::string::npos, shown != nullptr) << head;
  }
}

TEST(BalancerTls, PlainTextAndHandshakesThatNeverEndHarmNobodyElseAndDoNotHoldUpADrain) {
  Target target(tell_head);
  const auto port = free_port();
  auto balancer = Balancer::with_config(tls_json(port, target.port(), two_certificates()));
  Wire plain = Wire::connect(port);
  ASSERT_TRUE(plain.send(get("/plain")));
  EXPECT_EQ(plain.read_message().status, 0);
  std::vector<Wire> stuck;
  for (int i = 0; i < 100; ++i) {
    stuck.push_back(Wire::connect(port));
    stuck.back().send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  }
  TlsClient client(port);
  ASSERT_TRUE(client.wire().send(get("/")));
  EXPECT_EQ(client.wire().read_message().status, 200);
  EXPECT_EQ(balancer->metric("berth_lb_client_tls_negotiation_errors_total"), 1U);
  EXPECT_TRUE(target.seen().empty());
  balancer->signal(SIGTERM);
  EXPECT_EQ(balancer->wait_exit(), 0);
}

TEST(BalancerTls, ASessionIsResumedByAnyWorker) {
  Target target(tell_head);
  const auto port = free_port();
  auto balancer = Balancer::with_config(tls_json(port, target.port(), two_certificates()));
  for (const int version : {0, TLS1_2_VERSION}) {
    TlsClient first(port, {.server_name = "one.example", .version = version});
    EXPECT_FALSE(first.resumed());
    ASSERT_TRUE(first.wire().send(get("/")));
    EXPECT_EQ(first.wire().read_message().status, 200);
    SSL_SESSION* session = first.end_and_take_session();
    for (int i = 0; i < 8; ++i) {
      TlsClient again(port, {.server_name = "one.example", .session = session, .version = version});
      EXPECT_TRUE(again.resumed()) << i;
      ASSERT_TRUE(again.wire().send(get("/")));
      EXPECT_EQ(again.wire().read_message().status, 200);
      if (version != 0) continue;  // in TLS 1.3 a ticket is for one use, as clients see it
      SSL_SESSION_free(session);
      session = again.end_and_take_session();
    }
    SSL_SESSION_free(session);
  }
  EXPECT_EQ(balancer->metric("berth_lb_tls_resumed_total"), 16U);
}

TEST(BalancerTls, LargeBodiesCrossBothWaysByteForByteAlsoWhenTheClientReadsSlowly) {
  Target target(tell_head);
  const auto port = free_port();
  auto balancer = Balancer::with_config(tls_json(port, target.port(), two_certificates()));
  const long before = balancer->resident_kilobytes();
  TlsClient client(port);
  std::string body(3 * 1024 * 1024 + 5, ' ');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 5 + i / 257);
  ASSERT_TRUE(client.wire().send(
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body));
  EXPECT_EQ(client.wire().read_message().body, std::to_string(std::hash<std::string>()(body)));
  constexpr std::size_t kSize = 24 * 1024 * 1024 + 3;
  ASSERT_TRUE(client.wire().send(get("/" + std::to_string(kSize))));
  ASSERT_EQ(client.wire().read_exactly(16), "HTTP/1.1 200 X\r\n");
  EXPECT_LT(balancer->resident_kilobytes() - before, 12 * 1024)
      << "kilobytes, while the client does not read";
  std::string rest = client.wire().read_exactly(200);
  const std::size_t all = rest.find("\r\n\r\n") + 4 + kSize;
  while (rest.size() < all) {
    const std::string more = client.wire().read_exactly(std::min<std::size_t>(all - rest.size(), 700'001));
    ASSERT_FALSE(more.empty());
    rest += more;
  }
  rest.erase(0, all - kSize);
  bool same = true;
  for (std::size_t i = 0; i < kSize && same; ++i) same = rest[i] == static_cast<char>(i * 3 + i / 253);
  EXPECT_TRUE(same);
}

TEST(BalancerTls, ADrainLetsTheOpenRequestEnd) {
  std::atomic<bool> go{false};
  Target target([&go](Wire& wire, int) {
    if (wire.read_message().head.empty()) return;
    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.");
    eventually([&go] { return go.load(); });
    wire.send("whole");
    wire.read_to_end();
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(tls_json(port, target.port(), two_certificates()));
  TlsClient idle(port);
  TlsClient client(port);
  ASSERT_TRUE(client.wire().send(get("/")));
  EXPECT_NE(client.wire().read_exactly(20), "");
  balancer->signal(SIGTERM);
  EXPECT_TRUE(idle.wire().ended());
  go = true;
  const std::string rest = client.wire().read_to_end();
  EXPECT_TRUE(rest.ends_with("half.whole")) << rest;
  EXPECT_EQ(balancer->wait_exit(), 0);
}

TEST(BalancerTls, TheAccessLogSaysWhatWasAgreedOn) {
  Target target(tell_head);
  const auto port = free_port();
  const std::string log = ::testing::TempDir() + "/berth-tls-access-" + std::to_string(port);
  auto balancer = Balancer::with_config(
      tls_json(port, target.port(), two_certificates(), {.options = "\"access_log\": true"}),
      {"--access-log", log});
  TlsClient client(port, {.server_name = "two.example"});
  ASSERT_TRUE(client.wire().send(get("/logged")));
  EXPECT_EQ(client.wire().read_message().status, 200);
  std::string line;
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(std::getline(std::ifstream(log), line)); }));
  EXPECT_EQ(line.substr(0, 6), "https ");
  EXPECT_NE(line.find("\"GET https://a:" + std::to_string(port) + "/logged HTTP/1.1\""), std::string::npos)
      << line;
  EXPECT_NE(line.find(" TLS_AES_128_GCM_SHA256 TLSv1.3 "), std::string::npos) << line;
  EXPECT_NE(line.find(" \"two.example\" \"two\" "), std::string::npos) << line;
  std::filesystem::remove(log);
}

}  // namespace
}  // namespace balancer::test
