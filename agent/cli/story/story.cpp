#include "agent/cli/story/story.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "agent/cli/story/members.h"
#include "agent/cli/story/words.h"

namespace agent::cli {

using nlohmann::json;

namespace {

constexpr shared::Millis kSameTurn{
    2'000};  // a task that runs is registered in the turn in which control hears of it

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Events that say that a service does not get on.
bool is_trouble(std::string_view message) {
  return contains(message, "unable to") || contains(message, "failed") || contains(message, "unhealthy") ||
         contains(message, "cannot");
}

std::string newest_trouble(const json& service) {
  for (const json& each : list_in(service, "events")) {
    const std::string message = text_in(each, "message");
    if (is_trouble(message)) return event_words(message, text_in(service, "serviceName"));
    if (contains(message, "steady state")) break;
  }
  return "";
}

const json* deployment_named(const json& service, std::string_view id) {
  for (const json& each : list_in(service, "deployments")) {
    if (text_in(each, "id") == id) return &each;
  }
  return nullptr;
}

const json* primary_of(const json& service) {
  for (const json& each : list_in(service, "deployments")) {
    if (text_in(each, "status") == "PRIMARY") return &each;
  }
  return nullptr;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// Ids of 32 hexadecimal digits become eight, ARNs of target groups their names.
std::string shortened_ids(std::string_view text) {
  constexpr std::size_t kWhole = 32;
  constexpr std::size_t kShown = 8;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with("arn:")) {
      std::size_t end = text.find_first_of(" ),.\n", at);
      // A full stop inside of an ARN ends nothing.
      if (end == std::string_view::npos) end = text.size();
      const std::string_view arn = text.substr(at, end - at);
      const std::string name = elb_name(arn);
      out += name == arn ? std::string(name_in(arn)) : name;
      at = end;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_hex(text[end])) ++end;
    const bool bounded = at == 0 || std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0;
    if (bounded && end - at == kWhole) {
      out += text.substr(at, kShown);
      at = end;
    } else {
      out += text[at++];
    }
  }
  return out;
}

class Story {
 public:
  Story(const json& task, const json& service, std::string_view node)
      : task_(task), service_(service), node_(node) {}

  std::vector<StoryLine> tell() {
    own_times();
    events();
    std::stable_sort(lines_.begin(), lines_.end(),
                     [](const StoryLine& a, const StoryLine& b) { return a.at < b.at; });
    return std::move(lines_);
  }

 private:
  void add(const std::optional<shared::WallTime>& at, std::string text, Style style = Style::kPlain) {
    if (at) lines_.push_back({*at, std::move(text), style});
  }

  void own_times() {
    const auto created = time_in(task_, "createdAt");
    const std::string service = service_of_task(task_);
    const std::string by = text_in(task_, "startedBy");
    add(created, "created " + (service.empty() ? (by.empty() ? std::string("by a call") : "by " + by)
                                               : "by service " + service +
                                                     (by.empty() ? "" : " for its deployment " + by)));
    const std::string instance = text_in(task_, "containerInstanceArn");
    if (instance.empty()) {
      add(created, "not placed yet", Style::kWarn);
    } else {
      add(created, "placed on " +
                       (node_.empty() ? "container instance " + short_id(instance) : std::string(node_)) +
                       ", where it reserves " + text_in(task_, "cpu") + " cpu units and " +
                       text_in(task_, "memory") + " MiB");
    }
    const auto pulls = time_in(task_, "pullStartedAt");
    const auto pulled = time_in(task_, "pullStoppedAt");
    add(pulls, "its host begins: images are looked for and pulled");
    if (pulled && pulls) add(pulled, "images are there, after " + span(*pulled - *pulls));
    const auto started = time_in(task_, "startedAt");
    add(started,
        "runs: " + std::to_string(list_in(task_, "containers").size()) +
            (list_in(task_, "containers").size() == 1 ? " container" : " containers") + ports(),
        Style::kGood);
    const std::string reason = text_in(task_, "stoppedReason");
    const std::string stop_code = text_in(task_, "stopCode");
    const auto stopping = time_in(task_, "stoppingAt");
    const auto stopped = time_in(task_, "stoppedAt");
    const std::string because = (reason.empty() ? "" : ": " + shortened_ids(reason)) +
                                (stop_code.empty() ? "" : " (" + stop_code + ")");
    const auto ended = time_in(task_, "executionStoppedAt");
    const bool served = started && behind_balancer();
    const auto wanted = named_event("has stopped");
    // Of a task with targets stoppingAt is when no balancer has them any more: only then its agent is told.
    std::string told = served ? "out of every balancer and drained" : "told to stop";
    if (served && wanted && stopping && *stopping >= *wanted)
      told += ", " + span(*stopping - *wanted) + " after that began";
    const bool by_itself = ended && stopping && *ended <= *stopping;
    if (served && !by_itself) told += ": SIGTERM";
    if (by_itself) told = "control has heard of it";
    add(stopping, told + (wanted && served ? "" : because), by_itself ? Style::kDim : Style::kWarn);
    if (wanted && served)
      add(wanted, "to be stopped" + because + "; its targets begin to drain", Style::kWarn);
    add(ended, "its containers have ended" + exits(), failed() ? Style::kBad : Style::kPlain);
    if (!ended && stopped) add(stopped, "ended" + (stopping ? "" : because) + exits(), Style::kBad);
    add(stopped, "STOPPED" + (started && stopped ? ", having run for " + span(*stopped - *started) : ""),
        Style::kBold);
  }

  std::string ports() const {
    const std::string text = ports_of_task(task_);
    return text.empty() ? "" : ", ports " + text;
  }

  // When an event of the service with these words named the task.
  std::optional<shared::WallTime> named_event(std::string_view words) const {
    if (!service_.is_object()) return std::nullopt;
    const std::string id(name_in(text_in(task_, "taskArn")));
    for (const json& each : list_in(service_, "events")) {
      const std::string message = text_in(each, "message");
      if (contains(message, id) && contains(message, words)) return time_in(each, "createdAt");
    }
    return std::nullopt;
  }

  bool behind_balancer() const { return service_.is_object() && !list_in(service_, "loadBalancers").empty(); }

  bool failed() const {
    for (const json& each : list_in(task_, "containers")) {
      if (each.contains("exitCode") && number_in(each, "exitCode") != 0) return true;
    }
    return false;
  }

  std::string exits() const {
    std::string out;
    for (const json& each : list_in(task_, "containers")) {
      std::string told;
      if (each.contains("exitCode")) told = "exit code " + std::to_string(number_in(each, "exitCode"));
      if (const std::string reason = text_in(each, "reason"); !reason.empty())
        told += (told.empty() ? "" : ", ") + shortened_ids(reason);
      if (!told.empty()) out += (out.empty() ? ": " : "; ") + text_in(each, "name") + " " + told;
    }
    return out;
  }

  // Events that name the task, and those without a name that only can mean it: what its service did in the
  // turn in which it ran.
  void events() {
    if (!service_.is_object()) return;
    const std::string id(name_in(text_in(task_, "taskArn")));
    const auto started = time_in(task_, "startedAt");
    const json& all = list_in(service_, "events");
    for (std::size_t i = all.size(); i-- > 0;) {  // the newest are first there
      const json& each = all[i];
      const std::string message = text_in(each, "message");
      const auto at = time_in(each, "createdAt");
      if (!at) continue;
      const bool names = contains(message, id);
      const bool registers = started && contains(message, "registered 1 targets in") &&
                             !contains(message, "deregistered") && *at >= *started &&
                             *at - *started <= kSameTurn && !registered_;
      if (registers) registered_ = true;
      if (!names && !registers) continue;
      const std::string words = event_words(message, text_in(service_, "serviceName"));
      // These are told with the task's own times.
      if (names && (contains(words, "has started") || contains(words, "has stopped"))) continue;
      add(at, "service: " + words, is_trouble(message) ? Style::kBad : Style::kDim);
    }
  }

  const json& task_;
  const json& service_;
  std::string_view node_;
  std::vector<StoryLine> lines_;
  bool registered_ = false;
};

}  // namespace

ServiceState state_of_service(const json& service) {
  const std::string status = text_in(service, "status");
  if (status == "INACTIVE") return {"inactive", Style::kDim, ""};
  if (status == "DRAINING") return {"draining", Style::kWarn, ""};
  const json* primary = primary_of(service);
  const long long running = number_in(service, "runningCount");
  const long long desired = number_in(service, "desiredCount");
  const std::string rollout = primary == nullptr ? "" : text_in(*primary, "rolloutState");
  if (rollout == "FAILED") return {"failed", Style::kBad, text_in(*primary, "rolloutStateReason")};
  if (list_in(service, "deployments").size() > 1 || rollout == "IN_PROGRESS")
    return {"deploying", Style::kWarn, newest_trouble(service)};
  if (running < desired) return {"starting", Style::kWarn, newest_trouble(service)};
  if (running > desired) return {"stopping", Style::kWarn, ""};
  return {"steady", Style::kGood, ""};
}

std::string event_words(std::string_view message, std::string_view service) {
  const std::string prefix = "(service " + std::string(service) + ") ";
  if (message.starts_with(prefix)) message.remove_prefix(prefix.size());
  return shortened_ids(message);
}

std::vector<StoryLine> story_of(const json& task, const json& service, std::string_view node) {
  return Story(task, service, node).tell();
}

std::string deployment_words(const json& service) {
  const json* primary = primary_of(service);
  if (primary == nullptr) return "no deployment";
  const long long desired = number_in(*primary, "desiredCount");
  std::string out = std::to_string(number_in(*primary, "runningCount")) + " of " + std::to_string(desired) +
                    " new tasks run";
  if (const long long pending = number_in(*primary, "pendingCount"); pending > 0)
    out += ", " + std::to_string(pending) + " pending";
  if (const long long failed = number_in(*primary, "failedTasks"); failed > 0)
    out += ", " + std::to_string(failed) + " failed";
  long long old = 0;
  for (const json& each : list_in(service, "deployments")) {
    if (&each != primary) old += number_in(each, "runningCount") + number_in(each, "pendingCount");
  }
  if (old > 0) out += ", " + std::to_string(old) + " old left";
  return out;
}

Outcome outcome_of(const json& service, std::string_view id) {
  const json* wanted = deployment_named(service, id);
  const json* primary = primary_of(service);
  // Another one is in its place: it was rolled back, or somebody deployed something else.
  if (wanted == nullptr || primary == nullptr) return Outcome::kGaveUp;
  if (text_in(*wanted, "rolloutState") == "FAILED" || wanted != primary) return Outcome::kGaveUp;
  const bool only = list_in(service, "deployments").size() == 1;
  const bool complete = text_in(*wanted, "rolloutState") == "COMPLETED";
  const bool counts = number_in(service, "runningCount") == number_in(service, "desiredCount");
  return only && complete && counts ? Outcome::kSteady : Outcome::kGoesOn;
}

}  // namespace agent::cli
