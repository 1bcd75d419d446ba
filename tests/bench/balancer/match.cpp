// bench_balancer_match: what finding the rule of a request costs, and how it grows with the number of rules.
//
//   bench_balancer_match [--matches N] [--most N]
//
// A listener has 10, 1,000, 10,000 rules (up to --most) of one kind; requests meet all of them in random
// order. Each line says the CPU time per match, compiled table in, action out, and its ratio to that with ten
// rules.
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "balancer/routing/route_table.h"
#include "shared/env/random.h"
#include "tests/bench/flags.h"

namespace {

namespace lb = shared::lbconfig;
namespace routing = balancer::routing;

constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kRequests = 8'192;  // in turns, so that a processor's memory of branches does not help

struct Request {
  std::string host = "www.example.com";
  std::string path = "/";
};
struct Kind {
  const char* name;
  lb::Rule (*rule)(const std::string& n);
  Request (*request)(const std::string& n);
};

lb::Condition condition(lb::ConditionField field, std::vector<std::string> values) {
  lb::Condition made;
  made.field = field;
  made.values = std::move(values);
  return made;
}
lb::Rule rule_of(std::vector<lb::Condition> conditions) {
  lb::Rule rule;
  rule.conditions = std::move(conditions);
  return rule;
}

const Kind kKinds[] = {
    {"hosts",
     [](const std::string& n) {
       return rule_of({condition(lb::ConditionField::kHostHeader, {"service-" + n + ".example.com"})});
     },
     [](const std::string& n) {
       return Request{"service-" + n + ".example.com", "/api/v1/items/42"};
     }},
    {"*.hosts",
     [](const std::string& n) {
       return rule_of({condition(lb::ConditionField::kHostHeader, {"*.tenant-" + n + ".example.com"})});
     },
     [](const std::string& n) {
       return Request{"www.tenant-" + n + ".example.com", "/api/v1/items/42"};
     }},
    {"paths",
     [](const std::string& n) {
       return rule_of(
           {condition(lb::ConditionField::kPathPattern, {"/service-" + n, "/service-" + n + "/*"})});
     },
     [](const std::string& n) {
       return Request{"www.example.com", "/service-" + n + "/v1/items/42"};
     }},
    {"host+path",
     [](const std::string& n) {
       return rule_of({condition(lb::ConditionField::kHostHeader, {"api.example.com"}),
                       condition(lb::ConditionField::kPathPattern, {"/service-" + n + "/*"})});
     },
     [](const std::string& n) {
       return Request{"api.example.com", "/service-" + n + "/v1/items/42"};
     }},
    {"no rule",
     [](const std::string& n) {
       return rule_of({condition(lb::ConditionField::kHostHeader, {"service-" + n + ".example.com"})});
     },
     [](const std::string& n) {
       return Request{"other-" + n + ".example.com", "/"};
     }},
};

double cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// Nanoseconds per match; 0 when one went wrong.
double measure(const Kind& kind, int rules, int matches) {
  shared::env::SeededRandom random(kSeed);
  lb::Listener listener;
  for (int i = 0; i < rules; ++i) {
    lb::Rule rule = kind.rule(std::to_string(i));
    rule.priority = i + 1;
    listener.rules.push_back(std::move(rule));
  }
  const auto table = routing::RouteTable::compile(listener);
  if (!table) return 0;
  std::vector<Request> requests;
  std::vector<std::size_t> expected;
  const bool meets = std::string_view(kind.name) != "no rule";
  for (std::size_t i = 0; i < kRequests; ++i) {
    const auto n = static_cast<std::size_t>(random.below(static_cast<std::uint64_t>(rules)));
    requests.push_back(kind.request(std::to_string(n)));
    expected.push_back(meets ? n : listener.rules.size());
  }
  routing::Scratch scratch;
  double best = 0;
  constexpr int kRuns = 3;
  for (int run = 0; run < kRuns; ++run) {
    std::size_t wrong = 0;
    const double before = cpu_ns();
    for (int i = 0; i < matches; ++i) {
      const std::size_t at = static_cast<std::size_t>(i) % kRequests;
      routing::RequestFacts facts;
      facts.host = requests[at].host;
      facts.path = requests[at].path;
      facts.method = "GET";
      if (table->match(facts, scratch).index != expected[at]) ++wrong;
    }
    const double spent = (cpu_ns() - before) / matches;
    if (wrong != 0) return 0;
    if (run == 0 || spent < best) best = spent;
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  int matches = 1'000'000;
  int most = 10'000;
  if (!bench::read_flags(argc, argv, {{"--matches", matches}, {"--most", most}})) {
    std::fprintf(stderr, "usage: bench_balancer_match [--matches N] [--most N]\n");
    return 2;
  }
  for (const Kind& kind : kKinds) {
    double ten = 0;
    for (const int rules : {10, 1'000, 10'000}) {
      if (rules > most) continue;
      const double spent = measure(kind, rules, matches);
      if (spent <= 0) {
        std::fprintf(stderr, "%s: a wrong match\n", kind.name);
        return 1;
      }
      if (rules == 10) ten = spent;
      std::printf("%-10s %6d rules %9.0f ns per match, %6.1f times ten\n", kind.name, rules, spent,
                  spent / ten);
    }
  }
  return 0;
}
