#include "balancer/routing/rule_index.h"

#include <gtest/gtest.h>

#include <string>

#include "balancer/routing/route_table.h"
#include "shared/env/random.h"
#include "shared/lbconfig/json.h"
#include "tests/support/naive_rules.h"

namespace balancer::routing {
namespace {

namespace lb = shared::lbconfig;

std::string shown(const lb::Listener& listener) {
  lb::Config config;
  config.listeners.push_back(listener);
  return lb::config_to_json(config);
}

TEST(RouteTable, MatchesAsTheNaiveReadingOfTheRulesDoes) {
  constexpr int kListeners = 1'500;
  constexpr int kRequests = 20;
  shared::env::SeededRandom random(7);
  tests::AnyRules any([&](std::size_t below) { return static_cast<std::size_t>(random.below(below)); });
  Scratch scratch;
  std::size_t hits = 0;
  for (int i = 0; i < kListeners; ++i) {
    const lb::Listener listener = any.listener();
    const tests::NaiveRules naive(listener);
    const auto table = RouteTable::compile(listener);
    ASSERT_TRUE(table) << table.error().text();
    for (int n = 0; n < kRequests; ++n) {
      const tests::NaiveRequest request = any.request();
      const std::string text = tests::AnyRules::head_text(request);
      codec::RequestParser parser;
      codec::RequestHead head;
      ASSERT_EQ(parser.parse(text, head), codec::ParseState::kComplete);
      const std::size_t expected = naive.match(request);
      if (expected != listener.rules.size()) ++hits;
      ASSERT_EQ(table->match(tests::facts_of(request, head), scratch).index, expected)
          << request.host << request.path << "?" << request.query << "\n"
          << shown(listener);
    }
  }
  EXPECT_GT(hits, static_cast<std::size_t>(kListeners * kRequests / 4)) << "the generator makes strangers";
}

TEST(IndexKeys, AreWhatAPatternFixes) {
  using Kind = IndexKey::Kind;
  EXPECT_EQ(host_key("a.example.com"), (IndexKey{Kind::kWhole, "a.example.com"}));
  EXPECT_EQ(host_key("*.example.com"), (IndexKey{Kind::kPart, ".example.com"}));
  EXPECT_EQ(host_key("a.*.b?c.com"), (IndexKey{Kind::kPart, "c.com"}));
  EXPECT_EQ(host_key("*"), IndexKey{});
  EXPECT_EQ(path_key("/a/b"), (IndexKey{Kind::kWhole, "/a/b"}));
  EXPECT_EQ(path_key("/a*"), (IndexKey{Kind::kPart, "/a"}));
  EXPECT_EQ(path_key("/*/b"), IndexKey{}) << "what all paths begin with leaves out nothing";
  EXPECT_EQ(path_key("*.png"), IndexKey{});
}

// Rules that are checked for a request.
std::vector<std::uint32_t> candidates(const RuleIndex& index, std::string_view host, std::string_view path) {
  RuleIndex::Space space;
  std::vector<std::uint32_t> seen;
  index.first(host, path, space, 99'999, [&](std::uint32_t rule) {
    seen.push_back(rule);
    return false;
  });
  return seen;
}

TEST(RuleIndex, LeavesFewOfAThousandRulesInAscendingOrder) {
  RuleIndex index;
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    const std::string n = std::to_string(i);
    if (i == 500) {
      index.add(i, {}, {});  // say, a source-ip rule
    } else if (i % 2 == 0) {
      index.add(i, {host_key("h" + n + ".example.com"), host_key("*.h" + n + ".example.com")}, {});
    } else {
      index.add(i, {}, {path_key("/p" + n + "/*"), path_key("/p" + n)});
    }
  }
  index.build();
  using List = std::vector<std::uint32_t>;
  EXPECT_EQ(candidates(index, "h4.example.com", "/"), List({4, 500}));
  EXPECT_EQ(candidates(index, "a.h4.example.com", "/p701/x"), List({4, 500, 701}));
  EXPECT_EQ(candidates(index, "h40.example.com", "/p7"), List({7, 40, 500}));
  EXPECT_EQ(candidates(index, "example.com", "/p70"), List({500}));
  EXPECT_EQ(candidates(index, "", ""), List({500}));
}

TEST(RuleIndex, LooksAtPathsBelowTheirHost) {
  RuleIndex index;
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    index.add(i, {host_key("api.example.com")}, {path_key("/p" + std::to_string(i) + "/*")});
  }
  index.build();
  EXPECT_EQ(candidates(index, "api.example.com", "/p640/x"), std::vector<std::uint32_t>({640}));
  EXPECT_TRUE(candidates(index, "web.example.com", "/p640/x").empty());
}

TEST(RuleIndex, FilesARuleOfManyHostsAndPathsUnderItsHostsOnly) {
  std::vector<IndexKey> hosts, paths;
  for (int i = 0; i < 300; ++i) {
    hosts.push_back(host_key("h" + std::to_string(i) + ".example.com"));
    paths.push_back(path_key("/p" + std::to_string(i)));
  }
  RuleIndex index;
  index.add(0, hosts, paths);
  index.build();
  EXPECT_EQ(candidates(index, "h7.example.com", "/elsewhere").size(), 1U);
  EXPECT_TRUE(candidates(index, "other.example.com", "/p7").empty());
}

}  // namespace
}  // namespace balancer::routing
