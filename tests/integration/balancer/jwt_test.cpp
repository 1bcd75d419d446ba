// jwt-validation actions: real tokens, and an issuer whose key sets come by HTTPS.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "tests/integration/balancer/tls_wire.h"
#include "tests/support/rsa_signer.h"
#include "tests/support/tls_peer.h"

namespace balancer::test {
namespace {

using tests::RsaSigner;
using tests::support::Goodbye;
using tests::support::Issued;
using tests::support::make_certificate;
using tests::support::TlsPeer;

constexpr const char* kIssuer = "https://issuer.example";

const RsaSigner& first_key() {
  static const RsaSigner made;
  return made;
}
const RsaSigner& second_key() {
  static const RsaSigner made;
  return made;
}

std::string answer_of(const std::string& body, int status = 200) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}
std::string key_set(const std::string& keys) { return answer_of("{\"keys\":[" + keys + "]}"); }

struct Claims {
  std::string issuer = kIssuer;
  long expires_in = 600;
  std::string more = "\"scope\":\"read write\"";
};
std::string token_of(const RsaSigner& key, const std::string& id, const Claims& claims = {},
                     const std::string& algorithm = "RS256") {
  return key.token(R"({"alg":")" + algorithm + R"(","kid":")" + id + "\"}",
                   R"({"iss":")" + claims.issuer + "\",\"exp\":" +
                       std::to_string(std::time(nullptr) + claims.expires_in) + "," + claims.more + "}");
}

std::string quoted_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '\n' ? std::string("\\n") : std::string(1, c);
  return out + "\"";
}

std::string request(const std::string& path, const std::string& token, const std::string& body = "") {
  return (body.empty() ? "GET " : "POST ") + path + " HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n" +
         (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") +
         (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" + body;
}

// One HTTPS listener on one worker: /free without a token, all else with one. The issuer is at `issuer_port`.
class JwtBalancer {
 public:
  JwtBalancer() {
    ::mkdir(directory.c_str(), 0700);
    std::ofstream(directory + "/ca.pem") << authority().certificate;
  }
  ~JwtBalancer() {
    balancer.reset();
    std::filesystem::remove_all(directory);
  }

  // Of all tests: what the endpoints of key sets are trusted by.
  static const Issued& authority() {
    static const Issued made = make_certificate({.common_name = "root", .key_number = 1, .ca = true});
    return made;
  }
  static Issued identity() {
    return make_certificate({.common_name = "issuer",
                             .key_number = 2,
                             .issuer = &authority(),
                             .extension = "subjectAltName=IP:127.0.0.1"});
  }

  void start(std::uint16_t issuer_port, bool trusted = true) {
    const auto action = [&](const std::string& path) {
      return R"({"type": "forward", "order": 2, "forward": {"target_groups": [{"target_group": "tg"}]})" +
             (path.empty()
                  ? std::string()
                  : R"(, "jwt_validation": {"issuer": ")" + std::string(kIssuer) +
                        R"(", "jwks_endpoint": "https://127.0.0.1:)" + std::to_string(issuer_port) + path +
                        R"(", "claims": [{"name": "scope", "format": "space-separated-values",
                                     "values": ["read"]}]})") +
             "}";
    };
    const auto rule = [&](int priority, const std::string& path, const std::string& keys) {
      return R"({"id": "r)" + std::to_string(priority) + R"(", "priority": )" + std::to_string(priority) +
             R"(, "conditions": [{"field": "path-pattern", "values": [")" + path + R"("]}], "action": )" +
             action(keys) + "}";
    };
    const Issued own = make_certificate({.common_name = "one", .names = {"one.example"}});
    std::vector<std::string> arguments{"--workers", "1", "--access-log", directory + "/access"};
    if (trusted) arguments.insert(arguments.end(), {"--jwks-ca-file", directory + "/ca.pem"});
    balancer = Balancer::with_config(
        R"({"version": 1, "listeners": [{"id": "web", "address": "127.0.0.1", "port": )" +
            std::to_string(port) +
            R"(, "protocol": "https", "tls": {"policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
                "certificates": ["one"]}, "options": {"access_log": true}, "default_action": )" +
            action("/keys") + R"(, "rules": [)" + rule(1, "/free", "") + ", " + rule(2, "/large", "/large") +
            ", " + rule(3, "/broken", "/broken") + ", " + rule(4, "/missing", "/missing") +
            R"(]}], "certificates": [{"id": "one", "chain": )" + quoted_text(own.certificate) +
            ", \"key\": " + quoted_text(own.key) +
            R"(}], "target_groups": [{"id": "tg", "health_check": {"enabled": false},
                "targets": [{"address": "127.0.0.1", "port": )" +
            std::to_string(target.port()) + "}]}]}",
        arguments);
  }

  Message ask(const std::string& path, const std::string& token, const std::string& body = "") {
    TlsClient client(port);
    EXPECT_TRUE(client.wire().send(request(path, token, body)));
    return client.wire().read_message();
  }
  bool logged(const std::string& word) {
    return eventually([&] {
      std::ifstream file(directory + "/access");
      const std::string all{std::istreambuf_iterator<char>(file), {}};
      return all.find("\"" + word + "\"") != std::string::npos;
    });
  }

  const std::uint16_t port = free_port();
  const std::string directory =
      (std::filesystem::temp_directory_path() / "berth-jwt-").string() + std::to_string(port);
  // Answers with the head and the length of the body that it got.
  Target target{[](Wire& wire, int) {
    for (;;) {
      const Message got = wire.read_message();
      if (got.head.empty()) return;
      if (!wire.send(response(200, got.head + std::to_string(got.body.size())))) return;
    }
  }};
  std::unique_ptr<Balancer> balancer;
};

// Holds an answer back until it is opened.
class KeyGate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

TEST(BalancerJwt, AValidTokenPassesAsItCameAndOthersAreAnsweredWith401) {
  const TlsPeer issuer(JwtBalancer::identity(), key_set(first_key().jwk("a")));
  JwtBalancer world;
  world.start(issuer.port());
  const std::string good = token_of(first_key(), "a");
  const Message passed = world.ask("/", good);
  EXPECT_EQ(passed.status, 200);
  EXPECT_NE(passed.body.find("Authorization: Bearer " + good + "\r\n"), std::string::npos) << passed.body;
  EXPECT_EQ(world.ask("/free", "").status, 200) << "a rule without the action";

  std::string forged = good;
  forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
  const std::vector<std::pair<std::string, std::string>> refused{
      {"", "JWTHeaderNotPresent"},
      {"nonsense", "JWTRequestFormatInvalid"},
      {token_of(first_key(), "a", {}, "ES256"), "JWTRequestFormatInvalid"},
      {token_of(first_key(), "a", {}, "none"), "JWTRequestFormatInvalid"},
      {forged, "JWTSignatureValidationFailed"},
      {token_of(second_key(), "a"), "JWTSignatureValidationFailed"},
      {token_of(first_key(), "a", {.expires_in = -1}), "JWTClaimValueInvalid"},
      {token_of(first_key(), "a", {.issuer = "https://other.example"}), "JWTClaimValueInvalid"},
      {token_of(first_key(), "a", {.more = "\"scope\":\"write\""}), "JWTClaimValueInvalid"},
      {token_of(first_key(), "a", {.more = "\"scope\":[\"read\"]"}), "JWTClaimFormatInvalid"},
      {token_of(first_key(), "a", {.more = "\"x\":1"}), "JWTClaimNotPresent"},
  };
  for (const auto& [token, word] : refused) {
    const Message answer = world.ask("/", token);
    EXPECT_EQ(answer.status, 401) << word << " " << token;
    EXPECT_EQ(answer.field("WWW-Authenticate"), token.empty() ? "Bearer" : "Bearer error=\"invalid_token\"");
    EXPECT_TRUE(world.logged(word)) << word;
  }
  EXPECT_EQ(issuer.requests(), 1) << "one fetch for all of them";
  EXPECT_EQ(world.balancer->metric("berth_lb_jwt_validation_successes_total"), 1U);
  EXPECT_EQ(world.balancer->metric("berth_lb_jwt_validation_failures_total"), refused.size());
}

TEST(BalancerJwt, ARotatedKeyIsFetchedForTheFirstRequestThatNamesIt) {
  std::mutex mutex;
  std::string keys = key_set(first_key().jwk("a"));
  const TlsPeer issuer(JwtBalancer::identity(), [&](const std::string&) {
    const std::lock_guard lock(mutex);
    return keys;
  });
  JwtBalancer world;
  world.start(issuer.port());
  EXPECT_EQ(world.ask("/", token_of(first_key(), "a")).status, 200);
  {
    const std::lock_guard lock(mutex);
    keys = key_set(second_key().jwk("b"));
  }
  EXPECT_EQ(world.ask("/", token_of(second_key(), "b")).status, 200);
  EXPECT_EQ(issuer.requests(), 2);
  EXPECT_EQ(world.ask("/", token_of(first_key(), "a")).status, 401);
  EXPECT_EQ(world.ask("/", token_of(first_key(), "never")).status, 401);
  EXPECT_EQ(issuer.requests(), 2) << "strangers cannot make it ask again and again";
}

TEST(BalancerJwt, RequestsWaitForTheirKeysAndNobodyElseDoes) {
  KeyGate gate;
  const TlsPeer issuer(JwtBalancer::identity(), [&gate](const std::string&) {
    gate.wait();
    return key_set(first_key().jwk("a"));
  });
  JwtBalancer world;
  world.start(issuer.port());
  const std::shared_ptr<void> opens_at_the_end(nullptr, [&gate](void*) { gate.open(); });
  const std::string token = token_of(first_key(), "a");
  const std::string body(1024 * 1024, 'x');
  TlsClient uploads(world.port), gives_up(world.port), breaks(world.port);
  std::thread upload([&] { uploads.wire().send(request("/", token, body)); });
  EXPECT_TRUE(breaks.wire().send(request("/", "broken")));
  EXPECT_TRUE(gives_up.wire().send(request("/", token)));
  EXPECT_TRUE(eventually([&] { return issuer.requests() == 1; }));
  EXPECT_EQ(world.ask("/free", "").status, 200) << "the only worker is not held up";
  gives_up.wire().close();
  gate.open();
  const Message answer = uploads.wire().read_message();
  upload.join();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body.ends_with("\r\n\r\n" + std::to_string(body.size()))) << answer.body;
  EXPECT_EQ(breaks.wire().read_message().status, 401);
  EXPECT_EQ(world.ask("/", token).status, 200);
  EXPECT_EQ(issuer.requests(), 1);
}

TEST(BalancerJwt, CurlOverHttp2WaitsForKeysAndIsAnswered) {
  const TlsPeer issuer(JwtBalancer::identity(), key_set(first_key().jwk("a")));
  JwtBalancer world;
  world.start(issuer.port());
  const auto curl = [&world](const std::string& token) {
    std::string out;
    FILE* pipe =
        ::popen(("curl -ksS -m 10 --noproxy '*' --http2 -o /dev/null -w '%{http_version} %{http_code}' "
                 "-H 'Authorization: Bearer " +
                 token + "' https://127.0.0.1:" + std::to_string(world.port) + "/ 2>&1")
                    .c_str(),
                "r");
    char chunk[4096];
    while (const std::size_t n = std::fread(chunk, 1, sizeof chunk, pipe)) out.append(chunk, n);
    ::pclose(pipe);
    return out;
  };
  EXPECT_EQ(curl(token_of(first_key(), "a")), "2 200");
  EXPECT_EQ(curl(token_of(second_key(), "a")), "2 401");
}

TEST(BalancerJwt, WhatIsNoKeySetIsToldFromAnEndpointThatFails) {
  const TlsPeer issuer(JwtBalancer::identity(), [](const std::string& head) {
    if (head.starts_with("GET /large ")) return answer_of(std::string(150 * 1024 + 1, ' '));
    if (head.starts_with("GET /broken ")) return answer_of("{}");
    return answer_of("none", 404);
  });
  JwtBalancer world;
  world.start(issuer.port());
  const std::string token = token_of(first_key(), "a");
  EXPECT_EQ(world.ask("/large", token).status, 562);
  EXPECT_TRUE(world.logged("JWKSResponseSizeExceeded"));
  EXPECT_EQ(world.ask("/broken", token).status, 562);
  EXPECT_TRUE(world.logged("JWKSResponseInvalid"));
  EXPECT_EQ(world.ask("/missing", token).status, 500);
  EXPECT_TRUE(world.logged("JWKSRequestFailed"));
  EXPECT_EQ(world.ask("/missing", token).status, 500);
  EXPECT_EQ(issuer.requests(), 3) << "a failure is the answer for a while";
}

TEST(BalancerJwt, AnEndpointOfACaThatNobodyTrustsIsNotBelieved) {
  const TlsPeer issuer(JwtBalancer::identity(), key_set(first_key().jwk("a")));
  JwtBalancer world;
  world.start(issuer.port(), false);
  EXPECT_EQ(world.ask("/", token_of(first_key(), "a")).status, 500);
  EXPECT_EQ(issuer.requests(), 0);
  EXPECT_TRUE(eventually([&world] {
    return world.balancer->log().find("the server's certificate is refused") != std::string::npos;
  })) << world.balancer->log();
}

TEST(BalancerJwt, AnEndpointThatTakesTooLongIsGivenUp) {
  const TlsPeer issuer(JwtBalancer::identity(), "", Goodbye::kNever);
  JwtBalancer world;
  world.start(issuer.port());
  EXPECT_EQ(world.ask("/", token_of(first_key(), "a")).status, 500);
  EXPECT_TRUE(world.logged("JWKSRequestTimeout"));
}

TEST(BalancerJwt, AnEndpointThatWasDownIsAskedAgain) {
  JwtBalancer world;
  const std::uint16_t issuer_port = free_port();
  world.start(issuer_port);
  const std::string token = token_of(first_key(), "a");
  EXPECT_EQ(world.ask("/", token).status, 500);
  EXPECT_TRUE(world.logged("JWKSRequestFailed"));
  const TlsPeer issuer(
      JwtBalancer::identity(), [](const std::string&) { return key_set(first_key().jwk("a")); },
      Goodbye::kNotified, issuer_port);
  // A failure is the answer for ten seconds, as long as one eventually() is.
  const auto back = [&] { return world.ask("/", token).status == 200; };
  EXPECT_TRUE(eventually(back) || eventually(back));
}

}  // namespace
}  // namespace balancer::test
