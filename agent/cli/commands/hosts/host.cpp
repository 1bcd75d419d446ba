// dev, env, doctor, check, snapshot, token, join: hosts and what is set on them.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/cli/commands/deploys/files.h"
#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/hosts/dev.h"
#include "agent/cli/commands/hosts/programs.h"
#include "agent/cli/commands/look.h"
#include "agent/cli/story/story.h"
#include "shared/json/reader.h"
#include "shared/net/endpoint.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;
namespace fs = std::filesystem;

namespace {

constexpr const char* kNodeKeys[] = {"/var/lib/berth-control/node-credentials",
                                     "/var/lib/berth/node-credentials",
                                     "/var/lib/berth/quickstart/agent/node-credentials"};
constexpr const char* kKeysTarget = "/etc/berth/node-credentials";
constexpr const char* kConfigTarget = "/etc/ecs/ecs.config";
constexpr shared::Millis kMostApart{60'000};  // of two clocks, before signatures are refused at five minutes

Result<int> env(Context& context) {
  const Place& place = context.api().place();
  const std::vector<std::pair<std::string, std::string>> variables = {
      {"AWS_ENDPOINT_URL", place.endpoint},
      {"AWS_ACCESS_KEY_ID", place.credentials.access_key_id},
      {"AWS_SECRET_ACCESS_KEY", place.credentials.secret_access_key},
      {"AWS_SESSION_TOKEN", place.credentials.session_token},
      {"AWS_DEFAULT_REGION", place.region},
      {"AWS_REGION", place.region},
      {"BERTH_CLUSTER", place.cluster}};
  if (context.out.json()) {
    json out = json::object();
    for (const auto& [name, value] : variables)
      if (!value.empty()) out[name] = value;
    return context.out.line(shared::json::to_pretty_text(out)) ? kDone : kFailed;
  }
  return context.out.print(exports_text(variables)) ? kDone : kFailed;
}

// ---- doctor ----

class Doctor {
 public:
  explicit Doctor(Context& context) : context_(context) {}

  Result<int> run() {
    const Place& place = context_.api().place();
    good("endpoint " + place.endpoint + " (" + place.endpoint_source + "), keys from " +
         place.credentials_source + ", cluster " + place.cluster);
    if (control() && keys()) {
      cluster();
      nodes();
      services();
      targets();
    }
    programs();
    context_.out.line(
        problems_ == 0 ? context_.out.painted("nothing is wrong", Style::kGood)
                       : context_.out.painted(std::to_string(problems_) +
                                                  (problems_ == 1 ? " thing is" : " things are") + " wrong",
                                              Style::kBad));
    return problems_ == 0 ? kDone : kFailed;
  }

 private:
  void good(const std::string& text) {
    context_.out.line(context_.out.painted("ok    ", Style::kGood) + text);
  }
  void bad(const std::string& text, const std::string& advice = "") {
    ++problems_;
    context_.out.line(context_.out.painted("wrong ", Style::kBad) + harmless(text));
    if (!advice.empty()) context_.out.line("      " + harmless(advice));
  }

  bool control() {
    shared::http::Request request;
    request.target = "/readyz";
    auto answer = context_.api().plain(context_.api().place().url, std::move(request), shared::Millis(5'000));
    if (!answer) {
      bad("control does not answer: " + answer.error().text(),
          "is berth-agent with the role control running there?");
      return false;
    }
    const auto parsed = shared::json::parse(answer->body);
    if (answer->status == 200) good("control is ready");
    if (answer->status != 200) {
      if (!parsed || !parsed->is_object()) {
        bad("what answers there is not control: HTTP status " + std::to_string(answer->status));
        return false;
      }
      for (const json& each : list_in(*parsed, "checks"))
        if (!flag_in(each, "ok")) bad("control: " + text_in(each, "name") + ": " + text_in(each, "reason"));
    }
    if (const auto date = answer->headers.get("Date")) {
      const auto theirs = shared::http::parse_http_date(*date);
      const auto apart = theirs ? std::chrono::abs(*theirs - context_.api().now()) : shared::Millis(0);
      if (apart > kMostApart)
        bad("the clocks of this host and control are " + span(apart) + " apart",
            "signatures are refused at five minutes: is NTP on?");
    }
    return true;
  }

  bool keys() {
    auto clusters = context_.api().ecs("ListClusters", json::object());
    if (clusters) {
      good("the keys are taken");
      return true;
    }
    bad("the keys are not taken: " + clusters.error().code() + ": " + clusters.error().text());
    return false;
  }

  void cluster() {
    auto found = context_.api().ecs("DescribeClusters", {{"clusters", json::array({context_.cluster()})}});
    if (!found) return bad("DescribeClusters: " + found.error().text());
    for (const json& each : list_in(*found, "clusters"))
      if (text_in(each, "status") == "ACTIVE") return good("cluster " + context_.cluster() + " is there");
    bad("there is no cluster " + context_.cluster(), "`aws ecs create-cluster --cluster-name " +
                                                         context_.cluster() +
                                                         "` makes it; --cluster names another one");
  }

  void nodes() {
    auto nodes = all_nodes(context_);
    if (!nodes) return;  // no cluster: said
    if (nodes->empty()) return bad("no host has joined the cluster", "`berth join` says how one does");
    std::size_t connected = 0;
    std::set<std::string> versions;
    for (const json& each : *nodes) {
      if (flag_in(each, "agentConnected")) {
        ++connected;
      } else {
        bad("host " + node_name(each) + " is not connected",
            "its own /readyz (berth-agent, 127.0.0.1:7352 by default) says why");
      }
      if (text_in(each, "status") == "DRAINING")
        context_.out.line("note  host " + node_name(each) + " drains");
      versions.insert(text_in(object_in(each, "versionInfo"), "agentVersion"));
    }
    if (connected > 0)
      good(std::to_string(connected) + " of " + std::to_string(nodes->size()) + " hosts are connected");
    if (versions.size() > 1)
      context_.out.line("note  agents have " + std::to_string(versions.size()) + " versions");
  }

  void services() {
    auto services = all_services(context_);
    if (!services) return;
    std::size_t steady = 0;
    for (const json& each : *services) {
      const ServiceState state = state_of_service(each);
      steady += state.word == "steady" ? 1 : 0;
      if (state.word == "failed" || (state.word == "starting" && !state.why.empty()))
        bad("service " + text_in(each, "serviceName") + " is " + state.word + ": " + state.why,
            "`berth why " + text_in(each, "serviceName") + "` tells more");
    }
    good(std::to_string(steady) + " of " + std::to_string(services->size()) + " services are steady");
  }

  void targets() {
    auto groups = elb_list(context_, "DescribeTargetGroups", json::object(), "TargetGroups");
    if (!groups) return;
    for (const json& group : *groups) {
      auto health = target_health(context_, text_in(group, "TargetGroupArn"));
      if (!health) continue;
      for (const json& each : *health) {
        const json& state = object_in(each, "TargetHealth");
        if (text_in(state, "State") == "unhealthy")
          bad("target " + text_in(object_in(each, "Target"), "Id") + ":" +
              text_in(object_in(each, "Target"), "Port") + " of " + text_in(group, "TargetGroupName") +
              " is unhealthy: " + text_in(state, "Description"));
      }
    }
  }

  void programs() {
    for (const char* name : {"berth-agent", "berth-balancer"})
      if (auto found = find_program(name)) good(std::string(name) + " is here: " + *found);
  }

  Context& context_;
  int problems_ = 0;
};

Result<int> doctor(Context& context) { return Doctor(context).run(); }

// ---- check, snapshot ----

Result<int> check(Context& context) {
  std::vector<std::string> command;
  const std::string path = context.args.word(0);
  std::string program = "berth-agent";
  if (!path.empty()) {
    auto text = read_file(path);
    if (!text) return text.error();
    auto document = parse_document(*text, path);
    if (!document) return Error("setting_file", document.error().text());
    if (document->contains("containerDefinitions") || document->contains("serviceName") ||
        document->contains("taskDefinition"))
      return Error("usage", path + " is for deploy: berth verify " + path + " looks at it");
    if (document->contains("listeners") || document->contains("target_groups")) program = "berth-balancer";
  }
  auto found = find_program(program);
  if (!found) return found.error();
  command = {*found};
  if (program == "berth-balancer") {
    command.insert(command.end(), {"--check", path});
  } else {
    command.emplace_back("check");
    if (!path.empty()) command.insert(command.end(), {"--config", path});
  }
  command.insert(command.end(), context.args.rest.begin(), context.args.rest.end());
  return become_program(command);
}

Result<int> snapshot(Context& context) {
  auto found = find_program("berth-agent");
  if (!found) return found.error();
  std::vector<std::string> command = {*found, "snapshot", context.args.word(0), context.args.word(1)};
  if (context.args.has("--data-dir"))
    command.insert(command.end(), {"--data-dir", context.args.value("--data-dir")});
  command.insert(command.end(), context.args.rest.begin(), context.args.rest.end());
  return become_program(command);
}

// ---- token, join ----

Result<int> token(Context& context) {
  const std::string given = context.args.value("--file");
  std::string path = given;
  std::optional<std::string> text;
  for (const char* each : kNodeKeys) {
    if (!given.empty() || text) break;
    if (auto read = read_file(each)) {
      text = *std::move(read);
      path = each;
    }
  }
  if (!given.empty()) {
    auto read = read_file(given);
    if (!read) return read.error();
    text = *std::move(read);
  }
  if (!text)
    return Error("not_found", std::string("there is no ") + kNodeKeys[0] +
                                  " to read: run this on control's host as root, or give --file");
  const Section section = section_of(*text, "default").value_or(Section{});
  JoinToken token;
  const auto member = [&](const char* name) {
    return section.contains(name) ? section.at(name) : std::string();
  };
  token.access_key_id = member("aws_access_key_id");
  token.secret_access_key = member("aws_secret_access_key");
  if (token.secret_access_key.empty()) return Error("setting_file", path + ": has no keys");
  token.control = context.args.value("--control");
  if (token.control.empty())
    return Error(
        "usage",
        "berth token needs --control URL: where the other hosts reach control, such as http://10.0.0.1:7350");
  if (auto url = parse_url(token.control); !url) return url.error().within("--control");
  context.out.line(to_text(token));
  context.out.note(
      "On the other host: berth join TOKEN --address ITS-ADDRESS. Whoever has the token can be a host of "
      "this installation.");
  return kDone;
}

constexpr const char* kHowToJoin =
    "On control's host, as root:\n"
    "  berth token --control http://CONTROL:7350      # prints a token; control must listen at an address "
    "that hosts reach\n"
    "On the host that is to join, with the package berth-agent, as root:\n"
    "  berth join TOKEN --address ADDRESS             # ADDRESS is where the balancers reach this host's "
    "ports\n"
    "  systemctl enable --now berth-agent\n"
    "Then `berth nodes` shows it.\n";

Result<int> join(Context& context) {
  if (context.args.words.empty()) return context.out.print(kHowToJoin) ? kDone : kFailed;
  auto token = parse_token(context.args.word(0));
  if (!token) return token.error();
  const std::string address = context.args.value("--address");
  if (!shared::net::is_ip_address(address))
    return Error("usage",
                 "berth join needs --address ADDRESS, an IP address at which the balancers reach this host");
  const std::string root = context.args.value("--root");
  const std::string keys = root + kKeysTarget;
  const std::string config = root + kConfigTarget;
  std::error_code error;
  for (const std::string& path : {keys, config}) {
    fs::create_directories(fs::path(path).parent_path(), error);
    if (error) return Error("failed", path + ": " + error.message());
  }
  // Before the secret is in it.
  const mode_t before = ::umask(077);
  auto written = write_file(keys,
                            "[default]\naws_access_key_id = " + token->access_key_id +
                                "\naws_secret_access_key = " + token->secret_access_key + "\n",
                            true);
  ::umask(before);
  if (!written) return written.error();
  ::chmod(keys.c_str(), S_IRUSR | S_IWUSR);
  const auto old = read_file(config);
  std::vector<std::pair<std::string, std::string>> variables = {
      {"BERTH_CONTROL", token->control}, {"BERTH_NODE_KEY_FILE", kKeysTarget}, {"BERTH_ADDRESS", address}};
  if (context.args.has("--cluster")) variables.emplace_back("ECS_CLUSTER", context.args.value("--cluster"));
  written = write_file(config, with_variables(old ? *old : "", variables), true);
  if (!written) return written.error();
  context.out.line("wrote " + keys + " and " + config +
                   "; now: systemctl enable --now berth-agent (or restart it)");
  return kDone;
}

}  // namespace

std::vector<Command> host_commands() {
  const char* group = "Hosts and this program";
  return {
      {"dev",
       group,
       "[-- COMMAND...]",
       "Control, a node and a balancer on this machine, for as long as it runs",
       "Prints exports for aws, boto3, terraform and berth. Ctrl-C ends it; in a temporary folder (the "
       "default) its services and tasks end with it.\n"
       "With a command behind -- that is run with these variables, and its exit code is passed on:\n\n  "
       "berth dev -- pytest\n\nTasks need root and a container engine.",
       {{"--data-dir", "FOLDER", "keeps everything there; containers run on afterwards", 0},
        {"--port", "PORT", "of the APIs (7350, or any that is free)", 0},
        {"--no-node", "", "only the APIs and the balancer, no containers", 0}},
       0,
       0,
       Completes::kNothing,
       Reach::kOffline,
       run_dev},
      {"env",
       group,
       "",
       "Exports for a shell: endpoint, keys, region, cluster",
       "eval \"$(berth env)\"; the secret is among them.",
       {},
       0,
       0,
       Completes::kNothing,
       Reach::kApi,
       env},
      {"doctor",
       group,
       "",
       "What is wrong with this installation, as far as can be seen from here",
       "",
       {},
       0,
       0,
       Completes::kNothing,
       Reach::kApi,
       doctor},
      {"check",
       group,
       "[FILE] [-- FLAGS...]",
       "Whether settings of the agent or a configuration of the balancer are good",
       "By `berth-agent check` and `berth-balancer --check`, which must be on this machine.",
       {},
       0,
       1,
       Completes::kFile,
       Reach::kOffline,
       check},
      {"snapshot",
       group,
       "save|restore FILE",
       "Keeps control's state in a file, or makes a data directory of it",
       "By `berth-agent snapshot`, on control's host and as its user.",
       {{"--data-dir", "FOLDER", "control's data directory", 0}},
       2,
       2,
       Completes::kFile,
       Reach::kOffline,
       snapshot},
      {"token",
       group,
       "",
       "What another host needs to join, in one word",
       "On control's host, as root: it holds the key of node-credentials.",
       {{"--control", "URL", "where other hosts reach control", 0},
        {"--file", "FILE", "control's node-credentials", 0}},
       0,
       0,
       Completes::kNothing,
       Reach::kOffline,
       token},
      {"join",
       group,
       "[TOKEN]",
       "Sets this host's agent up to join; without a token, how that is done",
       kHowToJoin,
       {{"--address", "ADDRESS", "where balancers reach this host", 0},
        {"--root", "FOLDER", "writes below this folder", 0}},
       0,
       1,
       Completes::kNothing,
       Reach::kOffline,
       join},
  };
}

}  // namespace agent::cli
