// events, why: what has happened.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/look.h"
#include "agent/cli/story/story.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Result;

namespace {

constexpr shared::Millis kEventsPause{1'000};  // between two looks of -f

struct Event {
  shared::WallTime at{};
  std::string service, id, message;
};

Result<std::vector<Event>> events_of(Context& context, const std::vector<std::string>& names) {
  json services = json::array();
  if (names.empty()) {
    auto all = all_services(context);
    if (!all) return all.error();
    services = *std::move(all);
  }
  for (const std::string& name : names) {
    auto found = find_service(context, name);
    if (!found) return found.error();
    services.push_back(*std::move(found));
  }
  std::vector<Event> events;
  for (const json& service : services) {
    for (const json& each : list_in(service, "events")) {
      const auto at = time_in(each, "createdAt");
      if (at)
        events.push_back(
            {*at, text_in(service, "serviceName"), text_in(each, "id"), text_in(each, "message")});
    }
  }
  // Newest first in each service; of one time they stay in their order.
  std::reverse(events.begin(), events.end());
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  return events;
}

bool show_event(Context& context, const Event& event, std::size_t width) {
  Terminal& out = context.out;
  if (out.json()) {
    return out.line(shared::json::to_text(json{{"createdAt", shared::epoch_seconds(event.at)},
                                               {"service", event.service},
                                               {"id", event.id},
                                               {"message", event.message}}));
  }
  std::string service = event.service;
  service.resize(std::max(width, service.size()), ' ');
  std::size_t colour = 0;
  for (const char c : event.service) colour = colour * 31 + static_cast<unsigned char>(c);
  const std::string words = harmless(event_words(event.message, event.service));
  const bool bad = words.find("unable") != std::string::npos || words.find("failed") != std::string::npos ||
                   words.find("unhealthy") != std::string::npos;
  const bool good = words.find("steady") != std::string::npos || words.find("completed") != std::string::npos;
  return out.line(out.painted(date_text(event.at), Style::kDim) + "  " +
                  paint_nth(service, colour, out.colour()) + "  " +
                  out.painted(words, bad    ? Style::kBad
                                     : good ? Style::kGood
                                            : Style::kPlain));
}

Result<int> events(Context& context) {
  auto since = context.args.duration("--since");
  if (!since) return since.error();
  auto tail = context.args.integer("--tail", 0, 1'000'000);
  if (!tail) return tail.error();
  const bool follow = context.args.has("--follow");
  std::set<std::string> seen;
  bool first = true;
  do {
    auto found = events_of(context, context.args.words);
    if (!found) {
      // A control that restarts is waited for.
      if (first || !is_access_error(found.error())) return found.error();
      context.out.progress("waiting for control: " + found.error().text());
      continue;
    }
    if (first && *since) {
      const shared::WallTime from = context.api().now() - **since;
      std::erase_if(*found, [&](const Event& each) { return each.at < from; });
    }
    if (first) {
      const auto most = static_cast<std::size_t>(tail->value_or(follow && !*since ? 20 : 1'000'000));
      for (std::size_t i = 0; i + most < found->size(); ++i) seen.insert((*found)[i].id);
    }
    std::size_t width = 0;
    for (const Event& each : *found) width = std::max(width, each.service.size());
    for (const Event& each : *found) {
      if (seen.insert(each.id).second && !show_event(context, each, width)) return kDone;
    }
    first = false;
  } while (follow && context.api().wait(kEventsPause));
  return kDone;
}

// ---- why ----

Result<void> tell_of_now(Context& context, const json& task, const json& service) {
  Terminal& out = context.out;
  const std::string last = text_in(task, "lastStatus");
  for (const json& each : list_in(service, "loadBalancers")) {
    if (last == "STOPPED") break;
    const std::string arn = text_in(each, "targetGroupArn");
    auto health = target_health(context, arn);
    if (!health) return health.error();
    std::set<long long> ports;
    for (const json& container : list_in(task, "containers"))
      for (const json& binding : list_in(container, "networkBindings"))
        ports.insert(number_in(binding, "hostPort"));
    for (const json& target : *health) {
      if (!ports.contains(number_in(object_in(target, "Target"), "Port"))) continue;
      const json& state = object_in(target, "TargetHealth");
      const std::string word = text_in(state, "State");
      const std::string why = text_in(state, "Description");
      out.line("  now     target " + text_in(object_in(target, "Target"), "Id") + ":" +
               text_in(object_in(target, "Target"), "Port") + " of " + elb_name(arn) + " is " +
               out.painted(word, style_of_state(word)) + (why.empty() ? "" : ": " + harmless(why)));
    }
  }
  for (const json& container : list_in(task, "containers")) {
    const std::string health = text_in(container, "healthStatus");
    if (health.empty() || health == "UNKNOWN" || last == "STOPPED") continue;
    out.line("  now     container " + text_in(container, "name") + " is " +
             out.painted(health, style_of_state(health)));
  }
  return {};
}

// Why tasks of a service do not run: its events of trouble and how its last tasks ended.
Result<int> why_service(Context& context, const json& service) {
  Terminal& out = context.out;
  const std::string name = text_in(service, "serviceName");
  const ServiceState state = state_of_service(service);
  out.line(out.painted(name, Style::kBold) + "  " + out.painted(state.word, state.style) + "  " +
           deployment_words(service));
  if (!state.why.empty()) out.line("  " + harmless(state.why));
  auto stopped = tasks_of(context, name, Tasks::kStopped);
  if (!stopped) return stopped.error();
  Table table({{"TASK"},
               {"REVISION", Align::kLeft, false, 10, 2},
               {"ENDED", Align::kRight},
               {"WHY", Align::kLeft, false, 20, 0}});
  const std::size_t most = 10;
  for (std::size_t i = stopped->size() > most ? stopped->size() - most : 0; i < stopped->size(); ++i) {
    const json& each = (*stopped)[i];
    const auto at = time_in(each, "stoppedAt");
    table.add({{short_id(text_in(each, "taskArn"))},
               {std::string(revision_in(text_in(each, "taskDefinitionArn")))},
               {at ? age(context.api().now() - *at) + " ago" : ""},
               {end_of_task(each)}});
  }
  if (!table.empty()) out.print("\n" + table.render(out.look()));
  return state.word == "failed" ? kFailed : kDone;
}

Result<int> why(Context& context) {
  auto task = find_task(context, context.args.word(0));
  if (!task) {
    if (task.error().code() != "not_found") return task.error();
    auto service = find_service(context, context.args.word(0));
    if (!service) return task.error();
    return why_service(context, *service);
  }
  json service = json();
  if (const std::string name = service_of_task(*task); !name.empty()) {
    if (auto found = find_service(context, name)) service = *std::move(found);
  }
  std::string node;
  if (const std::string arn = text_in(*task, "containerInstanceArn"); !arn.empty()) {
    auto nodes = describe_nodes(context, {arn});
    if (nodes && !nodes->empty()) node = node_name(nodes->front());
  }
  const auto lines = story_of(*task, service, node);
  Terminal& out = context.out;
  if (out.json()) {
    json told = json::array();
    for (const StoryLine& each : lines)
      told.push_back(json{{"at", shared::epoch_seconds(each.at)}, {"text", each.text}});
    return out.line(shared::json::to_pretty_text(told)) ? kDone : kFailed;
  }
  const std::string state = state_of_task(*task);
  out.line(out.painted(std::string(name_in(text_in(*task, "taskArn"))), Style::kBold) + "  " +
           std::string(revision_in(text_in(*task, "taskDefinitionArn"))) + "  " +
           out.painted(state, style_of_state(state)));
  const shared::WallTime begin = lines.empty() ? shared::WallTime() : lines.front().at;
  for (const StoryLine& each : lines) {
    std::string since = "+" + span(each.at - begin);
    since.resize(std::max<std::size_t>(since.size(), 8), ' ');
    out.line("  " + clock_millis(each.at) + "  " + out.painted(since, Style::kDim) + "  " +
             out.painted(harmless(each.text), each.style));
  }
  if (service.is_object()) {
    if (auto told = tell_of_now(context, *task, service); !told) return told.error();
  }
  return kDone;
}

}  // namespace

std::vector<Command> event_commands() {
  return {
      {"events",
       "Look",
       "[SERVICE...]",
       "What services say of themselves, in the order of its time",
       "Times are UTC. Control keeps the newest 100 events of each service.",
       {{"--follow", "", "go on with what happens", 'f'},
        {"--since", "TIME", "not older than this, such as 10m or 2h", 0},
        {"--tail", "N", "only the last N of those that there are (20 with -f)", 'n'}},
       0,
       20,
       Completes::kService,
       Reach::kApi,
       events},
      {"why",
       "Look",
       "TASK|SERVICE",
       "The story of a task: placed, pulled, started, out of the balancers, signalled, ended",
       "TASK is an id or its beginning. Times are UTC. For a service: what keeps it from being steady and "
       "how its last tasks ended.",
       {},
       1,
       1,
       Completes::kServiceOrTask,
       Reach::kApi,
       why},
  };
}

}  // namespace agent::cli
