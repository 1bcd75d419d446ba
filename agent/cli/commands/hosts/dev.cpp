// dev: control, a node and a balancer on this machine in one go.
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/cli/commands/deploys/files.h"
#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/hosts/dev.h"
#include "agent/cli/commands/hosts/programs.h"
#include "agent/cli/commands/look.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::uint16_t kApiPort = 7350;
constexpr std::uint16_t kAdminPort = 7351;
constexpr shared::Millis kLook{20};
constexpr shared::Millis kStartLimit{30'000};
constexpr shared::Millis kStopLimit{40'000};
constexpr shared::Millis kProgramLimit{10'000};

std::string last_of(const std::string& path, std::size_t lines) {
  const auto text = read_file(path);
  if (!text) return "";
  std::size_t at = text->size();
  for (std::size_t i = 0; i <= lines && at != 0 && at != std::string::npos; ++i)
    at = text->rfind('\n', at - 1);
  return at == std::string::npos || at == 0 ? *text : text->substr(at + 1);
}

class Dev {
 public:
  explicit Dev(Context& context) : context_(context) {}
  ~Dev() {
    for (const pid_t child : {balancer_, agent_}) end(child);
    std::error_code ignored;
    if (temporary_ && !folder_.empty()) fs::remove_all(folder_, ignored);
  }
  Dev(const Dev&) = delete;
  Dev& operator=(const Dev&) = delete;

  Result<int> run() {
    if (auto made = make_folder(); !made) return made.error();
    if (auto started = start(); !started) return started.error();
    return context_.args.rest.empty() ? serve() : run_command();
  }

 private:
  Result<void> make_folder() {
    folder_ = context_.args.value("--data-dir");
    if (folder_.empty()) {
      const char* base = std::getenv("TMPDIR");
      std::string name = std::string(base != nullptr && *base != 0 ? base : "/tmp") + "/berth-dev-XXXXXX";
      if (::mkdtemp(name.data()) == nullptr) return Error("failed", name + ": cannot be made");
      folder_ = name;
      temporary_ = true;
      return {};
    }
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) return Error("failed", folder_ + ": " + error.message());
    ::chmod(folder_.c_str(), S_IRWXU);
    return {};
  }

  Result<void> start() {
    auto agent = find_program("berth-agent");
    if (!agent) return agent.error();
    auto balancer = find_program("berth-balancer");
    if (!balancer) return balancer.error();
    auto port = context_.args.integer("--port", 1, 65535);
    if (!port) return port.error();
    const std::uint16_t api_port = free_port(static_cast<std::uint16_t>(port->value_or(kApiPort)));
    if (*port && api_port != **port)
      return Error("failed", "port " + std::to_string(**port) + " of 127.0.0.1 is taken");
    const std::uint16_t admin_port = free_port(kAdminPort);
    endpoint_ = "http://127.0.0.1:" + std::to_string(api_port);
    admin_ = "http://127.0.0.1:" + std::to_string(admin_port);
    place_.url = *parse_url(endpoint_);
    place_.endpoint = endpoint_;
    place_.region = context_.args.value("--region", "us-east-1");
    place_.cluster = context_.args.value("--cluster", "default");
    auto first = Api::create(place_);
    if (!first) return first.error();
    probe_ = *std::move(first);
    begin_time_ = probe_->now();
    Environment environment = context_.environment();
    environment["ECS_CLUSTER"] = place_.cluster;
    const bool node = !context_.args.has("--no-node");
    auto started =
        start_program({*agent, "--roles", node ? "control,node" : "control", "--data-dir", folder_ + "/agent",
                       "--listen", "127.0.0.1:" + std::to_string(api_port), "--region", place_.region},
                      environment, folder_ + "/agent.log");
    if (!started) return started.error();
    agent_ = *started;
    if (auto up = wait_for_page(endpoint_, "/healthz", agent_, "agent"); !up) return up;
    auto keys = read_file(folder_ + "/agent/credentials");
    if (!keys) return keys.error();
    const Section section = section_of(*keys, "default").value_or(Section{});
    place_.credentials.access_key_id =
        section.contains("aws_access_key_id") ? section.at("aws_access_key_id") : "";
    place_.credentials.secret_access_key =
        section.contains("aws_secret_access_key") ? section.at("aws_secret_access_key") : "";
    auto api = Api::create(place_);
    if (!api) return api.error();
    probe_.reset();  // one at a time hears of signals
    api_ = *std::move(api);
    if (auto cluster = api_->ecs("CreateCluster", {{"clusterName", place_.cluster}}); !cluster)
      return cluster.error();
    started = start_program(
        {*balancer, "--control", endpoint_, "--token-file", folder_ + "/agent/balancer-token", "--state-dir",
         folder_ + "/balancer", "--admin", "127.0.0.1:" + std::to_string(admin_port)},
        environment, folder_ + "/balancer.log");
    if (!started) return started.error();
    balancer_ = *started;
    if (auto up = wait_for_page(admin_, "/readyz", balancer_, "balancer"); !up) return up;
    if (node && !wait_for_node())
      context_.out.note("berth: this machine does not run containers yet: " + not_ready());
    return {};
  }

  Api& api() { return api_ ? *api_ : *probe_; }

  Result<int> get(const std::string& base, const std::string& page, std::string* body = nullptr) {
    shared::http::Request request;
    request.target = page;
    auto answer = api().plain(*parse_url(base), std::move(request), shared::Millis(2'000));
    if (!answer) return answer.error();
    if (body != nullptr) *body = answer->body;
    return answer->status;
  }

  Result<void> wait_for_page(const std::string& base, const std::string& page, pid_t child,
                             const std::string& name) {
    const shared::WallTime from = api().now();
    for (;;) {
      if (const auto code = get(base, page); code && *code == 200) return {};
      if (const auto code = ended_with(child)) {
        (child == agent_ ? agent_ : balancer_) = 0;
        return Error("failed", "berth-" + name + " ended with " + std::to_string(*code) +
                                   "; its log ends:\n" + last_of(folder_ + "/" + name + ".log", 10));
      }
      if (api().now() - from > kStartLimit)
        return Error("timed_out", "berth-" + name + " is not ready after " + span(kStartLimit) +
                                      "; its log ends:\n" + last_of(folder_ + "/" + name + ".log", 10));
      if (!api().wait(kLook)) return Error("interrupted", "interrupted");
    }
  }

  // Briefly: a machine without a container engine is good for trying the APIs out.
  bool wait_for_node() {
    const shared::WallTime from = api().now();
    do {
      if (const auto code = get(endpoint_, "/readyz"); code && *code == 200) return true;
    } while (api().now() - from < shared::Millis(5'000) && api().wait(kLook));
    return false;
  }

  std::string not_ready() {
    std::string body;
    if (!get(endpoint_, "/readyz", &body)) return "no answer";
    const auto parsed = shared::json::parse(body);
    std::string out;
    if (parsed && parsed->is_object()) {
      for (const json& each : list_in(*parsed, "checks"))
        if (!flag_in(each, "ok"))
          out += (out.empty() ? "" : "; ") + text_in(each, "name") + ": " + text_in(each, "reason");
    }
    return out;
  }

  std::vector<std::pair<std::string, std::string>> exports() const {
    return {{"AWS_ENDPOINT_URL", endpoint_},
            {"AWS_ACCESS_KEY_ID", place_.credentials.access_key_id},
            {"AWS_SECRET_ACCESS_KEY", place_.credentials.secret_access_key},
            {"AWS_DEFAULT_REGION", place_.region},
            {"AWS_REGION", place_.region},
            {"BERTH_CLUSTER", place_.cluster}};
  }

  std::string how_long() { return std::to_string((api().now() - begin_time_).count()) + " ms"; }

  Result<int> serve() {
    context_.out.note("berth dev: ready after " + how_long() + "; control " + endpoint_ + ", balancer " +
                      admin_ + ", logs and data in " + folder_);
    context_.out.print(exports_text(exports()));
    context_.out.note(temporary_ ? "Ctrl-C stops it and removes all of it"
                                 : "Ctrl-C stops it; what is in " + folder_ + " is there the next time");
    while (api().wait(shared::Millis(200))) {
      for (const auto& [child, name] : {std::pair{&agent_, "agent"}, std::pair{&balancer_, "balancer"}}) {
        const auto code = ended_with(*child);
        if (!code) continue;
        *child = 0;
        return Error("failed", std::string("berth-") + name + " ended with " + std::to_string(*code) +
                                   "; its log ends:\n" + last_of(folder_ + "/" + name + ".log", 10));
      }
    }
    context_.out.note("");
    stop_tasks();
    return kDone;
  }

  Result<int> run_command() {
    Environment environment = context_.environment();
    for (const auto& [name, value] : exports()) environment[name] = value;
    auto child = start_program(context_.args.rest, environment, "");
    if (!child) return child.error();
    std::optional<int> code;
    bool asked = false;
    while (!(code = ended_with(*child))) {
      if (!api().wait(shared::Millis(20))) {
        // The terminal has told the child too; from others it hears of it by us. Nothing more is heard after
        // the first time.
        if (!asked) ::kill(*child, SIGTERM);
        asked = true;
        probe_pause();
      }
    }
    stop_tasks();
    return *code;
  }

  static void probe_pause() {
    const timespec pause{0, 20'000'000};
    ::nanosleep(&pause, nullptr);
  }

  // Only of a temporary folder: nobody would find these containers again.
  void stop_tasks() {
    if (!temporary_) return;
    auto fresh = Api::create(place_);  // one that nobody has asked to end
    if (!fresh) return;
    api_ = *std::move(fresh);
    Context context(context_.args, context_.out, context_.environment(),
                    [&]() -> Result<Api*> { return api_.get(); });
    if (!context.reach()) return;
    if (auto services = all_services(context)) {
      for (const json& each : *services)
        (void)api_->ecs(
            "DeleteService",
            {{"cluster", place_.cluster}, {"service", text_in(each, "serviceName")}, {"force", true}});
    }
    const shared::WallTime from = api_->now();
    while (api_->now() - from < kStopLimit) {
      auto tasks = tasks_of(context, "", Tasks::kLive);
      if (!tasks || tasks->empty()) break;
      for (const json& each : *tasks)
        if (service_of_task(each).empty() && text_in(each, "desiredStatus") != "STOPPED")
          (void)api_->ecs("StopTask", {{"cluster", place_.cluster}, {"task", text_in(each, "taskArn")}});
      context_.out.progress("  " + std::to_string(tasks->size()) + " tasks stop");
      if (!api_->wait(shared::Millis(100))) break;
    }
    context_.out.clear_progress();
    remove_containers(context);
  }

  // The agent would do so hours after a task; it is gone by then. Asked of the engine, as nobody else knows
  // of them.
  void remove_containers(Context& context) {
    auto tasks = tasks_of(context, "", Tasks::kAll);
    if (!tasks || tasks->empty()) return;
    std::set<std::string> arns;
    for (const json& each : *tasks) arns.insert(text_in(each, "taskArn"));
    const char* host = std::getenv("DOCKER_HOST");
    const std::string_view named = host == nullptr ? "" : host;
    Url engine;
    engine.to.unix_path =
        named.starts_with("unix://") ? std::string(named.substr(7)) : "/var/run/docker.sock";
    const auto call = [&](const char* method, const std::string& target) {
      shared::http::Request request;
      request.method = method;
      request.target = target;
      request.headers.set("Host", "engine");
      return api_->plain(engine, std::move(request), kProgramLimit);
    };
    const std::string filter = R"({"label":["com.amazonaws.ecs.task-arn"]})";
    auto listed = call("GET", "/containers/json?all=1&filters=" +
                                  shared::http::percent_encode(filter, shared::http::Slash::kEncode));
    const auto containers = listed ? shared::json::parse(listed->body) : Result<json>(listed.error());
    if (!containers || !containers->is_array()) return;
    for (const json& each : *containers) {
      if (arns.contains(text_in(object_in(each, "Labels"), "com.amazonaws.ecs.task-arn")))
        (void)call("DELETE", "/containers/" + text_in(each, "Id") + "?force=1&v=1");
    }
  }

  void end(pid_t child) {
    if (child == 0) return;
    ::kill(child, SIGTERM);
    for (shared::Millis waited{0}; waited < kProgramLimit; waited += kLook) {
      if (ended_with(child)) return;
      probe_pause();
    }
    ::kill(child, SIGKILL);
    while (!ended_with(child)) probe_pause();
  }

  Context& context_;
  std::string folder_, endpoint_, admin_;
  bool temporary_ = false;
  Place place_;
  std::unique_ptr<Api> probe_;  // before there are keys
  std::unique_ptr<Api> api_;
  pid_t agent_ = 0;
  pid_t balancer_ = 0;
  shared::WallTime begin_time_{};
};

}  // namespace

std::string exports_text(const std::vector<std::pair<std::string, std::string>>& variables) {
  std::string out;
  for (const auto& [name, value] : variables) {
    if (value.empty()) continue;
    std::string quoted = "'";
    for (const char c : value) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    const bool plain =
        value.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=.:/,@%") ==
        std::string::npos;
    out += "export " + name + "=" + (plain ? value : quoted + "'") + "\n";
  }
  return out;
}

Result<int> run_dev(Context& context) { return Dev(context).run(); }

}  // namespace agent::cli
