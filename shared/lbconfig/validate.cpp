#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string>
#include <utility>

#include "shared/lbconfig/json.h"

namespace shared::lbconfig {

namespace {

// ELBv2's ranges. Where tests and small installations need shorter times than AWS sells, only sense is asked
// for.
constexpr int kMaxPriority = 50'000;
constexpr std::size_t kMaxForwardGroups = 5;
constexpr int kMaxWeight = 999;
constexpr int kMaxStickySeconds = 604'800;
constexpr std::size_t kMaxFixedBody = 1024;
constexpr std::size_t kMaxRedirectPart = 128;
constexpr std::size_t kMaxPatternLength = 128;
constexpr std::size_t kMaxHeaderName = 40;
constexpr std::size_t kMaxMethodLength = 40;
constexpr Millis kMaxIdleTimeout{4'000'000};
constexpr Millis kMaxClientKeepAlive{604'800'000};
constexpr Millis kMaxHealthInterval{300'000};
constexpr int kMaxThreshold = 10;
constexpr Millis kMaxSlowStart{900'000};
constexpr Millis kMaxDrainLimit{3'600'000};
constexpr int kFirstMatcherCode = 200;
constexpr int kLastMatcherCode = 599;

bool parse_int(std::string_view text, int& number) {
  if (text.empty() || text.front() == '-') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_ip(const std::string& text) {
  std::array<unsigned char, 16> bytes;
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

bool is_cidr(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  if (!is_ip(address)) return false;
  if (slash == std::string::npos) return true;
  int prefix = 0;
  return parse_int(std::string_view(text).substr(slash + 1), prefix) &&
         prefix <= (address.find(':') == std::string::npos ? 32 : 128);
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(c)) == std::string_view::npos;
  });
}

bool is_matcher(std::string_view text) {
  std::size_t at = 0;
  do {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view item = text.substr(at, comma - at);
    const std::size_t dash = item.find('-');
    int first = 0, last = 0;
    if (!parse_int(item.substr(0, dash), first)) return false;
    last = first;
    if (dash != std::string_view::npos && !parse_int(item.substr(dash + 1), last)) return false;
    if (first < kFirstMatcherCode || last > kLastMatcherCode || first > last) return false;
    at = comma + 1;
  } while (at <= text.size());
  return true;
}

// Walks a Config and keeps the first thing wrong, with the path that leads there.
class Validator {
 public:
  explicit Validator(const Config& config) : config_(config) {
    for (const auto& group : config.target_groups) groups_.insert(group->id);
  }
  // `from` is valid.
  Validator(const Config& config, const Config& from) : Validator(config) {
    for (const auto& group : from.target_groups) sound_.insert(&*group);
    const bool all_stay = std::all_of(from.target_groups.begin(), from.target_groups.end(),
                                      [this](const auto& group) { return groups_.count(group->id) != 0; });
    if (!all_stay) return;  // listeners might name one that is gone
    for (const auto& listener : from.listeners) sound_.insert(&*listener);
  }

  Result<void> run() {
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      check_listener(*config_.listeners[i], item("listeners", i));
    }
    std::set<std::string> ids;
    for (std::size_t i = 0; i < config_.target_groups.size(); ++i) {
      const std::string path = item("target_groups", i);
      const TargetGroup& group = *config_.target_groups[i];
      expect(ids.insert(group.id).second, path + ".id", "is used twice");
      if (sound_.count(&group) == 0) check_target_group(group, path);
    }
    if (problem_.empty()) return {};
    return Error("InvalidConfig", problem_, Blame::kClient);
  }

 private:
  static std::string item(std::string_view list, std::size_t index) {
    return std::string(list) + "[" + std::to_string(index) + "]";
  }
  void expect(bool good, const std::string& path, const std::string& what) {
    if (!good && problem_.empty()) problem_ = path + ": " + what;
  }
  template <class T>
  void expect_range(T value, T least, T most, const std::string& path) {
    expect(value >= least && value <= most, path,
           "must be from " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
               std::to_string(value));
  }
  void expect_range(Millis value, Millis least, Millis most, const std::string& path) {
    expect_range(value.count(), least.count(), most.count(), path);
  }

  void check_listener(const Listener& listener, const std::string& path) {
    expect(!listener.id.empty(), path + ".id", "is empty");
    expect(listener_ids_.insert(listener.id).second, path + ".id", "is used twice");
    expect(is_ip(listener.address), path + ".address", "'" + listener.address + "' is no IP address");
    if (listener.port != 0) {
      expect(ports_.insert({listener.address, listener.port}).second, path + ".port",
             std::to_string(listener.port) + " of " + listener.address + " has another listener already");
    }
    if (sound_.count(&listener) != 0) return;
    check_options(listener.options, path + ".options");
    int before = 0;
    for (std::size_t i = 0; i < listener.rules.size(); ++i) {
      const std::string rule_path = path + "." + item("rules", i);
      const int priority = listener.rules[i].priority;
      expect_range(priority, 1, kMaxPriority, rule_path + ".priority");
      expect(priority > before, rule_path + ".priority",
             "must be above that of the rule before, got " + std::to_string(priority));
      before = priority;
      check_rule(listener.rules[i], rule_path);
    }
    check_action(listener.default_action, path + ".default_action");
  }

  void check_options(const ListenerOptions& options, const std::string& path) {
    expect_range(options.idle_timeout, Millis(1), kMaxIdleTimeout, path + ".idle_timeout_ms");
    expect_range(options.client_keep_alive, Millis(1), kMaxClientKeepAlive, path + ".client_keep_alive_ms");
  }

  void check_rule(const Rule& rule, const std::string& path) {
    expect(!rule.conditions.empty(), path + ".conditions", "a rule needs at least one condition");
    for (std::size_t i = 0; i < rule.conditions.size(); ++i) {
      check_condition(rule.conditions[i], path + "." + item("conditions", i));
    }
    check_action(rule.action, path + ".action");
  }

  void check_condition(const Condition& condition, const std::string& path) {
    if (condition.field == ConditionField::kQueryString) {
      expect(!condition.query.empty(), path + ".query", "is empty");
      for (std::size_t i = 0; i < condition.query.size(); ++i) {
        const std::string pair = path + "." + item("query", i);
        expect(condition.query[i].key.size() <= kMaxPatternLength, pair + ".key", "is longer than 128 bytes");
        expect(condition.query[i].value.size() <= kMaxPatternLength, pair + ".value",
               "is longer than 128 bytes");
      }
      return;
    }
    if (condition.field == ConditionField::kHttpHeader) {
      const std::string& name = condition.http_header_name;
      expect(is_token(name) && name.size() <= kMaxHeaderName, path + ".http_header_name",
             "'" + name + "' is no header name of at most 40 characters");
    }
    expect(!condition.values.empty(), path + ".values", "is empty");
    for (std::size_t i = 0; i < condition.values.size(); ++i) {
      check_value(condition.field, condition.values[i], path + "." + item("values", i));
    }
  }

  void check_value(ConditionField field, const std::string& value, const std::string& path) {
    switch (field) {
      case ConditionField::kSourceIp:
        return expect(is_cidr(value), path, "'" + value + "' is no address range");
      case ConditionField::kHttpRequestMethod:
        return expect(is_token(value) && value.size() <= kMaxMethodLength, path,
                      "'" + value + "' is no method of at most 40 characters");
      default:
        return expect(value.size() <= kMaxPatternLength, path, "is longer than 128 bytes");
    }
  }

  void check_action(const Action& action, const std::string& path) {
    switch (action.type) {
      case ActionType::kForward:
        return check_forward(action.forward, path + ".forward");
      case ActionType::kRedirect:
        return check_redirect(action.redirect, path + ".redirect");
      case ActionType::kFixedResponse:
        return check_fixed_response(action.fixed_response, path + ".fixed_response");
    }
  }

  void check_forward(const ForwardAction& forward, const std::string& path) {
    expect(!forward.target_groups.empty() && forward.target_groups.size() <= kMaxForwardGroups,
           path + ".target_groups", "needs 1 to 5 target groups");
    for (std::size_t i = 0; i < forward.target_groups.size(); ++i) {
      const std::string group = path + "." + item("target_groups", i);
      const std::string& id = forward.target_groups[i].target_group;
      expect(groups_.count(id) == 1, group + ".target_group", "no target group '" + id + "'");
      expect_range(forward.target_groups[i].weight, 0, kMaxWeight, group + ".weight");
    }
    expect_range(forward.sticky_seconds, 1, kMaxStickySeconds, path + ".sticky_seconds");
  }

  void check_redirect(const RedirectAction& redirect, const std::string& path) {
    expect(redirect.status == 301 || redirect.status == 302, path + ".status", "must be 301 or 302");
    const std::string& protocol = redirect.protocol;
    expect(protocol == "HTTP" || protocol == "HTTPS" || protocol == "#{protocol}", path + ".protocol",
           "must be HTTP, HTTPS or #{protocol}, got '" + protocol + "'");
    int port = 0;
    const bool good_port =
        redirect.port == "#{port}" || (parse_int(redirect.port, port) && port >= 1 && port <= 65'535);
    expect(good_port, path + ".port", "must be 1 to 65535 or #{port}, got '" + redirect.port + "'");
    expect(redirect.path.starts_with('/'), path + ".path", "must begin with '/'");
    expect(!redirect.host.empty(), path + ".host", "is empty");
    for (const auto& [name, text] : {std::pair<const char*, const std::string&>(".host", redirect.host),
                                     std::pair<const char*, const std::string&>(".path", redirect.path),
                                     std::pair<const char*, const std::string&>(".query", redirect.query)}) {
      expect(text.size() <= kMaxRedirectPart, path + name, "is longer than 128 bytes");
      expect(!has_control(text), path + name, "holds a control character");
    }
  }

  void check_fixed_response(const FixedResponseAction& fixed, const std::string& path) {
    const int kind = fixed.status / 100;
    expect(kind == 2 || kind == 4 || kind == 5, path + ".status",
           "must be 2xx, 4xx or 5xx, got " + std::to_string(fixed.status));
    expect(fixed.body.size() <= kMaxFixedBody, path + ".body", "is longer than 1024 bytes");
    expect(!has_control(fixed.content_type), path + ".content_type", "holds a control character");
  }

  void check_target_group(const TargetGroup& group, const std::string& path) {
    expect(!group.id.empty(), path + ".id", "is empty");
    const HealthCheck& check = group.health_check;
    const std::string check_path = path + ".health_check";
    expect(
        check.path.starts_with('/') && !has_control(check.path) && check.path.find(' ') == std::string::npos,
        check_path + ".path", "must begin with '/' and hold no spaces");
    expect_range(check.interval, Millis(1), kMaxHealthInterval, check_path + ".interval_ms");
    expect_range(check.timeout, Millis(1), check.interval, check_path + ".timeout_ms");
    expect_range(check.healthy_threshold, 1, kMaxThreshold, check_path + ".healthy_threshold");
    expect_range(check.unhealthy_threshold, 1, kMaxThreshold, check_path + ".unhealthy_threshold");
    expect(is_matcher(check.matcher), check_path + ".matcher",
           "'" + check.matcher + "' is no list of codes such as \"200,202\" or \"200-299\"");
    expect_range(group.slow_start, Millis(0), kMaxSlowStart, path + ".slow_start_ms");
    expect(group.minimum_healthy_count >= 1, path + ".minimum_healthy_count", "must be at least 1");
    expect_range(group.minimum_healthy_percent, 0, 100, path + ".minimum_healthy_percent");
    std::set<std::string> registrations;
    for (std::size_t i = 0; i < group.targets.size(); ++i) {
      const Target& target = group.targets[i];
      const std::string target_path = path + "." + item("targets", i);
      expect(is_ip(target.address), target_path + ".address", "'" + target.address + "' is no IP address");
      expect(target.port != 0, target_path + ".port", "must be from 1 to 65535");
      expect(registrations.insert(target.registration).second, target_path + ".registration",
             "'" + target.registration + "' is used twice");
      expect_range(target.drain_limit, Millis(0), kMaxDrainLimit, target_path + ".drain_limit_ms");
    }
  }

  const Config& config_;
  std::set<std::string> groups_;
  std::set<const void*> sound_;  // parts that need no look at themselves
  std::set<std::string> listener_ids_;
  std::set<std::pair<std::string, std::uint16_t>> ports_;
  std::string problem_;
};

}  // namespace

Result<void> validate(const Config& config) { return Validator(config).run(); }

Result<void> validate_change(const Config& config, const Config& from) {
  return Validator(config, from).run();
}

}  // namespace shared::lbconfig
