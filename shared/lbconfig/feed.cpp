#include "shared/lbconfig/feed.h"

#include <nlohmann/json.hpp>

#include "shared/lbconfig/config_value.h"
#include "shared/lbconfig/json.h"

namespace shared::lbconfig {

namespace {

using json::Reader;
constexpr std::string_view kFeedErrorCode = "InvalidFeedMessage";

enum class Type {
  kHello,
  kSnapshot,
  kDelta,
  kResync,
  kAck,
  kRefusal,
  kReport,
  kReportDelta,
  kFigures,
  kHeartbeat
};
constexpr std::array<Choice<Type>, 10> kTypes{{{"hello", Type::kHello},
                                               {"snapshot", Type::kSnapshot},
                                               {"delta", Type::kDelta},
                                               {"resync", Type::kResync},
                                               {"ack", Type::kAck},
                                               {"refusal", Type::kRefusal},
                                               {"report", Type::kReport},
                                               {"report_delta", Type::kReportDelta},
                                               {"figures", Type::kFigures},
                                               {"heartbeat", Type::kHeartbeat}}};

std::uint64_t read_count(const Reader& in, std::string_view name) {
  return static_cast<std::uint64_t>(in.required_integer<std::int64_t>(name, 0));
}

TargetReport read_target_report(const Reader& in) {
  in.only_members(
      {"target_group", "registration", "health", "reason", "description", "in_flight", "drained"});
  TargetReport report;
  report.target_group = in.required_string("target_group");
  report.registration = in.required_string("registration");
  const auto health = in.choice("health", kHealthWords);
  if (!health && in.ok()) in.fail("health", "is required");
  report.health = health.value_or(report.health);
  report.reason = in.string_or("reason", "");
  report.description = in.string_or("description", "");
  report.in_flight = read_count(in, "in_flight");
  report.drained = in.boolean_or("drained", false);
  return report;
}

Report read_report(const Reader& in) {
  in.only_members({"type", "version", "sequence", "targets"});
  Report report;
  report.version = read_count(in, "version");
  report.sequence = static_cast<std::uint64_t>(in.integer_or<std::int64_t>("sequence", 0, 0));
  for (const Reader& target : in.children("targets")) report.targets.push_back(read_target_report(target));
  return report;
}

ReportDelta read_report_delta(const Reader& in) {
  in.only_members({"type", "version", "sequence", "removed", "targets"});
  ReportDelta delta;
  delta.version = read_count(in, "version");
  delta.sequence = read_count(in, "sequence");
  for (const Reader& name : in.children("removed")) {
    name.only_members({"target_group", "registration"});
    delta.removed.push_back({name.required_string("target_group"), name.required_string("registration")});
  }
  for (const Reader& target : in.children("targets")) delta.targets.push_back(read_target_report(target));
  return delta;
}

// `item` names the member of each put that holds the item.
template <class T, class F>
void read_list_delta(const Reader& in, std::string_view item, F read, ListDelta<T>& out) {
  out.removed = in.strings_or_empty("removed");
  for (const Reader& put : in.children("put")) {
    put.only_members({"at", item});
    const auto at = static_cast<std::size_t>(put.required_integer<std::int64_t>("at", 0));
    if (const auto inner = put.required_child(item)) out.put.push_back({at, read(*inner)});
  }
}

Delta read_delta(const Reader& in) {
  in.only_members({"type", "from_version", "version", "listeners", "target_groups", "targets", "certificates",
                   "trust_stores", "cookie_keys", "acme_challenges"});
  Delta delta;
  delta.from_version = read_count(in, "from_version");
  delta.version = read_count(in, "version");
  if (const auto listeners = in.child("listeners")) {
    listeners->only_members({"removed", "put"});
    read_list_delta(*listeners, "listener", read_listener, delta.listeners);
  }
  if (const auto groups = in.child("target_groups")) {
    groups->only_members({"removed", "put"});
    read_list_delta(*groups, "target_group", read_target_group, delta.target_groups);
  }
  if (const auto certificates = in.child("certificates")) {
    certificates->only_members({"removed", "put"});
    read_list_delta(*certificates, "certificate", read_certificate, delta.certificates);
  }
  if (const auto stores = in.child("trust_stores")) {
    stores->only_members({"removed", "put"});
    read_list_delta(*stores, "trust_store", read_trust_store, delta.trust_stores);
  }
  if (in.has("cookie_keys")) delta.cookie_keys = read_cookie_keys(in);
  if (in.has("acme_challenges")) delta.acme_challenges = read_acme_challenges(in);
  for (const Reader& group : in.children("targets")) {
    group.only_members({"target_group", "removed", "put"});
    TargetsDelta& targets = delta.targets.emplace_back();
    targets.target_group = group.required_string("target_group");
    read_list_delta(group, "target", read_target, targets.targets);
  }
  return delta;
}

std::vector<Counted> read_counted(const Reader& in, std::string_view list) {
  std::vector<Counted> out;
  for (const Reader& each : in.children(list)) {
    each.only_members({"id", "counts"});
    Counted counted;
    counted.id = each.required_string("id");
    if (const auto counts = each.required_child("counts")) {
      for (const std::string& name : counts->names()) counted.counts[name] = read_count(*counts, name);
    }
    out.push_back(std::move(counted));
  }
  return out;
}

Figures read_figures(const Reader& in) {
  in.only_members({"type", "load_balancers", "target_groups"});
  return {read_counted(in, "load_balancers"), read_counted(in, "target_groups")};
}

FeedMessage read_message(Type type, const Reader& in) {
  switch (type) {
    case Type::kHello:
      in.only_members({"type", "balancer_id", "applied_version", "deltas", "kept_version", "figures"});
      return Hello{in.required_string("balancer_id"), read_count(in, "applied_version"),
                   in.boolean_or("deltas", false),
                   in.has("kept_version") ? std::optional(read_count(in, "kept_version")) : std::nullopt,
                   in.boolean_or("figures", false)};
    case Type::kSnapshot: {
      in.only_members({"type", "config"});
      const auto config = in.required_child("config");
      return Snapshot{config ? read_config(*config) : Config()};
    }
    case Type::kDelta:
      return read_delta(in);
    case Type::kResync:
      in.only_members({"type", "reason"});
      return Resync{in.string_or("reason", "")};
    case Type::kAck:
      in.only_members({"type", "version"});
      return Ack{read_count(in, "version")};
    case Type::kRefusal:
      in.only_members({"type", "version", "reason"});
      return Refusal{read_count(in, "version"), in.string_or("reason", "")};
    case Type::kReport:
      return read_report(in);
    case Type::kReportDelta:
      return read_report_delta(in);
    case Type::kFigures:
      return read_figures(in);
    case Type::kHeartbeat:
      in.only_members({"type", "version"});
      return Heartbeat{read_count(in, "version")};
  }
  return Heartbeat{};
}

using Value = nlohmann::json;

Value write_target_reports(const std::vector<TargetReport>& reports) {
  Value targets = Value::array();
  for (const TargetReport& target : reports) {
    targets.push_back({{"target_group", target.target_group},
                       {"registration", target.registration},
                       {"health", to_string(target.health)},
                       {"reason", target.reason},
                       {"description", target.description},
                       {"in_flight", target.in_flight},
                       {"drained", target.drained}});
  }
  return targets;
}

Value write_counted(const std::vector<Counted>& list) {
  Value out = Value::array();
  for (const Counted& each : list) out.push_back({{"id", each.id}, {"counts", each.counts}});
  return out;
}

const Listener& value_of(const Part<Listener>& part) { return *part; }
const TargetGroup& value_of(const Part<TargetGroup>& part) { return *part; }
const Certificate& value_of(const Part<Certificate>& part) { return *part; }
const TrustStore& value_of(const Part<TrustStore>& part) { return *part; }
const Target& value_of(const Target& target) { return target; }

template <class T, class F>
void write_list_delta(const ListDelta<T>& delta, const char* item, F write, Value& out) {
  if (!delta.removed.empty()) out["removed"] = delta.removed;
  if (delta.put.empty()) return;
  Value& puts = out["put"] = Value::array();
  for (const auto& put : delta.put) puts.push_back({{"at", put.at}, {item, write(value_of(put.item))}});
}

struct Writer {
  Value operator()(const Hello& m) const {
    Value value = {{"type", "hello"}, {"balancer_id", m.balancer_id}, {"applied_version", m.applied_version}};
    if (m.deltas) value["deltas"] = true;
    if (m.kept_version) value["kept_version"] = *m.kept_version;
    if (m.figures) value["figures"] = true;
    return value;
  }
  Value operator()(const Snapshot& m) const {
    Value value = {{"type", "snapshot"}};
    value["config"] = write_config(m.config);
    return value;
  }
  Value operator()(const Delta& m) const {
    Value value = {{"type", "delta"}, {"from_version", m.from_version}, {"version", m.version}};
    if (!m.listeners.empty()) write_list_delta(m.listeners, "listener", write_listener, value["listeners"]);
    if (!m.target_groups.empty())
      write_list_delta(m.target_groups, "target_group", write_target_group, value["target_groups"]);
    if (!m.certificates.empty())
      write_list_delta(m.certificates, "certificate", write_certificate, value["certificates"]);
    if (!m.trust_stores.empty())
      write_list_delta(m.trust_stores, "trust_store", write_trust_store, value["trust_stores"]);
    if (m.cookie_keys) value["cookie_keys"] = write_cookie_keys(*m.cookie_keys);
    if (m.acme_challenges) value["acme_challenges"] = write_acme_challenges(*m.acme_challenges);
    for (const TargetsDelta& group : m.targets) {
      Value targets = {{"target_group", group.target_group}};
      write_list_delta(group.targets, "target", write_target, targets);
      value["targets"].push_back(std::move(targets));
    }
    return value;
  }
  Value operator()(const Resync& m) const { return {{"type", "resync"}, {"reason", m.reason}}; }
  Value operator()(const Ack& m) const { return {{"type", "ack"}, {"version", m.version}}; }
  Value operator()(const Refusal& m) const {
    return {{"type", "refusal"}, {"version", m.version}, {"reason", m.reason}};
  }
  Value operator()(const Report& m) const {
    Value value = {{"type", "report"}, {"version", m.version}};
    if (m.sequence != 0) value["sequence"] = m.sequence;
    value["targets"] = write_target_reports(m.targets);
    return value;
  }
  Value operator()(const ReportDelta& m) const {
    Value removed = Value::array();
    for (const TargetName& name : m.removed)
      removed.push_back({{"target_group", name.target_group}, {"registration", name.registration}});
    return {{"type", "report_delta"},
            {"version", m.version},
            {"sequence", m.sequence},
            {"removed", std::move(removed)},
            {"targets", write_target_reports(m.targets)}};
  }
  Value operator()(const Figures& m) const {
    return {{"type", "figures"},
            {"load_balancers", write_counted(m.load_balancers)},
            {"target_groups", write_counted(m.target_groups)}};
  }
  Value operator()(const Heartbeat& m) const { return {{"type", "heartbeat"}, {"version", m.version}}; }
};

}  // namespace

bool says_the_same(const TargetReport& a, const TargetReport& b) {
  return a.health == b.health && a.reason == b.reason && a.description == b.description &&
         a.drained == b.drained;
}

Result<FeedMessage> feed_from_json(std::string_view text) {
  const auto document = json::Document::parse(text, std::string(kFeedErrorCode));
  if (!document) return document.error();
  const Reader in = document->root();
  const auto type = in.choice("type", kTypes);
  if (!type && in.ok()) in.fail("type", "is required");
  if (!in.ok()) return in.error();
  FeedMessage message = read_message(*type, in);
  if (!in.ok()) return in.error();
  if (const auto* snapshot = std::get_if<Snapshot>(&message)) {
    if (const auto valid = validate(snapshot->config); !valid) return valid.error().within("config");
  }
  return message;
}

std::string feed_to_json(const FeedMessage& message) { return json::to_text(std::visit(Writer(), message)); }

const char* to_string(Health health) { return word_of(health, kHealthWords).data(); }

}  // namespace shared::lbconfig
