// Log groups, their retention and their tags.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/api/logs/operations.h"

namespace agent::api::logs {
namespace {

using nlohmann::json;
using shared::Result;
using Tags = std::map<std::string, std::string>;

constexpr std::size_t kMaxGroupsPage = 50;
constexpr std::size_t kMaxGroupTags = 50;
constexpr std::size_t kMaxTagKeyBytes = 128;
constexpr std::size_t kMaxTagValueBytes = 256;
constexpr std::array kRetentions{1,   3,   5,   7,   14,   30,   60,   90,   120,  150,  180,
                                 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};

Result<void> check_tags(const Tags& tags) {
  if (tags.size() > kMaxGroupTags)
    return shared::Error("TooManyTagsException", "A log group can have at most 50 tags",
                         shared::Blame::kClient);
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > kMaxTagKeyBytes)
      return constraint("tags", key,
                        "Map keys must have length from 1 to " + std::to_string(kMaxTagKeyBytes));
    if (value.size() > kMaxTagValueBytes)
      return constraint(
          "tags", value,
          "Map values must have length less than or equal to " + std::to_string(kMaxTagValueBytes));
    if (key.starts_with("aws:"))
      return invalid("tags: keys that begin with 'aws:' are reserved, got '" + key + "'");
  }
  return {};
}

json described(const aws::Realm& realm, const Group& group) {
  const std::string arn = group_arn(realm, group.name);
  json out{{"logGroupName", group.name},
           {"creationTime", group.created_at},
           {"metricFilterCount", 0},
           {"arn", arn + ":*"},
           {"logGroupArn", arn},
           {"storedBytes", group.bytes},
           {"logGroupClass", group.log_class},
           {"deletionProtectionEnabled", false}};
  if (group.retention_days) out["retentionInDays"] = *group.retention_days;
  return out;
}

Answer create_log_group(const Context& at, In in) {
  const auto name = group_name(in);
  if (!name) return name.error();
  if (name->starts_with("aws/")) return constraint("logGroupName", *name, "Member must not begin with aws/");
  Group group;
  group.name = *name;
  group.created_at = at.now;
  group.tags = in.string_map_or_empty("tags");
  group.log_class = in.string_or("logGroupClass", "STANDARD");
  const auto key = in.string("kmsKeyId");
  const bool is_protected = in.boolean_or("deletionProtectionEnabled", false);
  if (!in.ok()) return in.error();
  if (key) return invalid("kmsKeyId is not offered: there are no keys of KMS here");
  if (is_protected) return invalid("deletionProtectionEnabled is not offered: it must be false");
  if (group.log_class == "DELIVERY")
    return invalid("logGroupClass DELIVERY is not offered: there is nothing to deliver to");
  if (group.log_class != "STANDARD" && group.log_class != "INFREQUENT_ACCESS") {
    return constraint("logGroupClass", group.log_class,
                      "Member must satisfy enum value set: [STANDARD, INFREQUENT_ACCESS, DELIVERY]");
  }
  if (auto ok = check_tags(group.tags); !ok) return ok.error();
  if (auto ok = at.store.create_group(group); !ok) return ok.error();
  return json::object();
}

Answer delete_log_group(const Context& at, In in) {
  const auto name = group_name(in);
  if (!name) return name.error();
  if (auto ok = at.store.delete_group(*name); !ok) return ok.error();
  return json::object();
}

// Names in a page, and where it ends.
Result<std::vector<Group>> page_of_groups(const Context& at, const std::string& text, Store::Match match,
                                          const std::string& log_class, In in, std::size_t size,
                                          std::string& next) {
  std::string after;
  if (const auto token = in.string("nextToken")) {
    const auto place = place_in(*token);
    if (!place) return place.error();
    after = *place;
  }
  std::vector<Group> out;
  for (;;) {
    auto found = at.store.groups(text, match, after, kMaxGroupsPage + 1);
    if (!found) return found;
    for (Group& group : *found) {
      if (!log_class.empty() && group.log_class != log_class) {
        after = group.name;
        continue;
      }
      if (out.size() == size) {
        next = token_of(out.back().name);
        return out;
      }
      after = group.name;
      out.push_back(std::move(group));
    }
    if (found->size() <= kMaxGroupsPage) return out;
  }
}

Answer describe_log_groups(const Context& at, In in) {
  const auto prefix = in.string("logGroupNamePrefix");
  const auto pattern = in.string("logGroupNamePattern");
  const auto identifiers = in.strings("logGroupIdentifiers");
  const std::string log_class = in.string_or("logGroupClass", "");
  const bool others = in.boolean_or("includeLinkedAccounts", false);
  if (!in.ok()) return in.error();
  if (prefix && pattern)
    return invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  if (others) return invalid("includeLinkedAccounts is not offered: there is one account");
  const auto size = limit_of(in, kMaxGroupsPage, kMaxGroupsPage);
  if (!size) return size.error();
  json out{{"logGroups", json::array()}};
  if (identifiers && !identifiers->empty()) {
    if (prefix || pattern)
      return invalid("logGroupIdentifiers excludes logGroupNamePrefix and logGroupNamePattern");
    if (identifiers->size() > kMaxGroupsPage) return invalid("logGroupIdentifiers may name 50 log groups");
    for (const std::string& each : *identifiers) {
      const auto name = name_in(at.realm, "logGroupIdentifiers", each);
      if (!name) return name.error();
      const auto group = at.store.group(*name);
      if (group) out["logGroups"].push_back(described(at.realm, *group));
    }
    return out;
  }
  for (const auto& [member, given] :
       {std::pair{"logGroupNamePrefix", &prefix}, {"logGroupNamePattern", &pattern}}) {
    if (!*given) continue;
    if (auto ok = check_group_name(member, **given); !ok) return ok.error();
  }
  std::string next;
  const auto groups =
      page_of_groups(at, pattern.value_or(prefix.value_or("")),
                     pattern ? Store::Match::kAnywhere : Store::Match::kPrefix, log_class, in, *size, next);
  if (!groups) return groups.error();
  for (const Group& group : *groups) out["logGroups"].push_back(described(at.realm, group));
  if (!next.empty()) out["nextToken"] = next;
  return out;
}

Answer list_log_groups(const Context& at, In in) {
  constexpr std::size_t kMostListed = 1000;
  const std::string pattern = in.string_or("logGroupNamePattern", "");
  const std::string log_class = in.string_or("logGroupClass", "");
  if (!in.ok()) return in.error();
  const auto size = limit_of(in, kMaxGroupsPage, kMostListed);
  if (!size) return size.error();
  std::string next;
  const auto groups = page_of_groups(at, pattern, Store::Match::kAnywhere, log_class, in, *size, next);
  if (!groups) return groups.error();
  json out{{"logGroups", json::array()}};
  for (const Group& group : *groups) {
    out["logGroups"].push_back({{"logGroupName", group.name},
                                {"logGroupArn", group_arn(at.realm, group.name)},
                                {"logGroupClass", group.log_class}});
  }
  if (!next.empty()) out["nextToken"] = next;
  return out;
}

Answer put_retention_policy(const Context& at, In in) {
  const auto name = group_name(in);
  if (!name) return name.error();
  const int days = in.required_integer<int>("retentionInDays");
  if (!in.ok()) return in.error();
  if (std::find(kRetentions.begin(), kRetentions.end(), days) == kRetentions.end()) {
    std::string set;
    for (const int each : kRetentions) set += (set.empty() ? "" : ", ") + std::to_string(each);
    return constraint("retentionInDays", std::to_string(days),
                      "Member must satisfy enum value set: [" + set + "]");
  }
  if (auto ok = at.store.set_retention(*name, days); !ok) return ok.error();
  return json::object();
}

Answer delete_retention_policy(const Context& at, In in) {
  const auto name = group_name(in);
  if (!name) return name.error();
  if (auto ok = at.store.set_retention(*name, std::nullopt); !ok) return ok.error();
  return json::object();
}

// ---- Tags, by ARN and by name ----

using Named = Result<std::string> (*)(const Context&, In);
Result<std::string> by_arn(const Context& at, In in) {
  const auto arn = in.string("resourceArn");
  if (!in.ok()) return in.error();
  if (!arn || !aws::looks_like_arn(*arn))
    return constraint("resourceArn", arn.value_or(""), "Member must be the ARN of a log group");
  return name_in(at.realm, "resourceArn", *arn);
}
Result<std::string> by_name(const Context&, In in) { return group_name(in); }

template <Named named>
Answer tag(const Context& at, In in) {
  const auto name = named(at, in);
  if (!name) return name.error();
  const auto given = in.string_map("tags");
  if (!in.ok()) return in.error();
  if (!given || given->empty()) return invalid("tags must not be empty");
  const auto group = at.store.group(*name);
  if (!group) return group.error();
  if (auto ok = check_tags(*given); !ok) return ok.error();
  Tags tags = *given;
  tags.insert(group->tags.begin(), group->tags.end());
  if (auto ok = check_tags(tags); !ok) return ok.error();
  if (auto ok = at.store.set_tags(*name, tags); !ok) return ok.error();
  return json::object();
}

template <Named named>
Answer untag(const Context& at, In in, std::string_view member) {
  const auto name = named(at, in);
  if (!name) return name.error();
  const auto keys = in.strings(member);
  if (!in.ok()) return in.error();
  if (!keys) return invalid(std::string(member) + " must not be null");
  const auto group = at.store.group(*name);
  if (!group) return group.error();
  Tags tags = group->tags;
  for (const std::string& key : *keys) tags.erase(key);
  if (auto ok = at.store.set_tags(*name, tags); !ok) return ok.error();
  return json::object();
}
Answer untag_resource(const Context& at, In in) { return untag<by_arn>(at, in, "tagKeys"); }
Answer untag_log_group(const Context& at, In in) { return untag<by_name>(at, in, "tags"); }

template <Named named>
Answer list_tags(const Context& at, In in) {
  const auto name = named(at, in);
  if (!name) return name.error();
  const auto group = at.store.group(*name);
  if (!group) return group.error();
  return json{{"tags", group->tags}};
}

constexpr auto kGroupTable = std::to_array<Operation>({
    {"CreateLogGroup", create_log_group},
    {"DeleteLogGroup", delete_log_group},
    {"DeleteRetentionPolicy", delete_retention_policy},
    {"DescribeLogGroups", describe_log_groups},
    {"ListLogGroups", list_log_groups},
    {"ListTagsForResource", list_tags<by_arn>},
    {"ListTagsLogGroup", list_tags<by_name>},
    {"PutRetentionPolicy", put_retention_policy},
    {"TagLogGroup", tag<by_name>},
    {"TagResource", tag<by_arn>},
    {"UntagLogGroup", untag_log_group},
    {"UntagResource", untag_resource},
});

}  // namespace

std::span<const Operation> group_operations() { return kGroupTable; }

}  // namespace agent::api::logs
