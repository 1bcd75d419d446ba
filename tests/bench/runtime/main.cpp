// bench_runtime: from the call that creates a container to the first instruction of its program, with each
// driver of Runtime in turn, so that what else the machine does falls on both.
//
//   bench_runtime [--rounds N] [--at-once N]
//
// Root and a container engine are needed. Bridge network, one published port, 64 MiB, 102 shares. Each line:
// minimum, median and 90th percentile, and the ratio of the medians. Then the same with several at once, until
// the last of them runs.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "agent/runtime/docker/docker_runtime.h"
#include "agent/runtime/oci/oci_runtime.h"
#include "tests/bench/flags.h"
#include "tests/support/docker_host.h"
#include "tests/support/oci_host.h"

namespace {

namespace fs = std::filesystem;
namespace rt = agent::runtime;
using shared::Result;

constexpr shared::Millis kPatience{120'000};
constexpr const char* kImage = "berth-bench/stamp:1";

double now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

struct Driver {
  const char* name;
  rt::Runtime* runtime;
  std::vector<double> one{};
  std::vector<double> many{};
};

class Bench {
 public:
  Bench() : folder_("/tmp/berth-bench-" + std::to_string(::getpid())) { fs::create_directories(folder_); }
  ~Bench() { fs::remove_all(folder_); }

  template <class T>
  Result<T> ask(const std::function<void(rt::Runtime::Done<T>)>& call) {
    std::optional<Result<T>> answer;
    call([&](Result<T> r) { answer.emplace(std::move(r)); });
    loop.run_until([&] { return answer.has_value(); }, kPatience);
    return answer ? std::move(*answer) : Result<T>(shared::Error("bench", "no answer"));
  }

  // Milliseconds until the last of `count` was at its first instruction; negative when one failed.
  double run(Driver& driver, int count) {
    std::vector<rt::ContainerHandle> made(static_cast<std::size_t>(count));
    const std::string prefix = std::string(driver.name) + "-" + std::to_string(::getpid()) + "-" + std::to_string(++runs_) + "-";
    const double began = now_ms();
    int answered = 0;
    bool good = true;
    for (int i = 0; i < count; ++i) {
      rt::ContainerSpec spec;
      spec.name = "berth-bench-" + prefix + std::to_string(i);
      spec.image = kImage;
      spec.command = {"/stamp", "/out/" + prefix + std::to_string(i)};
      spec.memory_bytes = 64 << 20;
      spec.cpu_shares = 102;
      spec.ports = {{80, 0, "tcp", "0.0.0.0"}};
      spec.engine_host_config = R"({"Binds":[")" + folder_ + R"(:/out"]})";
      driver.runtime->create(spec, [&, i](Result<rt::ContainerHandle> handle) {
        if (!handle) {
          std::fprintf(stderr, "%s\n", handle.error().text().c_str());
          good = false;
          ++answered;
          return;
        }
        made[static_cast<std::size_t>(i)] = *handle;
        driver.runtime->start(*handle, [&](const Result<rt::ContainerInfo>& info) {
          if (!info) std::fprintf(stderr, "%s\n", info.error().text().c_str());
          good = good && info;
          ++answered;
        });
      });
    }
    loop.run_until([&] { return answered == count; }, kPatience);
    double last = -1;
    for (int i = 0; good && i < count; ++i) {
      const std::string file = folder_ + "/" + prefix + std::to_string(i);
      double at = 0;
      loop.run_until([&] { return static_cast<bool>(std::ifstream(file) >> at); }, kPatience);
      last = std::max(last, at / 1e6 - began);
    }
    for (const auto& handle : made) {
      (void)ask<rt::ContainerInfo>([&](auto done) { driver.runtime->stop(handle, shared::Millis(0), done); });
      (void)ask<bool>([&](auto done) { driver.runtime->remove(handle, done); });
    }
    return last;
  }

  shared::httpd::IoLoop loop;

 private:
  std::string folder_;
  int runs_ = 0;
};

void tell(const char* what, std::vector<Driver>& drivers, std::vector<double> Driver::*times) {
  std::vector<double> medians;
  for (Driver& each : drivers) {
    auto& all = each.*times;
    std::sort(all.begin(), all.end());
    if (all.empty()) return;
    medians.push_back(all[all.size() / 2]);
    std::printf("%-24s %-8s min %7.1f ms   median %7.1f ms   p90 %7.1f ms   (%zu)\n", what, each.name, all.front(), medians.back(),
                all[all.size() * 9 / 10], all.size());
  }
  std::printf("%-24s ratio of the medians %.1f\n", what, medians[0] / medians[1]);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = 11;
  int at_once = 10;
  if (!bench::read_flags(argc, argv, {{"--rounds", rounds}, {"--at-once", at_once}})) {
    std::fputs("usage: bench_runtime [--rounds N] [--at-once N]\n", stderr);
    return 2;
  }
  for (const std::string& why : {tests::no_docker(), tests::no_oci()}) {
    if (why.empty()) continue;
    std::printf("skipped: %s\n", why.c_str());
    return 0;
  }
  tests::shell("d=$(mktemp -d); cp " BERTH_BINARY_DIR "/tests/bench/bench_stamp $d/stamp; tar -C $d -cf /tmp/berth-bench-stamp.tar .; rm -rf $d");
  std::ostringstream tree;
  tree << std::ifstream("/tmp/berth-bench-stamp.tar", std::ios::binary).rdbuf();
  fs::remove("/tmp/berth-bench-stamp.tar");

  tests::OciHost host;
  Bench bench;
  auto opened = rt::oci::OciRuntime::open(bench.loop, host.settings);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().text().c_str());
    return 1;
  }
  rt::docker::DockerRuntime docker(bench.loop, {});
  std::vector<Driver> drivers{{"docker", &docker}, {"oci", opened->get()}};
  for (Driver& each : drivers) {
    (void)bench.ask<std::string>([&](auto done) { each.runtime->ping(done); });
    auto image = bench.ask<rt::ImageInfo>([&](auto done) { each.runtime->import_image(kImage, tree.str(), done); });
    if (!image || bench.run(each, 1) < 0) return 1;  // once to warm up
  }
  for (int round = 0; round < rounds; ++round)
    for (Driver& each : drivers) each.one.push_back(bench.run(each, 1));
  tell("one container", drivers, &Driver::one);
  for (int round = 0; round < std::max(1, rounds / 4); ++round)
    for (Driver& each : drivers) each.many.push_back(bench.run(each, at_once));
  tell((std::to_string(at_once) + " at once").c_str(), drivers, &Driver::many);
  (void)tests::shell(std::string("docker rmi -f ") + kImage + " >/dev/null");
  return 0;
}
