#include "agent/cli/commands/deploys/deploy.h"
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "agent/cli/commands/deploys/files.h"
#include "agent/cli/commands/deploys/follow.h"
#include "agent/cli/commands/deploys/verify.h"
#include "agent/cli/commands/look.h"
#include "agent/cli/deploy/plan.h"
#include "agent/cli/story/story.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

// Everything that one deployment is decided by.
struct Wanted {
  json service = json::object();     // of the file, {} when it says nothing
  json definition = json::object();  // likewise
  std::string name;                  // of the service; empty: only a task definition is registered
  json current_service;              // null: there is none
  json current_definition;           // null: there is none
  std::string revision;  // an existing one that the service is to run, where no definition is in the files
  DeployPlan plan;
};

bool looks_like_file(const std::string& word) {
  return word == "-" || word.find('/') != std::string::npos || word.find('.') != std::string::npos ||
         ::access(word.c_str(), R_OK) == 0;
}

Result<json> existing_service(Context& context, const std::string& name) {
  auto found = describe_services(context, {name});
  if (!found) return found.error();
  if (found->empty() || text_in(found->front(), "status") == "INACTIVE") return json();
  return found->front();
}

// The service's revision; of a family that nobody runs yet the newest one.
Result<json> existing_definition(Context& context, const Wanted& wanted) {
  std::string name =
      wanted.current_service.is_object() ? text_in(wanted.current_service, "taskDefinition") : "";
  const std::string family = text_in(wanted.definition, "family");
  if (!family.empty() && std::string(name_in(name)).substr(0, name_in(name).find(':')) != family)
    name = family;
  if (name.empty()) return json();
  auto found = task_definition(context, name);
  if (found) return found;
  return found.error().code() == "ClientException" ? Result<json>(json()) : found;
}

// What there is, and what the difference is.
Result<void> compare(Context& context, Wanted& wanted) {
  const std::string image = context.args.value("--image");
  if (!wanted.name.empty()) {
    auto service = existing_service(context, wanted.name);
    if (!service) return service.error();
    wanted.current_service = *std::move(service);
  }
  auto definition = existing_definition(context, wanted);
  if (!definition) return definition.error();
  wanted.current_definition = *std::move(definition);
  if (!image.empty()) {
    if (wanted.definition.empty() && !wanted.current_definition.is_object())
      return Error("usage", "--image: there is no task definition yet to change");
    if (wanted.definition.empty()) wanted.definition = definition_to_file(wanted.current_definition);
    if (auto set = set_image(wanted.definition, image); !set)
      return Error("setting_file", "--image: " + set.error().text());
  }
  if (!wanted.name.empty() && wanted.service.empty() && !wanted.current_service.is_object())
    return find_service(context, wanted.name).error();
  if (wanted.name.empty() && wanted.definition.empty())
    return Error("setting_file", "the files name no service and no task definition");
  if (wanted.name.empty()) {
    // Only a definition: compared with its family's newest revision.
    auto plan = plan_deployment(json::object(), wanted.definition, json::object(), wanted.current_definition);
    if (!plan) return Error("setting_file", plan.error().text());
    wanted.plan = *std::move(plan);
    wanted.plan.updates = false;
    return {};
  }
  auto plan =
      plan_deployment(wanted.service, wanted.definition, wanted.current_service, wanted.current_definition);
  if (!plan) return Error("setting_file", plan.error().text());
  wanted.plan = *std::move(plan);
  if (wanted.plan.creates && wanted.definition.empty() && wanted.revision.empty())
    return Error("setting_file", "service " + wanted.name + " is new and no file has its task definition");
  return {};
}

Result<void> read_wanted(Context& context, Wanted& wanted) {
  const auto& words = context.args.words;
  const std::string image = context.args.value("--image");
  wanted.name = context.args.value("--service");
  if (!looks_like_file(words.front())) {
    if (image.empty()) {
      return Error("usage", "'" + words.front() +
                                "' is no file that can be read; to change the image of the service " +
                                words.front() + " give --image IMAGE");
    }
    if (words.size() > 1) return Error("usage", "--image changes one service, not '" + words[1] + "' too");
    wanted.name = words.front();
    if (auto found = find_service(context, wanted.name); !found) return found.error();
  } else {
    auto files = read_deployment(context, words);
    if (!files) return files.error();
    wanted.service = files->service();
    wanted.definition = files->definition();
    if (wanted.name.empty()) wanted.name = files->service_name();
    if (!wanted.service.empty()) wanted.service["serviceName"] = wanted.name;
    const auto reference = wanted.service.find("taskDefinition");
    if (reference != wanted.service.end() && reference->is_string()) {
      // Next to a definition in the files it is its family's name, and says nothing more.
      if (wanted.definition.empty()) wanted.revision = reference->get<std::string>();
      wanted.service.erase(reference);
    }
  }
  return compare(context, wanted);
}

// A revision that was named and is another one than what runs is a change too.
Result<bool> changes_revision(Context& context, Wanted& wanted) {
  if (wanted.revision.empty()) return false;
  auto definition = task_definition(context, wanted.revision);
  if (!definition) return definition.error();
  wanted.revision = text_in(*definition, "taskDefinitionArn");
  return wanted.current_service.is_object() &&
         text_in(wanted.current_service, "taskDefinition") != wanted.revision;
}

std::string title(const char* verb, const std::string& what) { return std::string(verb) + " " + what; }

void show_plan(Context& context, const Wanted& wanted, bool other_revision) {
  Terminal& out = context.out;
  const Colour colour = out.colour();
  const std::string family = text_in(wanted.definition, "family");
  if (wanted.plan.registers) {
    const std::string now =
        wanted.current_definition.is_object()
            ? std::string(revision_in(text_in(wanted.current_definition, "taskDefinitionArn")))
            : "";
    out.line(out.painted(title("register", "a revision of " + family), Style::kBold) +
             (now.empty() ? ", its first" : ", compared with " + now));
    out.print(render(wanted.plan.definition, colour));
  }
  if (wanted.plan.creates) {
    out.line(out.painted(title("create", "service " + wanted.name), Style::kBold) + " in cluster " +
             context.cluster());
    out.print(render(wanted.plan.service, colour));
  } else if (wanted.plan.updates || other_revision) {
    const std::string now(revision_in(text_in(wanted.current_service, "taskDefinition")));
    out.line(out.painted(title("update", "service " + wanted.name), Style::kBold) +
             (wanted.plan.registers ? ", from " + now + " to the new revision"
              : other_revision      ? ", from " + now + " to " + std::string(revision_in(wanted.revision))
                                    : ""));
    out.print(render(wanted.plan.service, colour));
    if (wanted.plan.registers || other_revision) {
      const json& configuration = object_in(wanted.current_service, "deploymentConfiguration");
      const std::string strategy = text_in(configuration, "strategy");
      out.line("  " + std::to_string(number_in(wanted.current_service, "runningCount")) + " tasks run; " +
               (strategy.empty() ? "ROLLING" : strategy) + ": at least " +
               std::to_string(number_in(configuration, "minimumHealthyPercent")) + "%, at most " +
               std::to_string(number_in(configuration, "maximumPercent")) + "% of them at any time");
    }
  }
}

json plan_json(const Wanted& wanted, bool other_revision) {
  const auto list = [](const std::vector<Difference>& found) {
    json out = json::array();
    for (const Difference& each : found) {
      json one = json::object();
      one["path"] = each.path;
      one["before"] = each.before;
      one["after"] = each.after;
      out.push_back(std::move(one));
    }
    return out;
  };
  json out = json::object();
  out["service"] = wanted.name;
  out["registers"] = wanted.plan.registers;
  out["creates"] = wanted.plan.creates;
  out["updates"] = wanted.plan.updates || other_revision;
  out["taskDefinitionChanges"] = list(wanted.plan.definition);
  out["serviceChanges"] = list(wanted.plan.service);
  return out;
}

Result<int> plan(Context& context) {
  Wanted wanted;
  if (auto read = read_wanted(context, wanted); !read) return read.error();
  auto other = changes_revision(context, wanted);
  if (!other) return other.error();
  const bool changes = !wanted.plan.nothing() || *other;
  if (context.out.json()) {
    context.out.line(shared::json::to_pretty_text(plan_json(wanted, *other)));
  } else if (changes) {
    show_plan(context, wanted, *other);
  } else {
    context.out.line("nothing to change: " +
                     (wanted.name.empty() ? text_in(wanted.definition, "family") : "service " + wanted.name) +
                     " is as the file says");
  }
  return changes ? kFailed : kDone;
}

std::string newest_deployment(const json& service) {
  for (const json& each : list_in(service, "deployments"))
    if (text_in(each, "status") == "PRIMARY") return text_in(each, "id");
  return "";
}

Result<int> carry_out(Context& context, Wanted& wanted) {
  auto other = changes_revision(context, wanted);
  if (!other) return other.error();
  auto limit = timeout_of(context);
  if (!limit) return limit.error();
  const bool force = context.args.has("--force");
  const std::string what =
      wanted.name.empty() ? text_in(wanted.definition, "family") : "service " + wanted.name;
  if (wanted.plan.nothing() && !*other && !force) {
    context.out.line("nothing to change: " + what +
                     " is as the file says; --force replaces its tasks all the same");
    if (wanted.name.empty() || context.args.has("--no-wait")) return kDone;
    return follow_deployment(context, wanted.name, "", wanted.current_service, *limit);
  }
  if (!context.out.json()) show_plan(context, wanted, *other);
  if (!wanted.name.empty() && !context.args.has("--no-verify")) {
    auto problems = problems_of(context, wanted.service.empty() ? wanted.current_service : wanted.service,
                                wanted.definition.empty() ? wanted.current_definition : wanted.definition);
    if (!problems) return problems.error();
    for (const std::string& each : *problems) context.out.note("berth: " + each);
    if (!problems->empty())
      return Error("deployment_refused", "nothing was changed; --no-verify deploys all the same");
  }
  std::string revision = wanted.revision;
  if (wanted.plan.registers) {
    auto registered = context.api().ecs("RegisterTaskDefinition", wanted.definition);
    if (!registered) return registered.error();
    revision = text_in(object_in(*registered, "taskDefinition"), "taskDefinitionArn");
    context.out.note("registered " + std::string(revision_in(revision)));
  }
  if (wanted.name.empty()) return kDone;
  json input = wanted.plan.creates ? wanted.service : update_of(wanted.service);
  input["cluster"] = context.cluster();
  if (revision.empty() && wanted.plan.creates)
    revision = text_in(wanted.current_definition, "taskDefinitionArn");
  if (!revision.empty()) input["taskDefinition"] = revision;
  if (!wanted.plan.creates) {
    input["service"] = wanted.name;
    if (force) input["forceNewDeployment"] = true;
  }
  auto changed = context.api().ecs(wanted.plan.creates ? "CreateService" : "UpdateService", input);
  if (!changed) return changed.error();
  const std::string id = newest_deployment(object_in(*changed, "service"));
  if (context.args.has("--no-wait")) {
    if (context.out.json())
      return context.out.line(shared::json::to_pretty_text(object_in(*changed, "service"))) ? kDone : kFailed;
    context.out.line("deployment " + id + " is under way; `berth wait " + wanted.name + "` follows it");
    return kDone;
  }
  auto code = follow_deployment(context, wanted.name, id, wanted.current_service, *limit);
  if (code && context.out.json()) {
    if (auto service = find_service(context, wanted.name))
      context.out.line(shared::json::to_pretty_text(*service));
  }
  return code;
}

}  // namespace

Result<int> run_deploy(Context& context) {
  Wanted wanted;
  if (auto read = read_wanted(context, wanted); !read) return read.error();
  return carry_out(context, wanted);
}

Result<int> run_plan(Context& context) { return plan(context); }

Result<int> deploy_document(Context& context, const json& service, const json& definition) {
  Wanted wanted;
  wanted.service = service;
  wanted.definition = definition;
  wanted.name = text_in(service, "serviceName");
  if (auto compared = compare(context, wanted); !compared) return compared.error();
  return carry_out(context, wanted);
}

}  // namespace agent::cli
