#include "balancer/routing/action.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "shared/env/random.h"

namespace balancer::routing {
namespace {

using shared::lbconfig::ForwardAction;
using shared::lbconfig::RedirectAction;

TEST(ChooseTargetGroup, FollowsTheWeights) {
  ForwardAction forward;
  forward.target_groups = {{"a", 1}, {"b", 0}, {"c", 3}};
  std::array<int, 3> counts{};
  for (std::uint64_t random = 0; random < 4000; ++random) ++counts[*choose_target_group(forward, random)];
  EXPECT_EQ(counts, (std::array<int, 3>{1000, 0, 3000}));
  forward.target_groups = {{"a", 0}};
  EXPECT_FALSE(choose_target_group(forward, 5));
}

std::string location(const RedirectAction& redirect, const RedirectFacts& facts) {
  codec::Buffer out;
  out.append("old");
  EXPECT_EQ(write_location(out, redirect, facts), LocationResult::kOk);
  return std::string(out.view());
}

const RedirectFacts kFacts{
    .scheme = "http", .host = "Example.com:8080", .port = 80, .path = "/a/b%2f", .query = "x=1&y"};

TEST(Location, AlwaysNamesHostAndPort) {
  RedirectAction https;
  https.protocol = "HTTPS";
  https.port = "443";
  EXPECT_EQ(location(https, kFacts), "https://example.com:443/a/b%2f?x=1&y");
  EXPECT_EQ(location({}, kFacts), "http://example.com:80/a/b%2f?x=1&y");
}

TEST(Location, FillsEveryPlaceholder) {
  RedirectAction redirect;
  redirect.host = "www.#{host}";
  redirect.path = "/#{port}/#{host}/#{path}/#{unknown}/#{";
  redirect.query = "p=#{protocol}&q=#{query}&path=#{path}";
  EXPECT_EQ(location(redirect, kFacts),
            "http://www.example.com:80/80/example.com/a/b%2f/#{unknown}/#{?p=http&q=x=1&y&path=a/b%2f");
}

TEST(Location, HasNoQuestionMarkWithoutQuery) {
  RedirectFacts facts = kFacts;
  facts.query = "";
  EXPECT_EQ(location({}, facts), "http://example.com:80/a/b%2f");
  RedirectAction redirect;
  redirect.query = "";
  EXPECT_EQ(location(redirect, kFacts), "http://example.com:80/a/b%2f");
}

TEST(Location, KeepsEscapesAndNeverStartsAnotherHeaderLine) {
  RedirectFacts facts = kFacts;
  facts.path = "/%0d%0aSet-Cookie:x";
  facts.query = "a\r\nSet-Cookie: y";
  EXPECT_EQ(location({}, facts), "http://example.com:80/%0d%0aSet-Cookie:x?a%0D%0ASet-Cookie:%20y");
}

TEST(Location, HoldsNothingButVisibleAscii) {
  RedirectFacts facts = kFacts;
  facts.path = "/\xc3\xbc";
  facts.query = "q=\xe2\x82\xac";
  EXPECT_EQ(location({}, facts), "http://example.com:80/%C3%BC?q=%E2%82%AC");
}

TEST(Location, IsRefusedOver8Kb) {
  codec::Buffer out;
  const std::string path = "/" + std::string(kMaxLocation, 'a');
  RedirectFacts facts = kFacts;
  facts.path = path;
  EXPECT_EQ(write_location(out, {}, facts), LocationResult::kTooLong);
}

TEST(FixedResponse, GuessesPlainText) {
  EXPECT_EQ(fixed_content_type({200, "", "hello"}), "text/plain");
  EXPECT_EQ(fixed_content_type({200, "", ""}), "");
  EXPECT_EQ(fixed_content_type({200, "text/css", ""}), "text/css");
}

}  // namespace
}  // namespace balancer::routing
