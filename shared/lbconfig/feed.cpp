#include "shared/lbconfig/feed.h"

#include <nlohmann/json.hpp>

#include "shared/lbconfig/config_value.h"
#include "shared/lbconfig/json.h"

namespace shared::lbconfig {

namespace {

using json::Reader;
constexpr std::string_view kFeedErrorCode = "InvalidFeedMessage";

enum class Type { kHello, kSnapshot, kAck, kRefusal, kReport, kHeartbeat };
constexpr std::array<Choice<Type>, 6> kTypes{{{"hello", Type::kHello},
                                              {"snapshot", Type::kSnapshot},
                                              {"ack", Type::kAck},
                                              {"refusal", Type::kRefusal},
                                              {"report", Type::kReport},
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
  in.only_members({"type", "version", "targets"});
  Report report;
  report.version = read_count(in, "version");
  for (const Reader& target : in.children("targets")) report.targets.push_back(read_target_report(target));
  return report;
}

FeedMessage read_message(Type type, const Reader& in) {
  switch (type) {
    case Type::kHello:
      in.only_members({"type", "balancer_id", "applied_version"});
      return Hello{in.required_string("balancer_id"), read_count(in, "applied_version")};
    case Type::kSnapshot: {
      in.only_members({"type", "config"});
      const auto config = in.required_child("config");
      return Snapshot{config ? read_config(*config) : Config()};
    }
    case Type::kAck:
      in.only_members({"type", "version"});
      return Ack{read_count(in, "version")};
    case Type::kRefusal:
      in.only_members({"type", "version", "reason"});
      return Refusal{read_count(in, "version"), in.string_or("reason", "")};
    case Type::kReport:
      return read_report(in);
    case Type::kHeartbeat:
      in.only_members({"type", "version"});
      return Heartbeat{read_count(in, "version")};
  }
  return Heartbeat{};
}

struct Writer {
  using Value = nlohmann::json;

  Value operator()(const Hello& m) const {
    return {{"type", "hello"}, {"balancer_id", m.balancer_id}, {"applied_version", m.applied_version}};
  }
  Value operator()(const Snapshot& m) const {
    Value value = {{"type", "snapshot"}};
    value["config"] = write_config(m.config);
    return value;
  }
  Value operator()(const Ack& m) const { return {{"type", "ack"}, {"version", m.version}}; }
  Value operator()(const Refusal& m) const {
    return {{"type", "refusal"}, {"version", m.version}, {"reason", m.reason}};
  }
  Value operator()(const Report& m) const {
    Value targets = Value::array();
    for (const TargetReport& target : m.targets) {
      targets.push_back({{"target_group", target.target_group},
                         {"registration", target.registration},
                         {"health", to_string(target.health)},
                         {"reason", target.reason},
                         {"description", target.description},
                         {"in_flight", target.in_flight},
                         {"drained", target.drained}});
    }
    return {{"type", "report"}, {"version", m.version}, {"targets", std::move(targets)}};
  }
  Value operator()(const Heartbeat& m) const { return {{"type", "heartbeat"}, {"version", m.version}}; }
};

}  // namespace

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
