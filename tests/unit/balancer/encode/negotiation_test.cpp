#include "balancer/encode/negotiation.h"

#include <gtest/gtest.h>

#include <string>

namespace balancer::encode {
namespace {

using shared::lbconfig::Coding;
using shared::lbconfig::Compression;

Compression all() {
  Compression settings;
  settings.algorithms = {Coding::kZstd, Coding::kBrotli, Coding::kGzip};
  settings.minimum_length = 100;
  return settings;
}

Accepted accepted(const std::string& fields, const Compression& settings = all()) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  codec::RequestParser parser;
  codec::RequestHead head;
  EXPECT_EQ(parser.parse(text, head), codec::ParseState::kComplete);
  return accepted_coding(head, settings);
}
std::string chosen(const std::string& value) {
  const auto said = accepted("Accept-Encoding: " + value + "\r\n");
  return said.coding ? std::string(shared::lbconfig::kCodingWords[static_cast<std::size_t>(*said.coding)])
                     : "none";
}

TEST(AcceptEncoding, TheClientsWeightsDecideAndThenOurOrder) {
  EXPECT_EQ(chosen("gzip, br, zstd"), "zstd");
  EXPECT_EQ(chosen("gzip, deflate, br"), "br");
  EXPECT_EQ(chosen("gzip"), "gzip");
  EXPECT_EQ(chosen("x-gzip"), "gzip");
  EXPECT_EQ(chosen("GZip"), "gzip");
  EXPECT_EQ(chosen("gzip;q=1.0, br;q=0.9, zstd;q=0.1"), "gzip");
  EXPECT_EQ(chosen("zstd;q=0.001"), "zstd");
  EXPECT_EQ(chosen("gzip ; Q=0.8 , br;q=0.7"), "gzip");
  EXPECT_EQ(chosen("*"), "zstd");
  EXPECT_EQ(chosen("*;q=0.5, zstd;q=0"), "br");
  EXPECT_EQ(chosen("gzip;q=0.4, *;q=0.6"), "zstd");
}

TEST(AcceptEncoding, NothingIsChosenThatTheClientDoesNotTakeOrLikesLess) {
  EXPECT_EQ(chosen(""), "none");
  EXPECT_EQ(chosen("identity"), "none");
  EXPECT_EQ(chosen("deflate, compress"), "none");
  EXPECT_EQ(chosen("gzip;q=0"), "none");
  EXPECT_EQ(chosen("*;q=0"), "none");
  EXPECT_EQ(chosen("identity, gzip;q=0.5"), "none");
  EXPECT_EQ(chosen("identity;q=0.5, gzip;q=0.5"), "gzip");
  EXPECT_FALSE(accepted("").coding) << "no field: everything would be right, and as it is is safest";
}

TEST(AcceptEncoding, WhatCannotBeReadIsPassedOver) {
  EXPECT_EQ(chosen("gzip;q=2"), "none");
  EXPECT_EQ(chosen("gzip;q=0.1234"), "none");
  EXPECT_EQ(chosen("gzip;q="), "none");
  EXPECT_EQ(chosen("gzip;level=1"), "none");
  EXPECT_EQ(chosen("gzip;q=1.001, br"), "br");
  EXPECT_EQ(chosen(",,;,gzip,"), "gzip");
  EXPECT_EQ(chosen("gzip;q=0x1, ;q=1"), "none");
}

TEST(AcceptEncoding, SeveralFieldsAreOneList) {
  const auto said = accepted("Accept-Encoding: gzip;q=0.5\r\naccept-encoding: br\r\n");
  EXPECT_EQ(said.coding, Coding::kBrotli);
}

TEST(AcceptEncoding, KnowsWhoTakesNothingAsItIs) {
  EXPECT_TRUE(accepted("Accept-Encoding: gzip, identity;q=0\r\n").identity_refused);
  EXPECT_TRUE(accepted("Accept-Encoding: gzip, *;q=0\r\n").identity_refused);
  EXPECT_FALSE(accepted("Accept-Encoding: gzip, *;q=0, identity\r\n").identity_refused);
  EXPECT_FALSE(accepted("Accept-Encoding: gzip\r\n").identity_refused);
}

TEST(AcceptEncoding, OnlyWhatTheSettingsNameIsUsed) {
  Compression settings = all();
  settings.algorithms = {Coding::kGzip};
  EXPECT_EQ(accepted("Accept-Encoding: br, gzip;q=0.1\r\n", settings).coding, Coding::kGzip);
  EXPECT_FALSE(accepted("Accept-Encoding: br\r\n", settings).coding);
}

struct Asked {
  std::string accept = "gzip";
  bool head_method = false;
  bool websocket = false;
  Compression settings = all();
};
Treatment treated(const std::string& response, const Asked& asked = {}) {
  codec::ResponseParser parser;
  codec::ResponseHead head;
  EXPECT_EQ(parser.parse(response, head), codec::ParseState::kComplete);
  codec::RequestFacts facts;
  facts.head_method = asked.head_method;
  facts.websocket = asked.websocket;
  return treat(head, codec::plan_response(head, facts), facts,
               accepted(asked.accept.empty() ? "" : "Accept-Encoding: " + asked.accept + "\r\n"),
               asked.settings);
}
std::string ok(const std::string& fields) { return "HTTP/1.1 200 OK\r\n" + fields + "\r\n"; }
constexpr const char* kText = "Content-Type: text/html; charset=utf-8\r\n";

TEST(Treatment, EncodesWhatIsListedAndLongEnough) {
  for (const char* type :
       {"text/html", "TEXT/Plain;a=b", "application/json", "text/event-stream", "image/svg+xml"}) {
    EXPECT_TRUE(treated(ok("Content-Type: " + std::string(type) + "\r\nContent-Length: 100\r\n")).encode)
        << type;
  }
  EXPECT_TRUE(treated(ok(std::string(kText) + "Transfer-Encoding: chunked\r\n")).encode)
      << "of unknown length";
  EXPECT_TRUE(treated(ok(kText)).encode) << "until close";
  EXPECT_TRUE(
      treated("HTTP/1.1 404 Not Found\r\n" + std::string(kText) + "Content-Length: 100\r\n\r\n").encode);
}

TEST(Treatment, LeavesAloneWhatIsNotListed) {
  for (const char* type :
       {"image/png", "application/octet-stream", "application/grpc", "application/grpc+proto",
        "application/grpc-web+json", "text", "", "textual/html"}) {
    const auto got = treated(ok("Content-Type: " + std::string(type) + "\r\nContent-Length: 5000\r\n"));
    EXPECT_FALSE(got.encode || got.vary) << type;
  }
  EXPECT_FALSE(treated(ok("Content-Length: 5000\r\n")).encode) << "no type";
  Asked any;
  any.settings.content_types = {"*/*"};
  EXPECT_TRUE(treated(ok("Content-Type: image/png\r\nContent-Length: 5000\r\n"), any).encode);
  EXPECT_FALSE(treated(ok("Content-Type: application/grpc\r\n"), any).encode) << "never";
  any.settings.content_types = {"application/pdf"};
  EXPECT_TRUE(treated(ok("Content-Type: Application/PDF\r\n"), any).encode);
  EXPECT_FALSE(treated(ok(kText), any).encode);
}

TEST(Treatment, LeavesAloneWhatMustNotChange) {
  const std::string body = std::string(kText) + "Content-Length: 5000\r\n";
  for (const std::string field :
       {"Content-Encoding: br", "Content-Encoding: identity", "Cache-Control: no-transform",
        "Cache-Control: public, NO-TRANSFORM", "Content-Range: bytes 0-4999/9000"}) {
    const auto got = treated(ok(body + field + "\r\n"));
    EXPECT_FALSE(got.encode || got.vary || got.weaken) << field;
  }
  EXPECT_TRUE(treated(ok(body + "Cache-Control: no-transformation\r\n")).encode);
  EXPECT_FALSE(treated("HTTP/1.1 206 Partial Content\r\n" + body + "\r\n").encode);
  EXPECT_FALSE(treated("HTTP/1.1 204 No Content\r\nContent-Type: text/html\r\n\r\n").encode);
  EXPECT_FALSE(treated(ok(std::string(kText) + "Content-Length: 0\r\n")).encode);
  Asked upgrade;
  upgrade.websocket = true;
  EXPECT_FALSE(treated(ok(body), upgrade).encode);
}

TEST(Treatment, ShortBodiesGoAsTheyAreUnlessTheClientRefusesThat) {
  const std::string body = ok(std::string(kText) + "Content-Length: 99\r\n");
  const auto plain = treated(body);
  EXPECT_FALSE(plain.encode || plain.vary) << "whoever asks gets the same";
  Asked refuses;
  refuses.accept = "gzip, identity;q=0";
  EXPECT_TRUE(treated(body, refuses).encode);
}

TEST(Treatment, CachesLearnThatOthersGetOtherBytes) {
  Asked plain;
  plain.accept = "";
  const auto got = treated(ok(std::string(kText) + "Content-Length: 5000\r\nETag: \"x\"\r\n"), plain);
  EXPECT_TRUE(got.vary);
  EXPECT_FALSE(got.encode || got.weaken);
  Asked head;
  head.head_method = true;
  const auto of_head = treated(ok(std::string(kText) + "Content-Length: 5000\r\n"), head);
  EXPECT_TRUE(of_head.vary);
  EXPECT_FALSE(of_head.encode || of_head.weaken);
}

TEST(Treatment, NotModifiedNamesTheResponseThatTheClientHas) {
  const auto got = treated("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n");
  EXPECT_TRUE(got.vary && got.weaken);
  EXPECT_FALSE(got.encode);
}

}  // namespace
}  // namespace balancer::encode
