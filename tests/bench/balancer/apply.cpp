// bench_balancer_apply: what one change of the configuration costs a balancer and the wire.
//
//   bench_balancer_apply [--groups N] [--targets N] [--changes N] [--workers N]
//
// A balancer without clients has N target groups of N targets each. In each change one target leaves and
// another one comes: once with all of the configuration sent (a Snapshot), once with what changed (a Delta).
// Each line says the CPU time of the process per change, from the message's text to the texts of the
// acknowledgement and the report: decoding, compiling, the swap in each worker and in the health checker,
// saving. Then the bytes each way. Health checks are off.
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "balancer/feed/board.h"
#include "balancer/feed/pipeline.h"
#include "balancer/feed/session.h"
#include "balancer/feed/state_dir.h"
#include "shared/httpd/io_loop.h"
#include "shared/lbconfig/feed.h"
#include "tests/bench/flags.h"

namespace {

namespace lb = shared::lbconfig;

constexpr std::uint64_t kSeed = 1;
constexpr shared::Millis kLimit{60'000};

struct Options {
  int groups = 10;
  int targets = 1'000;
  int changes = 100;
  int workers = 2;
};

double cpu_ms() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

lb::Config configuration(const Options& options, shared::env::Random& random) {
  lb::Config config;
  config.version = 1;
  for (int g = 0; g < options.groups; ++g) {
    lb::TargetGroup group;
    group.name = "targetgroup/service-" + std::to_string(g) + "/" + random.hex(16);
    group.id = "arn:aws:elasticloadbalancing:us-east-1:000000000000:" + group.name;
    group.health_check.enabled = false;
    for (int t = 0; t < options.targets; ++t) {
      lb::Target target;
      target.id = "i-" + random.hex(17);
      target.address =
          "10." + std::to_string(g % 256) + "." + std::to_string(t / 250) + "." + std::to_string(t % 250);
      target.port = 32'768;
      target.registration = random.hex(24);
      target.zone = "us-east-1a";
      group.targets.push_back(target);
    }
    config.target_groups.push_back(group);
  }
  return config;
}

class Balancer {
 public:
  explicit Balancer(const Options& options)
      : directory_((std::filesystem::temp_directory_path() / ("berth-bench-" + std::to_string(::getpid())))
                       .string()),
        state_(balancer::feed::StateDir::open(directory_).value()),
        fleet_(fleet_of(options.workers)),
        checks_(balancer::loop::Loop::create().value()),
        checker_(*checks_, kSeed,
                 [this](balancer::targets::HealthChange change) {
                   loop_.post([this, change = std::move(change)] { board_.on_health(change); });
                 }),
        anomalies_(*checks_),
        stats_(fleet_->size()),
        board_(loop_),
        pipeline_({loop_, *fleet_, checker_, anomalies_, stats_, board_, "",
                   balancer::feed::TakenAddress::kRefuse}),
        session_("bench", 0, board_),
        thread_([this] { checks_->run(); }) {
    session_.on_connected(loop_.now());
  }
  ~Balancer() {
    checks_->post([this] {
      checker_.stop();
      anomalies_.stop();
    });
    checks_->stop();
    thread_.join();
    std::filesystem::remove_all(directory_);
  }

  // The bytes that it sends in answer; 0: it went wrong.
  std::size_t take(const std::string& text) {
    const auto message = lb::feed_from_json(text);
    if (!message) return complain(message.error());
    auto output = session_.on_message(*message, loop_.now());
    if (!output.apply) return complain(shared::Error("bench", "the message was not taken"));
    std::size_t sent = 0;
    bool done = false;
    pipeline_.apply(*std::move(output.apply),
                    [&](const lb::Config& config, const shared::Result<void>& result) {
                      done = true;
                      if (!result) complain(result.error());
                      if (auto saved = state_.save(config); !saved) complain(saved.error());
                      for (const auto& answer : session_.on_applied(config, result, loop_.now()).send)
                        sent += lb::feed_to_json(answer).size();
                    });
    loop_.run_until([&] { return done; }, kLimit);
    return sent;
  }
  std::size_t report_bytes() { return lb::feed_to_json(lb::Report{1, board_.all_targets()}).size(); }
  // The news that its checker has for it.
  void rest() {
    loop_.run_until([] { return false; }, shared::Millis(200));
  }

 private:
  static std::unique_ptr<balancer::proxy::Fleet> fleet_of(int workers) {
    balancer::proxy::FleetOptions options;
    options.workers = static_cast<std::size_t>(workers);
    return balancer::proxy::Fleet::start(options).value();
  }
  static std::size_t complain(const shared::Error& error) {
    std::fprintf(stderr, "%s\n", error.text().c_str());
    return 0;
  }

  const std::string directory_;
  balancer::feed::StateDir state_;
  shared::httpd::IoLoop loop_;
  std::unique_ptr<balancer::proxy::Fleet> fleet_;
  std::unique_ptr<balancer::loop::Loop> checks_;
  balancer::targets::HealthChecker checker_;
  balancer::targets::AnomalyWatch anomalies_;
  balancer::proxy::StatsRegistry stats_;
  balancer::feed::TargetBoard board_;
  balancer::feed::ApplyPipeline pipeline_;
  balancer::feed::FeedSession session_;
  std::thread thread_;
};

// Another target in place of one.
lb::Config changed(const lb::Config& config, shared::env::Random& random) {
  lb::Config next = config;
  ++next.version;
  auto& part = next.target_groups[static_cast<std::size_t>(random.below(next.target_groups.size()))];
  lb::TargetGroup group = *part;
  lb::Target fresh = group.targets.front();
  fresh.registration = random.hex(24);
  group.targets.erase(group.targets.begin() +
                      static_cast<std::ptrdiff_t>(random.below(group.targets.size())));
  group.targets.push_back(fresh);
  part = group;
  return next;
}

bool measure(const Options& options, bool whole) {
  shared::env::SeededRandom random(kSeed);
  lb::Config config = configuration(options, random);
  Balancer balancer(options);
  if (balancer.take(lb::feed_to_json(lb::Snapshot{config})) == 0) return false;
  balancer.rest();
  double spent = 0;
  std::size_t in = 0, out = 0;
  for (int i = -1; i < options.changes; ++i) {  // the first one brings the news of all targets
    const lb::Config next = changed(config, random);
    const std::string text =
        whole ? lb::feed_to_json(lb::Snapshot{next}) : lb::feed_to_json(lb::diff(config, next));
    const double before = cpu_ms();
    const std::size_t sent = balancer.take(text);
    spent += cpu_ms() - before;
    if (sent == 0) return false;
    config = next;
    if (i < 0) {
      spent = 0;
      continue;
    }
    in += text.size();
    out += sent;
  }
  const auto changes = static_cast<std::size_t>(options.changes);
  std::printf("%-6s cpu %8.3f ms per change, %8zu bytes to the balancer, %8zu bytes from it\n",
              whole ? "whole" : "delta", spent / options.changes, in / changes, out / changes);
  if (!whole) {
    std::printf(
        "idle   %zu bytes each second from a balancer of before deltas, %zu each %lld ms from this one\n",
        balancer.report_bytes(), lb::feed_to_json(lb::ReportDelta{1, 1, {}, {}}).size(),
        static_cast<long long>(lb::kReportDeltaInterval.count()));
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!bench::read_flags(argc, argv,
                         {{"--groups", options.groups},
                          {"--targets", options.targets},
                          {"--changes", options.changes},
                          {"--workers", options.workers}})) {
    std::fprintf(stderr,
                 "usage: bench_balancer_apply [--groups N] [--targets N] [--changes N] [--workers N]\n");
    return 2;
  }
  return measure(options, true) && measure(options, false) ? 0 : 1;
}
