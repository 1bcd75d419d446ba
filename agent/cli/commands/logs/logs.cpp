// logs: what containers write, of all tasks of a service together.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/logs/log_reader.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr shared::Millis kLogsPause{1'000};
constexpr shared::Millis kOverlap{10'000};  // lines may come so much later than they are old
constexpr std::size_t kUsualTail = 100;

bool is_service(Context& context, const std::string& name, std::string& service) {
  auto found = describe_services(context, {name});
  if (!found || found->empty()) return false;
  service = text_in(found->front(), "serviceName");
  return true;
}

struct Followed {
  std::string service;  // empty: one task
  json tasks = json::array();
};

// The last one that ended of a service, or all that are live.
Result<json> wanted_tasks(Context& context, const std::string& service, bool previous) {
  if (!previous) {
    auto all = tasks_of(context, service, Tasks::kAll);
    if (!all || context.args.has("--all")) return all;
    json live = json::array();
    for (const json& each : *all) {
      if (text_in(each, "lastStatus") != "STOPPED") live.push_back(each);
    }
    return live;
  }
  auto stopped = tasks_of(context, service, Tasks::kStopped);
  if (!stopped) return stopped;
  json last = json::array();
  for (const json& each : *stopped) {
    if (text_in(each, "lastStatus") != "STOPPED") continue;
    if (last.empty() || time_in(each, "stoppedAt") >= time_in(last.front(), "stoppedAt"))
      last = json::array({each});
  }
  if (last.empty()) return Error("not_found", "no task of service " + service + " has stopped");
  return last;
}

class Printer {
 public:
  explicit Printer(Context& context) : context_(context) {}
  // The tasks seen so far decide how wide the prefix is and whether it names containers.
  void expect(const LogStream& stream) { containers_.insert(stream.container); }

  bool print(const LogLine& line) {
    Terminal& out = context_.out;
    if (out.json()) {
      return out.line(shared::json::to_text(json{{"at", shared::epoch_seconds(line.at)},
                                                 {"task", line.from.task},
                                                 {"container", line.from.container},
                                                 {"message", line.text}}));
    }
    const auto colour = colours_.emplace(line.from.task + line.from.container, colours_.size()).first->second;
    const std::string prefix =
        short_id(line.from.task) + (containers_.size() > 1 ? "/" + line.from.container : "");
    std::string text;
    if (context_.args.has("--timestamps")) text = out.painted(date_text(line.at), Style::kDim) + "  ";
    if (!context_.args.has("--no-prefix")) text += paint_nth(prefix, colour, out.colour()) + "  ";
    // Applications' own colours are theirs to write; nothing else that would change the terminal is.
    return out.line(text + harmless(line.text));
  }

 private:
  Context& context_;
  std::set<std::string> containers_;
  std::map<std::string, std::size_t> colours_;
};

Result<int> logs(Context& context) {
  const std::string name = context.args.word(0);
  auto since = context.args.duration("--since");
  if (!since) return since.error();
  auto tail = context.args.integer("--tail", 0, 10'000);
  if (!tail) return tail.error();
  const bool follow = context.args.has("--follow");
  const bool previous = context.args.has("--previous");
  if (follow && previous)
    return Error("usage", "--previous is of a task that has ended: there is nothing to --follow");
  Followed what;
  if (is_service(context, name, what.service)) {
    auto tasks = wanted_tasks(context, what.service, previous);
    if (!tasks) return tasks.error();
    what.tasks = *std::move(tasks);
  } else {
    auto task = find_task(context, name);
    if (!task && task.error().code() != "not_found") return task.error();
    if (!task) return find_service(context, name).error();  // which names the nearest service
    what.tasks.push_back(*std::move(task));
  }
  const std::string container = context.args.value("--container");
  LogReader reader(context);
  Printer printer(context);
  std::set<std::string> known;
  bool told = false;
  const auto take_in = [&](const json& tasks) -> Result<bool> {
    json fresh = json::array();
    for (const json& each : tasks) {
      if (known.insert(text_in(each, "taskArn")).second) fresh.push_back(each);
    }
    auto sources = sources_of_tasks(context, fresh, container);
    if (!sources) return sources.error();
    for (const LogStream& each : sources->streams) {
      reader.add(each);
      printer.expect(each);
    }
    if (!told) {
      for (const std::string& each : sources->without)
        context.out.note("berth: " + each +
                         ": its lines are on its host (docker logs), not in CloudWatch Logs");
      told = told || !sources->without.empty();
    }
    return !sources->streams.empty() || !sources->without.empty();
  };
  auto some = take_in(what.tasks);
  if (!some) return some.error();
  if (!*some && !container.empty() && !what.tasks.empty())
    return Error("not_found", "there is no container '" + container + "' in these tasks");
  if (what.tasks.empty() && !follow) {
    context.out.note("service " + what.service +
                     " has no tasks that run; --previous shows the last one that ended, --all all of them");
    return kDone;
  }
  if (reader.empty() && !follow) return told ? kFailed : kDone;
  const shared::WallTime now = context.api().now();
  // With --since everything from then on, otherwise the last lines.
  auto lines =
      *since ? reader.read(now - **since) : reader.last(static_cast<std::size_t>(tail->value_or(kUsualTail)));
  if (!lines) return lines.error();
  if (*since && *tail && lines->size() > static_cast<std::size_t>(**tail))
    lines->erase(lines->begin(), lines->end() - static_cast<std::ptrdiff_t>(**tail));
  for (const LogLine& each : *lines) {
    if (!printer.print(each)) return kDone;
  }
  if (!follow) return kDone;
  shared::WallTime from = lines->empty() ? now : std::min(now, lines->back().at);
  std::set<std::string> shown;
  if (!*since) {
    // GetLogEvents has no ids: what was shown is told apart by what it says.
    for (const LogLine& each : *lines)
      shown.insert(each.from.stream + std::to_string(shared::epoch_millis(each.at)) + each.text);
  }
  while (context.api().wait(kLogsPause)) {
    if (!what.service.empty()) {
      auto tasks = wanted_tasks(context, what.service, false);
      if (tasks) {
        if (auto taken = take_in(*tasks); !taken) return taken.error();
      } else if (!is_access_error(tasks.error())) {
        return tasks.error();
      }
    }
    auto more = reader.read(from);
    if (!more) {
      if (!is_access_error(more.error())) return more.error();
      context.out.progress("waiting for control: " + more.error().text());
      continue;
    }
    for (const LogLine& each : *more) {
      if (shown.contains(each.from.stream + std::to_string(shared::epoch_millis(each.at)) + each.text))
        continue;
      if (!printer.print(each)) return kDone;
    }
    from = std::max(from, context.api().now() - kOverlap);
  }
  return kDone;
}

}  // namespace

std::vector<Command> log_commands() {
  return {{"logs",
           "Look",
           "SERVICE|TASK",
           "What containers write, all tasks of a service together",
           "Lines come from CloudWatch Logs, so from containers whose log driver is awslogs; of others it is "
           "said that theirs are on their host. "
           "A line\nbegins with its task, and with its container where there are several.",
           {{"--follow", "", "go on with what comes, also of tasks that start", 'f'},
            {"--previous", "", "of the task that ended last", 'p'},
            {"--since", "TIME", "not older than this, such as 5m", 0},
            {"--tail", "N", "only the last N lines (100 without --since)", 'n'},
            {"--container", "NAME", "only this container", 'c'},
            {"--all", "", "of stopped tasks too", 'a'},
            {"--timestamps", "", "each line with its time (UTC)", 't'},
            {"--no-prefix", "", "without the task", 0}},
           1,
           1,
           Completes::kServiceOrTask,
           Reach::kApi,
           logs}};
}

}  // namespace agent::cli
