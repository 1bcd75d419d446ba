#include <nlohmann/json.hpp>
#include <set>

#include "agent/cli/commands/hosts/host_commands.h"
#include "agent/cli/commands/hosts/programs.h"
#include "agent/cli/commands/look.h"
#include "agent/cli/story/story.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Result;

namespace {

constexpr shared::Millis kMostApart{60'000};  // of two clocks, before signatures are refused at five minutes

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

}  // namespace

Result<int> run_doctor(Context& context) { return Doctor(context).run(); }

}  // namespace agent::cli
