#include "agent/dns/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/agent/dns/packets.h"

namespace agent::dns {
namespace {

using test::Record;
using testing::IsEmpty;
using testing::SizeIs;

constexpr unsigned kA = 1, kNs = 2, kSoa = 6, kAaaa = 28, kSrv = 33, kAny = 255;

class Dns : public testing::Test {
 public:
  Dns() {
    Zone& zone = zones.zones["apps.local"];
    zone.name = "apps.local";
    zone.negative_ttl = 20;
  }
  Named& add(const std::string& name) { return zones.zones["apps.local"].names[name]; }
  static Host host(std::uint8_t last, bool healthy = true) {
    Host out;
    out.name = "i" + std::to_string(last) + ".web.apps.local";
    out.ipv4 = std::array<std::uint8_t, 4>{10, 0, 0, last};
    out.port = static_cast<std::uint16_t>(8000 + last);
    out.healthy = healthy;
    return out;
  }
  std::string ask(const std::string& bytes, Transport by = Transport::kUdp) {
    return answer(bytes, zones, by, random);
  }
  std::vector<Record> values(const std::string& name, unsigned type) {
    return test::sections(ask(test::query(name, type)))[0];
  }

  Zones zones;
  shared::env::SeededRandom random{7};
};

TEST_F(Dns, AnswersAddressesOfHealthyInstancesWithTheTtlOfTheService) {
  Named& web = add("web.apps.local");
  web.a = 60;
  web.hosts = {host(1), host(2, false)};
  const std::string reply = ask(test::query("WEB.apps.LOCAL", kA));
  EXPECT_TRUE(test::authoritative(reply));
  EXPECT_EQ(test::number(reply, 0), 0x1234U);
  const auto records = test::sections(reply)[0];
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].data, "10.0.0.1");
  EXPECT_EQ(records[0].ttl, 60U);
  EXPECT_EQ(records[0].name, "WEB.apps.LOCAL");  // as it was asked, which some resolvers insist on
}

TEST_F(Dns, TakesAllForHealthyWhenNoneIs) {
  Named& web = add("web.apps.local");
  web.a = 60;
  web.hosts = {host(1, false), host(2, false)};
  EXPECT_THAT(values("web.apps.local", kA), SizeIs(2));
}

TEST_F(Dns, AnswersWithAtMostEightOfMany) {
  Named& web = add("web.apps.local");
  web.a = 60;
  for (std::uint8_t i = 1; i <= 20; ++i) web.hosts.push_back(host(i));
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    const auto records = values("web.apps.local", kA);
    ASSERT_THAT(records, SizeIs(8));
    std::set<std::string> here;
    for (const auto& each : records) here.insert(each.data);
    EXPECT_THAT(here, SizeIs(8));
    seen.insert(here.begin(), here.end());
  }
  EXPECT_THAT(seen, SizeIs(20));
}

TEST_F(Dns, AnswersWithOneOfAWeightedService) {
  Named& web = add("web.apps.local");
  web.a = 60;
  web.one_at_a_time = true;
  web.hosts = {host(1), host(2), host(3)};
  EXPECT_THAT(values("web.apps.local", kA), SizeIs(1));
}

TEST_F(Dns, AnswersServersWithTheAddressesOfTheirTargets) {
  Named& web = add("web.apps.local");
  web.srv = 10;
  web.hosts = {host(1)};
  const auto all = test::sections(ask(test::query("web.apps.local", kSrv)));
  ASSERT_THAT(all[0], SizeIs(1));
  EXPECT_EQ(all[0][0].data, "1 1 8001 i1.web.apps.local");
  ASSERT_THAT(all[2], SizeIs(1));
  EXPECT_EQ(all[2][0].name, "i1.web.apps.local");
  EXPECT_EQ(all[2][0].data, "10.0.0.1");
  EXPECT_EQ(values("i1.web.apps.local", kA).at(0).data, "10.0.0.1");
}

TEST_F(Dns, TellsANameThatIsNotThereFromOneWithoutThisType) {
  Named& web = add("api.v1.apps.local");
  web.a = 60;
  web.hosts = {host(1)};
  const auto says = [&](const std::string& name, unsigned type) {
    const std::string reply = ask(test::query(name, type));
    const auto all = test::sections(reply);
    EXPECT_THAT(all[0], IsEmpty()) << name;
    EXPECT_THAT(all[1], SizeIs(1)) << name;
    EXPECT_EQ(all[1].at(0).type, kSoa);
    EXPECT_EQ(all[1].at(0).ttl, 20U);
    return test::code_of(reply);
  };
  EXPECT_EQ(says("api.v1.apps.local", kAaaa), 0U);
  EXPECT_EQ(says("v1.apps.local", kA), 0U);  // a name on the way to one
  EXPECT_EQ(says("apps.local", kA), 0U);
  EXPECT_EQ(says("db.apps.local", kA), 3U);
  EXPECT_EQ(says("x.api.v1.apps.local", kA), 3U);
  EXPECT_EQ(says("piv1.apps.local", kA), 3U);
}

TEST_F(Dns, AnswersForTheZoneItself) {
  EXPECT_EQ(values("apps.local", kSoa).at(0).type, kSoa);
  EXPECT_EQ(values("apps.local", kNs).at(0).type, kNs);
  EXPECT_THAT(values("apps.local", kAny), SizeIs(2));
}

TEST_F(Dns, RefusesWhatIsOfNoZone) {
  for (const char* name : {"example.com", "xapps.local", "local", ""})
    EXPECT_EQ(test::code_of(ask(test::query(name, kA))), 5U) << name;
  EXPECT_EQ(test::code_of(ask(test::query("apps.local", 252))), 5U);  // AXFR
  std::string chaos = test::query("apps.local", kA);
  chaos.back() = 3;
  EXPECT_EQ(test::code_of(ask(chaos)), 5U);
}

TEST_F(Dns, CutsAnAnswerThatDoesNotFitAndSendsItByTcp) {
  Named& web = add("web.apps.local");
  web.srv = 10;
  for (std::uint8_t i = 1; i <= 8; ++i) {
    web.hosts.push_back(host(i));
    web.hosts.back().name = std::string(60, 'a') + std::to_string(i) + ".web.apps.local";
  }
  const std::string small = ask(test::query("web.apps.local", kSrv));
  EXPECT_TRUE(test::truncated(small));
  EXPECT_LE(small.size(), 512U);
  EXPECT_THAT(test::sections(small)[0], IsEmpty());
  const std::string larger = ask(test::query("web.apps.local", kSrv, 0x0100, test::edns(4096)));
  EXPECT_FALSE(test::truncated(larger));
  EXPECT_LE(larger.size(), kMostUdpBytes);
  const std::string whole = ask(test::query("web.apps.local", kSrv), Transport::kTcp);
  EXPECT_FALSE(test::truncated(whole));
  EXPECT_THAT(test::sections(whole)[0], SizeIs(8));
  EXPECT_THAT(test::sections(whole)[2], SizeIs(8));
}

TEST_F(Dns, KnowsOnlyVersionZeroOfEdns) {
  const std::string reply = ask(test::query("apps.local", kSoa, 0x0100, test::edns(1232, 1)));
  const auto all = test::sections(reply);
  ASSERT_THAT(all[2], SizeIs(1));
  EXPECT_EQ(all[2][0].type, 41U);
  EXPECT_EQ(all[2][0].ttl >> 24, 1U);  // the upper bits of BADVERS
  EXPECT_EQ(test::code_of(reply), 0U);
}

TEST_F(Dns, SaysNothingToAnswersAndScraps) {
  EXPECT_EQ(ask(""), "");
  EXPECT_EQ(ask("12345678901"), "");
  EXPECT_EQ(ask(test::query("apps.local", kA, 0x8100)), "");
}

TEST_F(Dns, SaysWhatIsWrongWithAQuery) {
  EXPECT_EQ(test::code_of(ask(test::query("apps.local", kA, 0x2800))), 4U);  // an update
  EXPECT_EQ(test::code_of(ask(test::query("apps.local", kA) + "x")), 1U);
  std::string two = test::query("apps.local", kA);
  two[5] = 2;
  EXPECT_EQ(test::code_of(ask(two)), 1U);
}

}  // namespace
}  // namespace agent::dns
