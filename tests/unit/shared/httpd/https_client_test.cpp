#include "shared/httpd/https_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include "tests/support/certificates.h"
#include "tests/support/tls_peer.h"
#include "tests/unit/shared/httpd/outcome.h"
#include "tests/unit/shared/httpd/raw_peer.h"

namespace shared::httpd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::support::Goodbye;
using tests::support::Issued;
using tests::support::make_certificate;
using tests::support::TlsPeer;

net::HttpsUrl url_of(const TlsPeer& peer, const std::string& host, const std::string& target = "/") {
  return {{.address = host, .port = peer.port()}, target};
}

class HttpsClientTest : public ::testing::Test {
 protected:
  HttpsClientTest() {
    std::ofstream(dir.path("ca.pem")) << ca.certificate;
    auto made = HttpsClient::create(loop, dir.path("ca.pem"));
    EXPECT_TRUE(made) << made.error().text();
    client = *std::move(made);
  }

  Issued issue(std::vector<std::string> names, std::string extension = {}, long to_seconds = 3600) const {
    return make_certificate({.common_name = "server",
                             .names = std::move(names),
                             .key_number = 2,
                             .to_seconds = to_seconds,
                             .issuer = &ca,
                             .extension = std::move(extension)});
  }

  Result<http::Response> get(const net::HttpsUrl& url, HttpsOptions options = {}) {
    Outcome outcome;
    const Call call = client->request(url, {}, options, into(outcome));
    EXPECT_FALSE(outcome);
    EXPECT_TRUE(wait(loop, outcome));
    return outcome.value_or(Error("test", "no outcome"));
  }

  const Issued ca = make_certificate({.common_name = "root", .key_number = 1, .ca = true});
  const Issued good = issue({"localhost"});
  const TempDir dir;
  IoLoop loop;
  std::unique_ptr<HttpsClient> client;
};

constexpr const char* kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkeys";

TEST_F(HttpsClientTest, AServerWhoseCertificateNamesTheHostIsAsked) {
  const TlsPeer peer(good, kAnswer);
  Outcome outcome;
  http::Request request{.method = "POST", .target = "/ignored", .body = "data"};
  request.headers.set("Content-Type", "application/jose+json");
  const Call call =
      client->request(url_of(peer, "localhost", "/x?y=1"), std::move(request), {}, into(outcome));
  ASSERT_TRUE(wait(loop, outcome));
  ASSERT_TRUE(*outcome) << outcome->error().text();
  EXPECT_EQ((*outcome)->status, 200);
  EXPECT_EQ((*outcome)->body, "keys");
  EXPECT_EQ(peer.server_name(), "localhost");
  EXPECT_THAT(peer.seen(),
              HasSubstr("POST /x?y=1 HTTP/1.1\r\nHost: " + url_of(peer, "localhost").authority() + "\r\n"));
  EXPECT_THAT(peer.seen(), HasSubstr("Content-Type: application/jose+json\r\n"));
  EXPECT_THAT(peer.seen(), HasSubstr("Connection: close\r\n"));
}

TEST_F(HttpsClientTest, AnAddressIsLookedForAmongTheAddressesOfTheCertificate) {
  const TlsPeer peer(issue({}, "subjectAltName=IP:127.0.0.1"), kAnswer);
  const auto answer = get(url_of(peer, "127.0.0.1"));
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "keys");
  EXPECT_EQ(peer.server_name(), "");
}

TEST_F(HttpsClientTest, AServerThatIsNotTheOneAskedForGetsNoRequest) {
  const Issued stranger = make_certificate({.common_name = "root", .key_number = 3, .ca = true});
  const struct {
    Issued identity;
    const char* host;
    const char* why;
  } cases[] = {
      {issue({"other.example"}), "localhost", "hostname mismatch"},
      {issue({"localhost"}), "127.0.0.1", "IP address mismatch"},
      {issue({"localhost"}, "", -60), "localhost", "certificate has expired"},
      {make_certificate({.names = {"localhost"}, .key_number = 2}), "localhost", "self-signed certificate"},
      {make_certificate({.names = {"localhost"}, .key_number = 2, .issuer = &stranger}), "localhost",
       "certificate signature failure"},
  };
  for (const auto& each : cases) {
    const TlsPeer peer(each.identity, kAnswer);
    const auto answer = get(url_of(peer, each.host));
    ASSERT_FALSE(answer) << each.why;
    EXPECT_EQ(answer.error().code(), "tls");
    EXPECT_THAT(answer.error().text(), HasSubstr("the server's certificate is refused: "));
    EXPECT_THAT(answer.error().text(), HasSubstr(each.why));
    EXPECT_THAT(answer.error().text(), HasSubstr(url_of(peer, each.host).authority()));
    EXPECT_EQ(peer.seen(), "");
  }
}

TEST_F(HttpsClientTest, WithoutACaFileOnlyTheSystemsRootsCount) {
  client = *HttpsClient::create(loop, "");
  const TlsPeer peer(good, kAnswer);
  const auto answer = get(url_of(peer, "localhost"));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().text(), HasSubstr("unable to get local issuer certificate"));
}

TEST_F(HttpsClientTest, ACaFileThatCannotBeUsedIsAnErrorThatNamesIt) {
  std::ofstream(dir.path("empty.pem")) << "no certificate\n";
  for (const char* name : {"missing.pem", "empty.pem"}) {
    const auto made = HttpsClient::create(loop, dir.path(name));
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().text(), HasSubstr(name));
  }
}

TEST_F(HttpsClientTest, AServerThatSpeaksNoTlsIsSaidToBeOne) {
  RawListener listener(loop);
  Outcome outcome;
  const Call call = client->request({listener.endpoint(), "/"}, {}, {}, into(outcome));
  listener.next().send("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_TRUE(wait(loop, outcome));
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code(), "tls");
  EXPECT_THAT(outcome->error().text(), HasSubstr("wrong version number"));
}

TEST_F(HttpsClientTest, OneLimitHoldsForHandshakeAndAnswer) {
  RawListener mute(loop);
  const TlsPeer silent(good, "", Goodbye::kNever);
  const TlsPeer slow(good, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nke", Goodbye::kNever);
  for (const net::HttpsUrl& url :
       {net::HttpsUrl{mute.endpoint(), "/"}, url_of(silent, "localhost"), url_of(slow, "localhost")}) {
    const auto answer = get(url, {.timeout = Millis(300)});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), "timeout");
    EXPECT_THAT(answer.error().text(), HasSubstr("no whole answer within 300 ms"));
  }
}

TEST_F(HttpsClientTest, ABodyOverTheLimitIsNotCollected) {
  const TlsPeer counted(good, "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + std::string(65, 'x'),
                        Goodbye::kNever);
  const TlsPeer chunked(good, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n" +
                                  std::string(65, 'x') + "\r\n0\r\n\r\n");
  for (const TlsPeer* peer : {&counted, &chunked}) {
    const auto answer = get(url_of(*peer, "localhost"), {.max_body_bytes = 64});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), "too_large");
    const auto more = get(url_of(*peer, "localhost"), {.timeout = Millis(300), .max_body_bytes = 65});
    EXPECT_EQ(more.has_value(), peer == &chunked);
  }
}

TEST_F(HttpsClientTest, AnAnswerWithoutALengthEndsWithTheConnectionUnlessItIsCutOff) {
  const std::string answer = "HTTP/1.1 200 OK\r\n\r\nkeys";
  const TlsPeer whole(good, answer, Goodbye::kNotified);
  const auto got = get(url_of(whole, "localhost"));
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->body, "keys");
  const TlsPeer cut(good, answer, Goodbye::kCut);
  const auto missed = get(url_of(cut, "localhost"));
  ASSERT_FALSE(missed);
  EXPECT_EQ(missed.error().code(), "closed");
}

TEST_F(HttpsClientTest, ARedirectIsAnAnswerLikeAnyOther) {
  const TlsPeer peer(good, "HTTP/1.1 302 Found\r\nLocation: https://b.example/\r\nContent-Length: 0\r\n\r\n");
  const auto answer = get(url_of(peer, "localhost"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(answer->headers.get("location"), "https://b.example/");
}

TEST_F(HttpsClientTest, InterimAnswersAreSkippedAndBrokenOnesRefused) {
  const TlsPeer interim(good, std::string("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") + kAnswer);
  const auto answer = get(url_of(interim, "localhost"));
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "keys");
  const TlsPeer broken(good, "GARBAGE\r\n\r\n");
  EXPECT_EQ(get(url_of(broken, "localhost")).error().code(), "malformed");
  const TlsPeer switches(good, "HTTP/1.1 101 Switching Protocols\r\n\r\n", Goodbye::kNever);
  EXPECT_EQ(get(url_of(switches, "localhost")).error().code(), "malformed");
  const TlsPeer nothing(good, "");
  EXPECT_EQ(get(url_of(nothing, "localhost")).error().code(), "closed");
}

TEST_F(HttpsClientTest, NobodyListeningAndNamesWithoutAnAddressAreToldApart) {
  net::Endpoint closed;
  {
    const RawListener listener(loop);
    closed = listener.endpoint();
  }
  const auto refused = get({closed, "/"});
  EXPECT_EQ(refused.error().code(), "connect");
  EXPECT_THAT(refused.error().text(), HasSubstr("refused"));
  // A label is too long for any name server to be asked.
  const auto unknown = get({{.address = std::string(64, 'a') + ".example", .port = 1}, "/"});
  EXPECT_EQ(unknown.error().code(), "connect");
  EXPECT_THAT(unknown.error().text(), HasSubstr("its name cannot be resolved"));
}

TEST_F(HttpsClientTest, ADroppedCallIsNotAnsweredAndClosesItsConnection) {
  RawListener listener(loop);
  Outcome outcome;
  Call call = client->request({listener.endpoint(), "/"}, {}, {}, into(outcome));
  RawPeer& peer = listener.next();
  ASSERT_TRUE(loop.run_until([&] { return !peer.received().empty(); }, kPatience));
  call.cancel();
  EXPECT_TRUE(peer.wait_for_close());
  EXPECT_FALSE(outcome);
}

TEST_F(HttpsClientTest, ErrorsDoNotRepeatTheQuery) {
  const TlsPeer peer(good, "GARBAGE\r\n\r\n");
  const auto answer = get(url_of(peer, "localhost", "/keys?token=secret"));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().text(), HasSubstr("/keys"));
  EXPECT_THAT(answer.error().text(), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace shared::httpd
