// The /metrics page as a scraper reads it.
#include "balancer/admin/metrics.h"

#include <gmock/gmock.h>

#include <charconv>
#include <map>
#include <set>
#include <sstream>

#include "tests/unit/balancer/admin/rig.h"

namespace balancer::admin {
namespace {

using shared::Millis;

struct Page {
  std::map<std::string, std::string> types;  // family -> type
  std::map<std::string, double> samples;     // name{labels} -> value
  std::vector<std::string> problems;
};

// The family a sample belongs to: a histogram's samples carry a suffix.
std::string family_of(const std::string& name, const Page& page) {
  for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
    if (!name.ends_with(suffix)) continue;
    const std::string base = name.substr(0, name.size() - suffix.size());
    const auto found = page.types.find(base);
    if (found != page.types.end() && found->second == "histogram") return base;
  }
  return name;
}

// The text format: each family has its HELP and TYPE once, before its samples, which stand together.
Page read(const std::string& text) {
  Page page;
  if (!text.ends_with('\n')) page.problems.push_back("no newline at the end");
  std::istringstream lines(text);
  std::string current;
  std::set<std::string> helped;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string mark, what, name, rest;
    if (line.starts_with("# ")) {
      words >> mark >> what >> name >> rest;
      if (what == "HELP" && !helped.insert(name).second) page.problems.push_back("second HELP: " + name);
      if (what == "TYPE") page.types[current = name] = rest;
      continue;
    }
    const auto space = line.rfind(' ');
    const std::string series = line.substr(0, space);
    name = series.substr(0, series.find('{'));
    if (family_of(name, page) != current) page.problems.push_back("outside its family: " + line);
    double value = 0;
    const char* end = line.data() + line.size();
    if (std::from_chars(line.data() + space + 1, end, value).ptr != end)
      page.problems.push_back("no number: " + line);
    if (!page.samples.emplace(series, value).second) page.problems.push_back("twice: " + series);
  }
  for (const std::string& name : helped) {
    if (page.types.count(name) == 0) page.problems.push_back("no TYPE: " + name);
  }
  return page;
}

shared::lbconfig::Config config_of(std::vector<shared::lbconfig::Target> targets) {
  shared::lbconfig::Config config;
  config.version = 7;
  shared::lbconfig::TargetGroup group;
  group.id = "tg";
  group.targets = std::move(targets);
  config.target_groups.push_back(std::move(group));
  return config;
}

shared::lbconfig::Target target(const std::string& registration, shared::lbconfig::TargetState state) {
  shared::lbconfig::Target out;
  out.id = out.registration = registration;
  out.address = "127.0.0.1";
  out.port = 80;
  out.state = state;
  return out;
}

TEST(MetricsPage, IsValidTextAlsoWithoutListenersAndWithNamesThatNeedEscapes) {
  Rig rig;
  EXPECT_THAT(read(metrics_text(rig.sources())).problems, testing::IsEmpty());
  rig.counters("a \"b\" \\ c", "app/x/1", 0).requests.add(3);
  rig.counters("plain", "", 1).requests.add(4);
  rig.show(config_of({target("r1", shared::lbconfig::TargetState::kActive)}));
  MetricsSources sources = rig.sources();
  sources.control_configured = true;
  const Page page = read(metrics_text(sources));
  EXPECT_THAT(page.problems, testing::IsEmpty());
  EXPECT_EQ(page.samples.at(R"(berth_lb_requests_total{load_balancer="app/x/1",listener="a \"b\" \\ c"})"),
            3);
  EXPECT_EQ(page.samples.at(R"(berth_lb_requests_total{load_balancer="",listener="plain"})"), 4);
  EXPECT_EQ(page.samples.at("berth_lb_config_version"), 7);
  EXPECT_EQ(page.samples.at("berth_lb_control_connected"), 0);
}

TEST(MetricsPage, AddsUpTheWorkersAndPutsEachAnswerInOneClassOrCode) {
  Rig rig;
  for (std::size_t worker = 0; worker < kWorkers; ++worker) {
    proxy::TrafficCounters& counters = rig.counters("web", "app/web/1", worker);
    counters.requests.add(10);
    counters.target_classes[2].add(6);
    counters.target_classes[5].add();
    for (const int code : {502, 502, 504, 418}) counters.count_own(code);
    counters.connections_active.add(2);
    counters.connections_active.subtract();
  }
  const Page page = read(metrics_text(rig.sources()));
  const auto value = [&page](const std::string& name, const std::string& more) {
    return page.samples.at(name + R"({load_balancer="app/web/1",listener="web")" + more + "}");
  };
  EXPECT_EQ(value("berth_lb_requests_total", ""), 20);
  EXPECT_EQ(value("berth_lb_client_connections_active", ""), 2);
  EXPECT_EQ(value("berth_lb_target_responses_total", R"(,class="2xx")"), 12);
  EXPECT_EQ(value("berth_lb_target_responses_total", R"(,class="5xx")"), 2);
  EXPECT_EQ(value("berth_lb_elb_responses_total", R"(,code="502")"), 4);
  EXPECT_EQ(value("berth_lb_elb_responses_total", R"(,code="504")"), 2);
  EXPECT_EQ(value("berth_lb_elb_responses_total", R"(,code="other")"), 2);
}

TEST(MetricsPage, TheHistogramIsCumulativeAndEndsInItsCount) {
  Rig rig;
  rig.counters("web", "", 0).count_latency(Millis(1));
  rig.counters("web", "", 1).count_latency(Millis(40));
  rig.counters("web", "", 1).count_latency(Millis(100'000));
  const Page page = read(metrics_text(rig.sources()));
  const std::string name = "berth_lb_target_response_seconds";
  const std::string labels = R"({load_balancer="",listener="web")";
  EXPECT_EQ(page.types.at(name), "histogram");
  const auto bucket = [&](const std::string& bound) {
    return page.samples.at(name + "_bucket" + labels + ",le=\"" + bound + "\"}");
  };
  EXPECT_EQ(bucket("0.001"), 1) << "bounds are inclusive";
  EXPECT_EQ(bucket("0.025"), 1);
  EXPECT_EQ(bucket("0.05"), 2);
  EXPECT_EQ(bucket("60"), 2);
  EXPECT_EQ(bucket("+Inf"), 3);
  EXPECT_EQ(page.samples.at(name + "_count" + labels + "}"), 3);
  EXPECT_NEAR(page.samples.at(name + "_sum" + labels + "}"), 100.041, 1e-9);
}

TEST(MetricsPage, CountsEveryTargetInOneStateAndNamesTheStatesWithNone) {
  using shared::lbconfig::Health;
  using shared::lbconfig::TargetState;
  Rig rig;
  rig.show(config_of({target("r1", TargetState::kActive), target("r2", TargetState::kActive),
                      target("r3", TargetState::kDraining)}));
  rig.board.on_health({{"tg", "r1"}, Health::kHealthy, "", ""});
  const Page page = read(metrics_text(rig.sources()));
  std::map<std::string, double> states;
  for (const char* state : {"initial", "healthy", "unhealthy", "draining", "unused", "unavailable"})
    states[state] =
        page.samples.at("berth_lb_targets{target_group=\"tg\",state=\"" + std::string(state) + "\"}");
  EXPECT_THAT(states,
              testing::UnorderedElementsAre(testing::Pair("initial", 1), testing::Pair("healthy", 1),
                                            testing::Pair("unhealthy", 0), testing::Pair("draining", 1),
                                            testing::Pair("unused", 0), testing::Pair("unavailable", 0)));
}

}  // namespace
}  // namespace balancer::admin
