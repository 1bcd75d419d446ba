// Policies of repositories, which are kept and shown and decide nothing, and tags.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/ecr/request.h"
#include "agent/api/json/tags.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/tag_rules.h"

namespace agent::api::ecr {

using control::fault;
using nlohmann::json;
using shared::Result;

namespace {

struct Kind {
  const char* member;   // in requests and answers
  const char* missing;  // the error
  const char* noun;
  std::string model::Repository::*text;
  std::size_t most;
};
constexpr Kind kPolicy{"policyText", "RepositoryPolicyNotFoundException", "Repository policy",
                       &model::Repository::policy, 10'240};
constexpr Kind kLifecycle{"lifecyclePolicyText", "LifecyclePolicyNotFoundException", "Lifecycle policy",
                          &model::Repository::lifecycle, 30'720};

json shown(const Context& at, const model::Repository& row, const Kind& kind, const std::string& text) {
  return json{{"registryId", at.step.settings.account}, {"repositoryName", row.name}, {kind.member, text}};
}

Answer put(const Context& at, In in, const Kind& kind) {
  const auto found = repository_in(at, in);
  if (!found) return found.error();
  const std::string text = in.required_string(kind.member);
  if (!in.ok()) return in.error();
  const auto parsed = shared::json::parse(text);
  if (text.size() > kind.most || !parsed || !parsed->is_object())
    return invalid(std::string(kind.member) + ": must be a JSON object of at most " +
                   std::to_string(kind.most) + " characters.");
  model::Repository row = **found;
  row.*kind.text = text;
  registry::set_repository(at.step, row);
  return shown(at, row, kind, text);
}

Answer get(const Context& at, In in, const Kind& kind, bool erase) {
  const auto found = repository_in(at, in);
  if (!found) return found.error();
  const std::string text = (*found)->*kind.text;
  if (text.empty())
    return fault(kind.missing, std::string(kind.noun) + " does not exist for the repository with name '" +
                                   (*found)->name + "' in the registry with id '" + at.step.settings.account +
                                   "'");
  model::Repository row = **found;
  if (erase) {
    (row.*kind.text).clear();
    registry::set_repository(at.step, row);
  }
  return shown(at, row, kind, text);
}

Answer set_repository_policy(const Context& at, In in) { return put(at, in, kPolicy); }
Answer get_repository_policy(const Context& at, In in) { return get(at, in, kPolicy, false); }
Answer delete_repository_policy(const Context& at, In in) { return get(at, in, kPolicy, true); }
Answer put_lifecycle_policy(const Context& at, In in) { return put(at, in, kLifecycle); }
Answer get_lifecycle_policy(const Context& at, In in) { return get(at, in, kLifecycle, false); }
Answer delete_lifecycle_policy(const Context& at, In in) { return get(at, in, kLifecycle, true); }

Result<const model::Repository*> repository_with_arn(const Context& at, In in) {
  const std::string arn = in.required_string("resourceArn");
  if (!in.ok()) return in.error();
  const std::string prefix = registry::repository_arn(at.step.settings, "");
  if (!arn.starts_with(prefix)) return invalid("resourceArn: is not the ARN of a repository here.");
  return registry::find_repository(at.step, arn.substr(prefix.size()));
}

Answer list_tags_for_resource(const Context& at, In in) {
  const auto row = repository_with_arn(at, in);
  if (!row) return row.error();
  return json{{"tags", encode_tags((*row)->tags)}};
}

Answer tag_resource(const Context& at, In in) {
  const auto row = repository_with_arn(at, in);
  if (!row) return row.error();
  const auto more = read_tags(in, "tags");
  if (!in.ok()) return in.error();
  const std::string name = (*row)->name;
  if (auto done = registry::set_repository_tags(at.step, name, control::merge_tags((*row)->tags, more));
      !done)
    return done.error();
  return json::object();
}

Answer untag_resource(const Context& at, In in) {
  const auto row = repository_with_arn(at, in);
  if (!row) return row.error();
  const auto keys = in.strings_or_empty("tagKeys");
  if (!in.ok()) return in.error();
  auto tags = (*row)->tags;
  std::erase_if(tags, [&](const model::Tag& tag) {
    return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
  });
  const std::string name = (*row)->name;
  if (auto done = registry::set_repository_tags(at.step, name, std::move(tags)); !done) return done.error();
  return json::object();
}

constexpr auto kPolicyOperations = std::to_array<Operation>({
    {"DeleteLifecyclePolicy", delete_lifecycle_policy},
    {"DeleteRepositoryPolicy", delete_repository_policy},
    {"GetLifecyclePolicy", get_lifecycle_policy},
    {"GetRepositoryPolicy", get_repository_policy},
    {"ListTagsForResource", list_tags_for_resource},
    {"PutLifecyclePolicy", put_lifecycle_policy},
    {"SetRepositoryPolicy", set_repository_policy},
    {"TagResource", tag_resource},
    {"UntagResource", untag_resource},
});

}  // namespace

std::span<const Operation> policy_operations() { return kPolicyOperations; }

}  // namespace agent::api::ecr
