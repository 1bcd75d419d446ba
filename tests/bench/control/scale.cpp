// bench_control_scale: the shipped control on an SQLite file, with as many agents as a large installation
// has, played by this process over the agents' protocol.
//
//   bench_control_scale [--hosts N] [--tasks N] [--services N] [--rest SECONDS]
//
// Agents join, half of the tasks are started by RunTask, half by services, all are reported RUNNING; single
// tasks are stopped; nothing happens for some time; control starts anew from its file. Real time and a real
// disk. Control's processor time is that of the process without what the agents played here took; memory is
// what control holds more of the heap than before.
#include <malloc.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/api/ecs/ecs.h"
#include "agent/control/engine/engine.h"
#include "agent/link/acs.h"
#include "agent/store/async_store.h"
#include "shared/base/text.h"
#include "shared/httpd/io_loop.h"
#include "shared/log/log.h"
#include "tests/bench/flags.h"

namespace {

using agent::control::Engine;
using agent::control::Step;
using nlohmann::json;
using shared::Millis;
using shared::Result;
namespace link = agent::link;

constexpr int kTasksPerCall = 10;  // as RunTask's limit
// Calls under way at once; a client has a few dozen connections.
constexpr std::size_t kCallsAtOnce = 64;
constexpr int kSingleChanges = 200;
constexpr Millis kLimit{600'000};

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// What the other side of the protocol costs is not control's.
double others_cpu = 0;
class OthersTime {
 public:
  ~OthersTime() { others_cpu += seconds_of(CLOCK_THREAD_CPUTIME_ID) - from_; }

 private:
  const double from_ = seconds_of(CLOCK_THREAD_CPUTIME_ID);
};

double control_cpu() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID) - others_cpu; }

class Bench;

// An agent: acknowledges payloads and reports what it is told as done.
class Agent final : public link::Channel, public std::enable_shared_from_this<Agent> {
 public:
  Agent(Bench& bench, std::string own_arn) : arn(std::move(own_arn)), bench_(bench) {}
  void send(std::string text) override;
  void close(const std::string& reason) override;

  std::string arn;
  std::uint64_t session = 0;

 private:
  Bench& bench_;
};

class Bench {
 public:
  Bench(int hosts, int tasks, int services, int rest)
      : hosts_(hosts), tasks_(tasks), services_(services), rest_(rest) {
    std::string pattern = std::filesystem::temp_directory_path() / "bench_control_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    open();
  }
  ~Bench() {
    close();
    std::filesystem::remove_all(directory_);
  }

  int run() {
    call("CreateCluster", "{}");
    call("RegisterTaskDefinition",
         json{{"family", "web"},
              {"containerDefinitions", {{{"name", "web"}, {"image", "web:1"}, {"cpu", 2}, {"memory", 16}}}}});
    finish("calls");
    join();
    start_by_calls();
    start_by_services();
    change_single_tasks();
    rest();
    restart();
    return failed_ ? 1 : 0;
  }

  void fail(const std::string& text) {
    std::printf("FAILED: %s\n", text.c_str());
    failed_ = true;
  }

  // ---- for agents ----

  void later(std::function<void()> work) { loop_.post(std::move(work)); }
  void say(const Agent& agent, const link::AcsMessage& message) {
    std::string text;
    {
      const OthersTime time;
      text = link::acs_to_json(message);
    }
    engine_->agent_message(agent.session, text);
  }
  void report(const link::TaskPayload& task) {
    json body;
    {
      const OthersTime time;
      json container{{"containerName", task.containers.empty() ? "web" : task.containers.front().name},
                     {"status", task.desired_status},
                     {"runtimeId", std::string(64, 'a')}};
      if (task.desired_status == "STOPPED") container["exitCode"] = 0;
      body = {{"cluster", "default"},
              {"task", task.arn},
              {"status", task.desired_status},
              {"containers", json::array({std::move(container)})}};
    }
    const bool running = task.desired_status == "RUNNING";
    call("SubmitTaskStateChange", body,
         [this, running](const std::string&) { running ? ++running_ : ++stopped_; });
  }

 private:
  void open() {
    auto store = agent::store::open_sqlite(directory_ + "/control.db");
    if (!store) return fail(store.error().text());
    store_ = *std::move(store);
    commits_ = agent::store::on_a_thread(*store_, loop_);
    agent::control::Settings settings;
    settings.poll_endpoint = "http://control";
    engine_ = std::make_unique<Engine>(loop_, random_, *commits_, settings);
    if (auto started = engine_->start(); !started) fail(started.error().text());
  }
  void close() {
    engine_.reset();
    commits_.reset();
    store_.reset();
  }

  // ---- calls ----

  using Answer = std::function<void(const std::string&)>;
  void call(const std::string& operation, const json& body, Answer answer = {}) {
    std::string text;
    {
      const OthersTime time;
      text = body.is_string() ? body.get<std::string>() : body.dump();
    }
    waiting_.push_back({operation, std::move(text), std::move(answer)});
    submit_more();
  }
  void submit_more() {
    while (!waiting_.empty() && under_way_ < kCallsAtOnce) {
      ++under_way_;
      Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      agent::api::Call call;
      call.operation = next.operation;
      call.body = std::move(next.body);
      call.request_id = "bench";
      call.account = "000000000000";
      auto text = std::make_shared<std::string>();
      engine_->submit(
          [call, text](Step& step) -> Result<void> {
            std::vector<std::string> ids;
            auto result = agent::api::ecs::handle(step, call, ids);
            if (!result) return result.error();
            *text = *std::move(result);
            return {};
          },
          [this, text, operation = next.operation,
           answer = std::move(next.answer)](const Result<void>& done) {
            --under_way_;
            if (!done) {
              fail(operation + ": " + shared::with_code(done.error()));
            } else if (answer) {
              answer(*text);
            }
            submit_more();
          });
    }
  }

  template <class Done>
  void wait(const std::string& what, Done done) {
    const auto look = [&] {
      const OthersTime time;
      return failed_ || done();
    };
    if (!loop_.run_until(look, kLimit))
      fail(what + " took too long: " + std::to_string(running_) + " RUNNING, " + std::to_string(stopped_) +
           " STOPPED, " + std::to_string(under_way_) + " calls under way, " +
           std::to_string(waiting_.size()) + " waiting");
  }
  void finish(const std::string& what) {
    wait(what, [this] { return waiting_.empty() && under_way_ == 0; });
  }

  // ---- phases ----

  struct Reading {
    double wall = seconds_of(CLOCK_MONOTONIC);
    double cpu = control_cpu();
    std::size_t heap = mallinfo2().uordblks + mallinfo2().hblkhd;
  };
  void tell(const std::string& name, const Reading& before, int count, const char* of) const {
    const Reading now;
    const double cpu = now.cpu - before.cpu;
    std::printf("%-24s %8.2f s, control's CPU %8.3f s", name.c_str(), now.wall - before.wall, cpu);
    if (count > 0) {
      std::printf(", %9.0f %s/s of CPU, %8.0f/s, %.3f ms each", count / cpu, of,
                  count / (now.wall - before.wall), 1000 * cpu / count);
      std::printf(", heap %+.1f KiB each",
                  (static_cast<double>(now.heap) - static_cast<double>(before.heap)) / 1024 / count);
    }
    std::printf("\n");
    std::fflush(stdout);
  }

  void join() {
    const Reading before;
    for (int i = 0; i < hosts_; ++i) {
      const json resources{
          {{"name", "CPU"}, {"type", "INTEGER"}, {"integerValue", 2 * 2 * (tasks_ / hosts_ + 2)}},
          {{"name", "MEMORY"}, {"type", "INTEGER"}, {"integerValue", 16 * 2 * (tasks_ / hosts_ + 2)}}};
      call("RegisterContainerInstance",
           json{{"cluster", "default"},
                {"totalResources", resources},
                {"attributes", {{{"name", "ecs.availability-zone"}, {"value", "z" + std::to_string(i % 3)}}}},
                {"versionInfo", {{"agentVersion", "0.1.0"}}}},
           [this](const std::string& text) {
             std::string arn;
             {
               const OthersTime time;
               arn = json::parse(text).at("containerInstance").at("containerInstanceArn");
             }
             connect(arn);
           });
    }
    wait("hosts", [this] { return connected() == static_cast<std::size_t>(hosts_); });
    tell("hosts join", before, hosts_, "hosts");
  }
  void connect(const std::string& arn) {
    agents_.push_back(std::make_shared<Agent>(*this, arn));
    agents_.back()->session = engine_->agent_opened(arn, agents_.back());
  }
  std::size_t connected() const {
    std::size_t count = 0;
    for (const auto& [arn, agent] : engine_->state().live.agents) count += agent.connected ? 1U : 0U;
    return count;
  }

  void start_by_calls() {
    const Reading before;
    const int calls = tasks_ / 2 / kTasksPerCall;
    for (int i = 0; i < calls; ++i) {
      call("RunTask",
           json{{"taskDefinition", "web"},
                {"count", kTasksPerCall},
                {"clientToken", "token" + std::to_string(i)},
                {"placementStrategy", {{{"type", "spread"}, {"field", "attribute:ecs.availability-zone"}}}}},
           [this](const std::string& text) {
             const OthersTime time;
             const json answer = json::parse(text);
             if (answer.at("tasks").size() != kTasksPerCall) fail("RunTask: " + answer.at("failures").dump());
             single_.push_back(answer.at("tasks").at(0).at("taskArn"));
           });
    }
    const int wanted = calls * kTasksPerCall;
    wait("RunTask", [&] { return running_ == wanted; });
    tell("RunTask to RUNNING", before, wanted, "tasks");
  }

  void start_by_services() {
    const Reading before;
    const int already = running_;
    const int each = tasks_ / 2 / services_;
    for (int i = 0; i < services_; ++i) {
      call("CreateService", json{{"serviceName", "web" + std::to_string(i)},
                                 {"taskDefinition", "web"},
                                 {"desiredCount", each}});
    }
    const int wanted = each * services_;
    wait("services", [&] { return running_ == already + wanted; });
    tell("services to RUNNING", before, wanted, "tasks");
  }

  // One after the other, each in peace: StopTask, its payload, the report that it stopped.
  void change_single_tasks() {
    finish("calls");
    const Reading before;
    const int count = std::min<int>(kSingleChanges, static_cast<int>(single_.size()));
    for (int i = 0; i < count; ++i) {
      const int stopped = stopped_;
      call("StopTask", json{{"task", single_[static_cast<std::size_t>(i)]}});
      wait("StopTask", [&] { return stopped_ > stopped; });
    }
    tell("one task stopped", before, count, "tasks");
  }

  void rest() {
    const Reading before;
    const auto end = loop_.now() + Millis(1'000) * rest_;
    wait("rest", [&] { return loop_.now() >= end; });
    const Reading after;
    tell("rest", before, 0, "");
    std::printf("%-24s %.2f s of control's CPU a minute\n", "",
                (after.cpu - before.cpu) * 60 / (after.wall - before.wall));
  }

  void restart() {
    close();
    malloc_trim(0);
    agents_.clear();
    const Reading before;
    const double bytes = static_cast<double>(std::filesystem::file_size(directory_ + "/control.db"));
    open();
    call("ListClusters", "{}");
    finish("the first call");
    tell("start, first answer", before, 0, "");
    const Reading after;
    std::printf("%-24s %zu tasks, file %.1f MiB, heap %.1f MiB\n", "", engine_->state().tasks.size(),
                bytes / 1024 / 1024,
                (static_cast<double>(after.heap) - static_cast<double>(before.heap)) / 1024 / 1024);
  }

  struct Waiting {
    std::string operation;
    std::string body;
    Answer answer;
  };

  const int hosts_;
  const int tasks_;
  const int services_;
  const int rest_;
  std::string directory_;
  shared::httpd::IoLoop loop_;
  shared::env::SeededRandom random_{1};
  std::unique_ptr<agent::store::Store> store_;
  std::unique_ptr<agent::store::AsyncStore> commits_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::shared_ptr<Agent>> agents_;
  std::deque<Waiting> waiting_;
  std::size_t under_way_ = 0;
  std::vector<std::string> single_;  // ARNs of tasks of no service
  int running_ = 0;
  int stopped_ = 0;
  bool failed_ = false;
};

void Agent::close(const std::string& reason) { bench_.fail("a session was closed: " + reason); }

void Agent::send(std::string text) {
  bench_.later([self = shared_from_this(), text = std::move(text)] {
    std::optional<link::AcsMessage> message;
    {
      const OthersTime time;
      if (auto read = link::acs_from_json(text, nullptr)) message = *std::move(read);
    }
    if (!message) return;
    if (const auto* payload = std::get_if<link::PayloadMessage>(&*message)) {
      self->bench_.say(*self, link::AckRequest{payload->cluster_arn, self->arn, payload->message_id});
      for (const link::TaskPayload& task : payload->tasks) self->bench_.report(task);
    } else if (const auto* heartbeat = std::get_if<link::HeartbeatMessage>(&*message)) {
      self->bench_.say(*self, link::HeartbeatAckRequest{heartbeat->message_id});
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  int hosts = 50;
  int tasks = 1'000;
  int services = 10;
  int rest = 10;
  if (!bench::read_flags(
          argc, argv, {{"--hosts", hosts}, {"--tasks", tasks}, {"--services", services}, {"--rest", rest}})) {
    std::fprintf(stderr,
                 "usage: bench_control_scale [--hosts N] [--tasks N] [--services N] [--rest SECONDS]\n");
    return 2;
  }
  shared::log::configure({shared::log::Level::kError, shared::log::Format::kLogfmt, [](std::string_view) {}});
  return Bench(hosts, tasks, services, rest).run();
}
