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
  rig.counters("a \"b\" \\ c", "app/x/1", 0).requests[proxy::counted_method("GET")].add(3);
  rig.counters("plain", "", 1).requests[proxy::counted_method("BREW")].add(4);
  rig.show(config_of({target("r1", shared::lbconfig::TargetState::kActive)}));
  MetricsSources sources = rig.sources();
  sources.control_configured = true;
  const Page page = read(metrics_text(sources));
  EXPECT_THAT(page.problems, testing::IsEmpty());
  EXPECT_EQ(page.samples.at(
                R"(berth_lb_requests_total{load_balancer="app/x/1",listener="a \"b\" \\ c",method="GET"})"),
            3);
  EXPECT_EQ(page.samples.at(R"(berth_lb_requests_total{load_balancer="",listener="plain",method="other"})"),
            4);
  EXPECT_EQ(page.samples.at("berth_lb_config_version"), 7);
  EXPECT_EQ(page.samples.at("berth_lb_control_connected"), 0);
}

TEST(OwnReasons, AreBounded) {
  static std::array<std::string, proxy::OwnReasons::kMost + 5> words;
  proxy::OwnReasons reasons;
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = "r" + std::to_string(i);
    reasons.count(502, words[i]);
    reasons.count(502, words[i]);
  }
  std::size_t seen = 0;
  std::uint64_t others = 0;
  reasons.each([&](int status, std::string_view reason, std::uint64_t count) {
    ++seen;
    if (status == 0) others = count;
    if (status == 502) {
      EXPECT_EQ(count, 2U) << reason;
    }
  });
  EXPECT_EQ(seen, proxy::OwnReasons::kMost + 1);
  EXPECT_EQ(others, 10U);
}

TEST(MetricsPage, AddsUpTheWorkersAndPutsEachAnswerInOneClassOrCode) {
  Rig rig;
  for (std::size_t worker = 0; worker < kWorkers; ++worker) {
    proxy::TrafficCounters& counters = rig.counters("web", "app/web/1", worker);
    counters.requests[proxy::counted_method("POST")].add(10);
    counters.target_classes[2].add(6);
    counters.target_classes[5].add();
    counters.count_own(502, "connect_refused");
    counters.count_own(502, "target_closed");
    counters.count_own(504, "response_timeout");
    counters.count_own(418, "teapot");
    counters.connections_active.add(2);
    counters.connections_active.subtract();
  }
  const Page page = read(metrics_text(rig.sources()));
  const auto value = [&page](const std::string& name, const std::string& more) {
    return page.samples.at(name + R"({load_balancer="app/web/1",listener="web")" + more + "}");
  };
  EXPECT_EQ(value("berth_lb_requests_total", R"(,method="POST")"), 20);
  EXPECT_EQ(value("berth_lb_requests_total", R"(,method="GET")"), 0);
  EXPECT_EQ(value("berth_lb_own_responses_total", R"(,code="502",reason="target_closed")"), 2);
  EXPECT_EQ(value("berth_lb_own_responses_total", R"(,code="418",reason="teapot")"), 2);
  EXPECT_EQ(value("berth_lb_client_connections_active", ""), 2);
  EXPECT_EQ(value("berth_lb_target_responses_total", R"(,class="2xx")"), 12);
  EXPECT_EQ(value("berth_lb_target_responses_total", R"(,class="5xx")"), 2);
  EXPECT_EQ(value("berth_lb_elb_responses_total", R"(,code="502")"), 4);
  EXPECT_EQ(value("berth_lb_elb_responses_total", R"(,code="504")"), 2);
  EXPECT_EQ(value("berth_lb_elb_responses_total", R"(,code="other")"), 2);
}

TEST(MetricsPage, TheHistogramIsCumulativeAndEndsInItsCount) {
  Rig rig;
  rig.counters("web", "", 0).target_latency.count(Millis(1));
  rig.counters("web", "", 1).target_latency.count(Millis(40));
  rig.counters("web", "", 1).target_latency.count(Millis(100'000));
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

TEST(MetricsPage, TellsTheClientsSideFromTheTargets) {
  Rig rig;
  rig.counters("web", "", 0).request_latency.count(Millis(300));
  const Page page = read(metrics_text(rig.sources()));
  EXPECT_EQ(page.samples.at(R"(berth_lb_request_seconds_count{load_balancer="",listener="web"})"), 1);
  EXPECT_EQ(page.samples.at(R"(berth_lb_request_seconds_bucket{load_balancer="",listener="web",le="0.5"})"),
            1);
  EXPECT_EQ(page.samples.at(R"(berth_lb_request_seconds_bucket{load_balancer="",listener="web",le="0.25"})"),
            0);
  EXPECT_EQ(page.samples.at(R"(berth_lb_target_response_seconds_count{load_balancer="",listener="web"})"), 0);
}

TEST(MetricsPage, TellsWhatATargetGroupAnsweredAlsoAfterAConfigurationChange) {
  using shared::lbconfig::TargetState;
  Rig rig;
  rig.show(config_of({target("r1", TargetState::kActive)}));
  targets::GroupRuntime& runtime = *rig.board.groups()[0]->runtime;
  for (std::size_t worker = 0; worker < kWorkers; ++worker) {
    runtime.traffic[worker].classes[2].add(3);
    runtime.traffic[worker].response.count(Millis(20));
  }
  runtime.traffic[1].no_answer.add(2);
  rig.show(config_of({target("r1", TargetState::kActive), target("r2", TargetState::kActive)}));
  const Page page = read(metrics_text(rig.sources()));
  EXPECT_THAT(page.problems, testing::IsEmpty());
  EXPECT_EQ(page.samples.at(R"(berth_lb_target_group_responses_total{target_group="tg",class="2xx"})"), 6);
  EXPECT_EQ(page.samples.at(R"(berth_lb_target_group_responses_total{target_group="tg",class="none"})"), 2);
  EXPECT_EQ(page.samples.at(R"(berth_lb_target_group_response_seconds_count{target_group="tg"})"), 2);
  EXPECT_EQ(page.samples.at(R"(berth_lb_target_group_response_seconds_bucket{target_group="tg",le="0.01"})"),
            0);
}

TEST(MetricsPage, NamesTargetsThatStandOutOneByOneOnlyWhereThatIsWanted) {
  using shared::lbconfig::TargetState;
  Rig rig;
  rig.show(config_of({target("r1", TargetState::kActive), target("r2", TargetState::kActive),
                      target("r3", TargetState::kDraining)}));
  targets::TargetRuntime& odd = *rig.board.groups()[0]->active[1];
  for (int i = 0; i < 5; ++i) odd.count_outcome(1, i != 0);
  odd.opened(0);
  odd.stands(40, true);
  const Page page = read(metrics_text(rig.sources()));
  EXPECT_EQ(page.samples.at(R"(berth_lb_anomalous_targets{target_group="tg"})"), 1);
  EXPECT_EQ(page.samples.at(R"(berth_lb_mitigated_targets{target_group="tg"})"), 1);
  EXPECT_EQ(page.types.count("berth_lb_target_requests_total"), 0U) << "not asked for";

  MetricsSources sources = rig.sources();
  sources.each_target = true;
  const Page each = read(metrics_text(sources));
  EXPECT_THAT(each.problems, testing::IsEmpty());
  const auto value = [&each](const std::string& name, const std::string& registration) {
    return each.samples.at(name + R"({target_group="tg",target=")" + registration + R"(:80",registration=")" +
                           registration + "\"}");
  };
  EXPECT_EQ(value("berth_lb_target_requests_total", "r2"), 5);
  EXPECT_EQ(value("berth_lb_target_failures_total", "r2"), 4);
  EXPECT_EQ(value("berth_lb_target_requests_total", "r1"), 0);
  EXPECT_EQ(value("berth_lb_target_in_flight", "r2"), 1);
  EXPECT_EQ(value("berth_lb_target_weight", "r2"), 40);
  EXPECT_EQ(value("berth_lb_target_anomalous", "r2"), 1);
  EXPECT_EQ(value("berth_lb_target_anomalous", "r3"), 0) << "draining ones too";
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

TEST(MetricsPage, SaysOfGuardedTargetGroupsWhoWaitsAndWhoIsEjected) {
  using shared::lbconfig::TargetState;
  Rig rig;
  auto config = config_of({target("r1", TargetState::kActive), target("r2", TargetState::kActive)});
  rig.show(config);
  const std::string waiting = "berth_lb_requests_waiting{target_group=\"tg\"}";
  EXPECT_EQ(read(metrics_text(rig.sources())).samples.count(waiting), 0U) << "it has no limit";
  shared::lbconfig::TargetGroup group = *config.target_groups[0];
  group.request_limit = shared::lbconfig::RequestLimit{1, 1, shared::Millis(1)};
  config.target_groups[0] = group;
  rig.show(config);
  rig.board.groups()[0]->active[1]->ejected = true;
  rig.board.groups()[0]->runtime->counters.queued = 5;
  const Page page = read(metrics_text(rig.sources()));
  EXPECT_THAT(page.problems, testing::IsEmpty());
  EXPECT_EQ(page.samples.at(waiting), 0);
  EXPECT_EQ(page.samples.at("berth_lb_requests_queued_total{target_group=\"tg\"}"), 5);
  EXPECT_EQ(page.samples.at("berth_lb_targets_ejected{target_group=\"tg\"}"), 1);
}

}  // namespace
}  // namespace balancer::admin
