// sim_cluster: runs the seeded cluster.
//
//   sim_cluster [--first N] [--seeds N] [--plant BUG] [--no-stages] [--verbose]
//
// --no-stages: no service is deployed by stages, as in three of five seeds otherwise.
// Without --plant every seed must hold all invariants; prints the first failing seed with the command that
// repeats it. With --plant the run must find a violation (exit 0), or the simulation is blind to that bug
// (exit 1).
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "agent/control/state/plant.h"
#include "shared/log/log.h"
#include "tests/sim/cluster.h"

namespace {

struct Options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 50;
  std::string plant;
  bool verbose = false;
  bool stages = true;
};

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--verbose") {
      options.verbose = true;
      continue;
    }
    if (flag == "--no-stages") {
      options.stages = false;
      continue;
    }
    if (i + 1 >= argc) return false;
    const char* value = argv[++i];
    if (flag == "--plant") {
      options.plant = value;
      continue;
    }
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value, value + std::strlen(value), number);
    if (error != std::errc() || *end != 0) return false;
    if (flag == "--first")
      options.first = number;
    else if (flag == "--seeds")
      options.seeds = number;
    else
      return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options) || !agent::control::plant::choose(options.plant)) {
    std::fprintf(stderr,
                 "usage: sim_cluster [--first N] [--seeds N] [--no-stages] [--verbose] [--plant %s]\n",
                 agent::control::plant::names());
    return 2;
  }
  shared::log::configure({options.verbose ? shared::log::Level::kDebug : shared::log::Level::kError,
                          shared::log::Format::kLogfmt, [verbose = options.verbose](std::string_view line) {
                            if (verbose) std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
                          }});
  std::uint64_t events = 0;
  std::uint64_t faults = 0;
  std::uint64_t requests = 0;
  std::uint64_t deployments = 0;
  for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed) {
    const sim::Report report = sim::Cluster(seed, options.stages).run();
    events += report.events;
    faults += report.faults;
    requests += report.traffic.sent;
    deployments += report.deployments;
    if (options.verbose) {
      std::printf(
          "seed %llu: %llu events, %llu faults, %llu operations, requests: %llu sent, %llu answered, %llu "
          "refused, %llu without target, %llu cut\n",
          static_cast<unsigned long long>(seed), static_cast<unsigned long long>(report.events),
          static_cast<unsigned long long>(report.faults),
          static_cast<unsigned long long>(report.steps_of_operator),
          static_cast<unsigned long long>(report.traffic.sent),
          static_cast<unsigned long long>(report.traffic.answered),
          static_cast<unsigned long long>(report.traffic.refused),
          static_cast<unsigned long long>(report.traffic.no_target),
          static_cast<unsigned long long>(report.traffic.cut));
    }
    if (report.violations.empty()) continue;
    std::printf("seed %llu%s%s:\n", static_cast<unsigned long long>(seed),
                options.plant.empty() ? "" : " with planted bug ", options.plant.c_str());
    for (const std::string& text : report.violations) std::printf("  %s\n", text.c_str());
    if (!options.plant.empty()) {
      std::printf("planted bug %s was found after %llu seeds\n", options.plant.c_str(),
                  static_cast<unsigned long long>(seed - options.first + 1));
      return 0;
    }
    std::printf("repeat with: sim_cluster --first %llu --seeds 1 --verbose\n",
                static_cast<unsigned long long>(seed));
    return 1;
  }
  std::printf("%llu seeds: %llu events, %llu faults, %llu deployments, %llu requests; all invariants held\n",
              static_cast<unsigned long long>(options.seeds), static_cast<unsigned long long>(events),
              static_cast<unsigned long long>(faults), static_cast<unsigned long long>(deployments),
              static_cast<unsigned long long>(requests));
  return options.plant.empty() ? 0 : 1;
}
