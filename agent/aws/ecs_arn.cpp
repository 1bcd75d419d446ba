// The ECS half of arn.h.
#include <algorithm>
#include <array>
#include <charconv>

#include "agent/aws/arn.h"
#include "shared/base/text.h"

namespace agent::aws {

using shared::Blame;
using shared::Error;
using shared::Result;

namespace {

constexpr std::size_t kMaxNameLength = 255;

struct EcsRow {
  EcsKind kind;
  std::string_view word;   // in the ARN
  std::string_view label;  // in errors
  std::size_t min_parts;   // after the word
  std::size_t max_parts;
};

constexpr std::array kEcsRows = {
    EcsRow{EcsKind::kCluster, "cluster", "cluster", 1, 1},
    EcsRow{EcsKind::kService, "service", "service", 1, 2},
    EcsRow{EcsKind::kTask, "task", "task", 1, 2},
    EcsRow{EcsKind::kContainer, "container", "container", 1, 3},
    EcsRow{EcsKind::kContainerInstance, "container-instance", "container instance", 1, 2},
    EcsRow{EcsKind::kTaskDefinition, "task-definition", "task definition", 1, 1},
    EcsRow{EcsKind::kCapacityProvider, "capacity-provider", "capacity provider", 1, 1},
    EcsRow{EcsKind::kTaskSet, "task-set", "task set", 4, 4},
    EcsRow{EcsKind::kServiceDeployment, "service-deployment", "service deployment", 3, 3},
    EcsRow{EcsKind::kServiceRevision, "service-revision", "service revision", 3, 3},
    EcsRow{EcsKind::kAttachment, "attachment", "attachment", 2, 2},
    EcsRow{EcsKind::kDaemon, "daemon", "daemon", 2, 2},
};

const EcsRow& ecs_row(EcsKind kind) { return kEcsRows[static_cast<std::size_t>(kind)]; }

Error invalid(std::string text) {
  return Error("InvalidParameterException", std::move(text), Blame::kClient);
}

std::string quoted(std::string_view text) { return "'" + shared::shortened(text, kQuotedArnBytes) + "'"; }

// ECS's own text for a region; the others are worded like its text for a cluster.
std::optional<Error> foreign_part(const Realm& realm, const Arn& arn, std::string_view text) {
  if (arn.region != realm.region) {
    return invalid("Invalid Region in ARN: " + quoted(text) + " is not of " + realm.region + ".");
  }
  if (arn.account != realm.account) {
    return invalid("Invalid identifier: " + quoted(text) + " is of another account. Your account is " +
                   realm.account);
  }
  if (arn.partition != realm.partition) {
    return invalid("Invalid identifier: " + quoted(text) + " is of another partition. Your partition is " +
                   realm.partition);
  }
  return std::nullopt;
}

// The parts of an ARN of that one kind, or the text itself as the only part.
Result<std::vector<std::string>> parts_of(const Realm& realm, EcsKind kind, std::string_view text) {
  if (looks_like_arn(text)) {
    auto resource = parse_ecs_arn(realm, text);
    if (!resource) return resource.error();
    if (resource->kind == kind) return std::move(resource->parts);
    return invalid("Invalid identifier: " + quoted(text) + " is not the ARN of a " +
                   std::string(ecs_row(kind).label) + ".");
  }
  if (text.empty() || text.find('/') != std::string_view::npos || text.size() > kMaxNameLength) {
    return invalid("Invalid identifier: " + quoted(text) + " is neither the name nor the ARN of a " +
                   std::string(ecs_row(kind).label) + ".");
  }
  return std::vector<std::string>{std::string(text)};
}

}  // namespace

std::string ecs_arn(const Realm& realm, EcsKind kind, std::string_view name) {
  std::string resource(ecs_row(kind).word);
  resource.append("/").append(name);
  return to_string({realm.partition, "ecs", realm.region, realm.account, std::move(resource)});
}

std::string_view name_in(EcsKind kind, std::string_view arn) {
  constexpr int kColonsBefore = 5;  // the resource
  if (!looks_like_arn(arn)) return {};
  for (int i = 0; i < kColonsBefore; ++i) {
    const std::size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return {};
    arn.remove_prefix(colon + 1);
  }
  const std::string_view word = ecs_row(kind).word;
  if (!arn.starts_with(word)) return {};
  arn.remove_prefix(word.size());
  return arn.starts_with('/') ? arn.substr(1) : std::string_view();
}

Result<EcsResource> parse_ecs_arn(const Realm& realm, std::string_view text) {
  const auto arn = parse_arn(text);
  if (!arn || arn->service != "ecs")
    return invalid("Invalid identifier: " + quoted(text) + " is not an ECS ARN.");
  if (auto foreign = foreign_part(realm, *arn, text)) return *std::move(foreign);
  std::vector<std::string> parts;
  std::string_view rest = arn->resource;
  while (true) {
    const std::size_t slash = rest.find('/');
    parts.emplace_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  const auto row =
      std::find_if(kEcsRows.begin(), kEcsRows.end(), [&](const EcsRow& r) { return r.word == parts[0]; });
  const bool empty_part =
      std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); });
  if (row == kEcsRows.end() || empty_part || parts.size() - 1 < row->min_parts ||
      parts.size() - 1 > row->max_parts) {
    return invalid("Invalid identifier: " + quoted(text) + " is not the ARN of a known kind of resource.");
  }
  parts.erase(parts.begin());
  return EcsResource{row->kind, std::move(parts)};
}

Result<std::string> parse_cluster(const Realm& realm, std::string_view text) {
  if (text.empty()) return std::string("default");
  auto parts = parts_of(realm, EcsKind::kCluster, text);
  if (!parts) return parts.error();
  return std::move(parts->front());
}

Result<ScopedId> parse_scoped(const Realm& realm, EcsKind kind, std::string_view text) {
  auto parts = parts_of(realm, kind, text);
  if (!parts) return parts.error();
  ScopedId out;
  out.id = std::move(parts->back());
  if (parts->size() > 1) out.cluster = std::move(parts->front());
  return out;
}

Result<std::string> parse_in_cluster(const Realm& realm, EcsKind kind, std::string_view text,
                                     std::string_view cluster) {
  auto scoped = parse_scoped(realm, kind, text);
  if (!scoped) return scoped.error();
  if (scoped->cluster && *scoped->cluster != cluster) {
    return invalid("Invalid identifier: Identifier is for cluster " + *scoped->cluster +
                   ". Your cluster is " + std::string(cluster));
  }
  return std::move(scoped->id);
}

std::optional<TaskDefinitionRef> parse_definition_name(std::string_view name) {
  const std::size_t colon = name.find(':');
  TaskDefinitionRef out;
  out.family = name.substr(0, colon);
  if (colon == std::string_view::npos) return out;
  int revision = 0;
  const char* const end = name.data() + name.size();
  const auto [parsed, failed] = std::from_chars(name.data() + colon + 1, end, revision);
  if (failed != std::errc() || parsed != end || revision < 1) return std::nullopt;
  out.revision = revision;
  return out;
}

bool names_revision(std::string_view text) {
  const std::string_view name = looks_like_arn(text) ? name_in(EcsKind::kTaskDefinition, text) : text;
  return name.find(':') != std::string_view::npos;
}

Result<TaskDefinitionRef> parse_task_definition(const Realm& realm, std::string_view text) {
  auto parts = parts_of(realm, EcsKind::kTaskDefinition, text);
  if (!parts) return parts.error();
  auto out = parse_definition_name(parts->front());
  if (!out) return invalid("Invalid revision number in task definition " + quoted(text) + ".");
  if (!is_ecs_name(out->family))
    return invalid("Invalid family name in task definition " + quoted(text) + ".");
  return *std::move(out);
}

bool is_ecs_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameLength && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace agent::aws
