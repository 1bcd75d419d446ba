#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/cli/compose/compose.h"
#include "agent/cli/compose/container.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

Error compose_error(std::string text) { return Error("document", std::move(text), shared::Blame::kClient); }

// Which compose service waits for which, and until what.
std::vector<std::pair<std::string, std::string>> dependencies_of(const json& service) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto it = service.find("depends_on");
  if (it == service.end()) return out;
  if (it->is_array()) {
    for (const json& each : *it)
      if (each.is_string()) out.emplace_back(each.get<std::string>(), "service_started");
  } else if (it->is_object()) {
    for (const auto& [name, how] : it->items())
      out.emplace_back(name, how.is_object() ? how.value("condition", "service_started") : "service_started");
  }
  return out;
}

// Those that others wait for first; by name among equals.
Result<std::vector<std::string>> ordered(const json& services) {
  std::vector<std::string> out;
  std::set<std::string> done;
  std::set<std::string> open;
  const auto visit = [&](const auto& self, const std::string& name) -> Result<void> {
    if (done.contains(name)) return {};
    if (!open.insert(name).second)
      return compose_error("services." + name + ".depends_on: leads back to itself");
    for (const auto& [other, condition] : dependencies_of(services[name])) {
      if (!services.contains(other))
        return compose_error("services." + name + ".depends_on: there is no service '" + other + "'");
      if (auto visited = self(self, other); !visited) return visited;
    }
    open.erase(name);
    done.insert(name);
    out.push_back(name);
    return {};
  };
  for (const auto& [name, service] : services.items())
    if (auto visited = visit(visit, name); !visited) return visited.error();
  return out;
}

std::string condition_word(const std::string& condition) {
  if (condition == "service_healthy") return "HEALTHY";
  if (condition == "service_completed_successfully") return "SUCCESS";
  return "START";
}

class Importer {
 public:
  Importer(const json& file, std::string project, ComposeResult& result)
      : file_(file), project_(std::move(project)), result_(result) {}

  Result<void> run() {
    const auto services = file_.find("services");
    if (services == file_.end() || !services->is_object() || services->empty())
      return compose_error("is no compose file: it has no services");
    for (const auto& [name, value] : file_.items()) {
      if (name == "services" || name == "volumes" || name == "name" || name.starts_with("x-")) continue;
      if (name == "version") {
        note(Carried::kYes, "", name, "says nothing any more");
      } else if (name == "networks") {
        note(Carried::kNo, "", name,
             "tasks are on their host's bridge; containers of one task reach each other by links, services "
             "by a load balancer's listener");
      } else if (name == "secrets" || name == "configs") {
        note(Carried::kNo, "", name,
             "there are no files of secrets here: put them into Secrets Manager or a parameter and name "
             "these in `secrets` of the container");
      } else {
        note(Carried::kNo, "", name, "is not known");
      }
    }
    auto order = ordered(*services);
    if (!order) return order.error();
    group(*services, *order);
    for (const auto& [task, members] : tasks_)
      if (auto made = make(*services, task, members); !made) return made;
    return {};
  }

 private:
  void note(Carried carried, const std::string& service, const std::string& member, const std::string& what) {
    result_.notes.push_back({carried, service, member, what});
  }

  static std::string task_of(const std::string& name, const json& service) {
    const auto own = service.find("x-berth");
    return own != service.end() && own->is_object() ? own->value("task", name) : name;
  }

  // Services with the same x-berth.task become containers of one task.
  void group(const json& services, const std::vector<std::string>& order) {
    for (const std::string& name : order) {
      const std::string task = task_of(name, services[name]);
      const auto there =
          std::find_if(tasks_.begin(), tasks_.end(), [&](const auto& each) { return each.first == task; });
      if (there == tasks_.end()) {
        tasks_.emplace_back(task, std::vector<std::string>{name});
      } else {
        there->second.push_back(name);
      }
    }
  }

  Result<void> make(const json& services, const std::string& task, const std::vector<std::string>& members) {
    json definition = {{"family", project_.empty() ? task : project_ + "-" + task}};
    definition["networkMode"] = "bridge";
    definition["containerDefinitions"] = json::array();
    json service = {{"serviceName", task}};
    service["desiredCount"] = 1;
    json volumes = json::array();
    for (const std::string& name : members) {
      const json& from = services[name];
      if (!from.is_object()) return compose_error("services." + name + ": must be a mapping");
      ContainerImport import(name, from, result_.notes);
      auto container = import.run(volumes, service, definition, file_);
      if (!container) return container.error();
      depends(name, from, members, *container);
      for (ComposePort port : import.ports()) {
        port.service = task;
        result_.ports.push_back(std::move(port));
      }
      definition["containerDefinitions"].push_back(*std::move(container));
    }
    spare_jobs(services, members, definition["containerDefinitions"]);
    if (!volumes.empty()) definition["volumes"] = std::move(volumes);
    json document = {{"service", std::move(service)}};
    document["taskDefinition"] = std::move(definition);
    result_.documents().push_back(std::move(document));
    return {};
  }

  // Another container waits for this one's end: it must not take the task with it.
  static void spare_jobs(const json& services, const std::vector<std::string>& members, json& containers) {
    for (const std::string& name : members)
      for (const auto& [other, condition] : dependencies_of(services[name]))
        if (condition == "service_completed_successfully")
          for (json& each : containers)
            if (each["name"] == other) each["essential"] = false;
  }

  // In one task ECS waits itself; between services they are deployed one after the other.
  void depends(const std::string& name, const json& from, const std::vector<std::string>& members,
               json& container) {
    json inside = json::array();
    for (const auto& [other, condition] : dependencies_of(from)) {
      if (std::find(members.begin(), members.end(), other) == members.end()) {
        note(Carried::kChanged, name, "depends_on." + other,
             "services are deployed in this order, each steady before the next; a restart later waits for "
             "nobody");
        continue;
      }
      json one = {{"containerName", other}};
      one["condition"] = condition_word(condition);
      inside.push_back(std::move(one));
      note(Carried::kYes, name, "depends_on." + other, "dependsOn " + condition_word(condition));
    }
    if (!inside.empty()) container["dependsOn"] = std::move(inside);
  }

  const json& file_;
  std::string project_;
  ComposeResult& result_;
  std::vector<std::pair<std::string, std::vector<std::string>>> tasks_;
};

}  // namespace

struct ComposeResult::State {
  json documents = json::array();
};

ComposeResult::ComposeResult() : state_(std::make_unique<State>()) {}
ComposeResult::ComposeResult(ComposeResult&&) noexcept = default;
ComposeResult& ComposeResult::operator=(ComposeResult&&) noexcept = default;
ComposeResult::~ComposeResult() = default;
json& ComposeResult::documents() { return state_->documents; }
const json& ComposeResult::documents() const { return state_->documents; }

Result<ComposeResult> import_compose(const json& file, const std::string& project) {
  ComposeResult result;
  if (auto done = Importer(file, project, result).run(); !done) return done.error();
  return result;
}

}  // namespace agent::cli
