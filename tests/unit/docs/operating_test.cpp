// docs/operating.md against the programs: what it says they list, they list; what it names, they know; and
// the limits it gives are those in force.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "agent/app/options.h"
#include "agent/control/cluster/capacity_providers.h"
#include "agent/control/engine/engine.h"
#include "agent/control/services/task_sets.h"
#include "agent/model/service.h"
#include "agent/model/service_history.h"
#include "balancer/app/options.h"
#include "balancer/codec/body.h"
#include "balancer/codec/head.h"
#include "balancer/codec/rewrite.h"
#include "balancer/jwt/token.h"
#include "balancer/proxy/client/h1_connection.h"
#include "balancer/proxy/exchange/exchange.h"
#include "balancer/proxy/exchange/interim_budget.h"
#include "balancer/proxy/log/access_log.h"
#include "balancer/proxy/stream.h"
#include "balancer/proxy/target/target_connection.h"
#include "balancer/proxy/worker/worker.h"
#include "balancer/routing/action.h"
#include "balancer/routing/transform.h"
#include "shared/httpd/server.h"

namespace {

using shared::settings::Option;
using shared::settings::SettingsSpec;
using testing::HasSubstr;

const std::string& page() {
  static const std::string text = [] {
    std::ostringstream out;
    out << std::ifstream(std::string(BERTH_SOURCE_DIR) + "/docs/operating.md").rdbuf();
    return out.str();
  }();
  return text;
}

std::string printed(const SettingsSpec& spec, const char* flag) {
  // Without environment and file: what everybody sees.
  auto loaded = shared::settings::load(spec, {flag}, {});
  EXPECT_TRUE(loaded && loaded->print) << flag;
  return loaded && loaded->print ? *loaded->print : "";
}

class Program : public testing::TestWithParam<SettingsSpec (*)()> {};

TEST_P(Program, ListsEverySettingInHelpAndPrintSettings) {
  const SettingsSpec spec = GetParam()();
  const std::string help = printed(spec, "--help");
  const std::string in_force = printed(spec, "--print-settings");
  ASSERT_FALSE(spec.options().empty());
  for (const Option& option : spec.options()) {
    SCOPED_TRACE(option.name);
    EXPECT_FALSE(option.help.empty());
    EXPECT_FALSE(option.flag.empty()) << "give it a flag: environment variables alone are found by nobody";
    EXPECT_TRUE(option.fallback || !option.unset.empty()) << "say what holds without it";
    for (const std::string* text : {&help, &in_force}) {
      EXPECT_THAT(*text, HasSubstr(option.help));
      EXPECT_THAT(*text, HasSubstr(option.flag));
      for (const std::string& variable : option.env) EXPECT_THAT(*text, HasSubstr(variable));
      EXPECT_THAT(*text,
                  HasSubstr(option.fallback ? "default " + *option.fallback : "default: " + option.unset));
      if (!spec.file_flag().empty()) {
        EXPECT_THAT(*text, HasSubstr("file: " + option.name + ";"));
      }
    }
    EXPECT_THAT("\n" + in_force, HasSubstr("\n" + option.name + " = "));
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Program,
                         testing::Values(&agent::app::settings_spec, &balancer::app::settings_spec));

bool in_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::set<std::string> words_beginning(const std::string& prefix) {
  std::set<std::string> out;
  for (std::size_t at = page().find(prefix); at != std::string::npos; at = page().find(prefix, at + 1)) {
    if (at != 0 && in_word(page()[at - 1])) continue;
    std::size_t end = at;
    while (end < page().size() && in_word(page()[end])) ++end;
    if (end - at > prefix.size()) out.insert(page().substr(at, end - at));
  }
  return out;
}

TEST(OperatingPage, NamesOnlyFlagsAndVariablesThatThereAre) {
  std::set<std::string> known{"--help", "--print-settings", "--version", "--seeds"};
  known.insert({"--filter", "--force"});  // docker's and aws's
  known.insert({"ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4"});  // containers have them
  for (const SettingsSpec& spec : {agent::app::settings_spec(), balancer::app::settings_spec()}) {
    known.insert({spec.file_flag(), spec.file_env()});
    for (const Option& option : spec.options()) {
      known.insert(option.flag);
      known.insert(option.env.begin(), option.env.end());
    }
  }
  for (const char* prefix : {"--", "ECS_", "BERTH_"}) {
    for (const std::string& word : words_beginning(prefix)) {
      if (word.find_first_not_of('-') == std::string::npos) continue;  // a table's rule
      EXPECT_TRUE(known.contains(word)) << word;
    }
  }
  EXPECT_FALSE(words_beginning("ECS_").empty());
}

template <class Number>
std::string grouped(Number number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}
std::string size(std::size_t bytes) {
  constexpr std::size_t kKiB = 1024;
  if (bytes % (kKiB * kKiB) == 0) return std::to_string(bytes / (kKiB * kKiB)) + " MiB";
  return bytes % kKiB == 0 ? std::to_string(bytes / kKiB) + " KiB" : std::to_string(bytes) + " bytes";
}
std::string seconds(shared::Millis time) { return std::to_string(time.count() / 1000) + " s"; }

struct Row {
  std::string limit;
  std::string value;  // how it begins
};

TEST(OperatingPage, GivesTheLimitsThatAreInForce) {
  namespace codec = balancer::codec;
  namespace proxy = balancer::proxy;
  const shared::httpd::ServerLimits api;
  const std::vector<Row> rows = {
      {"API request body, head", size(api.max_body_bytes) + ", " + size(api.max_head_bytes)},
      {"connections to the API", grouped(api.max_connections)},
      {"websockets of agents and balancers", grouped(api.max_websockets)},
      {"further connections that are let in to say what they want",
       std::to_string(shared::httpd::kMaxUnseated) + ", for " + seconds(api.unseated_timeout)},
      {"service events kept", std::to_string(agent::model::kMaxServiceEvents)},
      {"service deployments kept of a service", std::to_string(agent::model::kMaxServiceDeployments)},
      {"capacity providers", std::to_string(agent::control::kMaxCapacityProviders)},
      {"task sets of a service", std::to_string(agent::control::kMaxTaskSets)},
      {"request line", size(codec::kMaxRequestLine)},
      {"one header, all headers, header fields of a request", size(codec::kMaxFieldLine) + ", " +
                                                                  size(codec::kMaxRequestHead) + ", " +
                                                                  std::to_string(codec::kMaxFields)},
      {"method, options of `Connection`",
       size(codec::kMaxMethod) + ", " + std::to_string(codec::kMaxConnectionOptions)},
      {"addresses in `X-Forwarded-For` of a request", std::to_string(codec::kMaxForwardedFor)},
      {"`X-Amzn-Trace-Id` that is carried on", size(codec::kMaxTraceHeader)},
      {"time for a whole request head", seconds(proxy::kHeadLimit)},
      {"chunk extensions, trailers of a body",
       size(codec::kMaxChunkExtensionBytes) + ", " + size(codec::kMaxTrailerBytes)},
      {"response head, header fields of a target's response",
       size(codec::kMaxResponseHead) + ", " + std::to_string(codec::kMaxFields)},
      {"interim (1xx) responses of a target before its answer",
       size(proxy::kInterimBurst) + " at once and " + size(proxy::kInterimPerSecond) +
           " each second on, each counted as " + size(proxy::kInterimLeast) + " at least"},
      {"targets tried for one request", std::to_string(proxy::kMaxTries)},
      {"time to connect to a target, all tries and each but the last",
       seconds(proxy::kConnectBudget) + ", " + seconds(proxy::kConnectTry)},
      {"a target that refused, or closed without a word, is avoided for", seconds(proxy::kSuspectFor)},
      {"idle connections per target and worker", std::to_string(proxy::kMaxIdlePerTarget)},
      {"an idle connection to a target is kept for", seconds(proxy::kPoolIdle)},
      {"bytes that wait for a slow reader in each direction", size(proxy::kMaxOut)},
      {"client connections per worker", grouped(proxy::kMaxConnectionsPerWorker)},
      {"body that nobody wants after the last answer is read for",
       seconds(proxy::kLingerPause) + " without a byte, " + seconds(proxy::kLingerTotal) + " altogether"},
      {"open requests of a target that left without draining", seconds(proxy::kRemovedTargetLimit)},
      {"location of a redirect", size(balancer::routing::kMaxLocation)},
      {"regular expression of a condition, of a transform and its replacement, what a compiled one holds",
       size(shared::regex::kMaxCondition) + ", " + size(shared::regex::kMaxRewrite) + ", " +
           size(shared::regex::kMaxMemory)},
      {"host, path and query that a transform makes",
       size(balancer::routing::kMaxRewrittenHost) + ", " + grouped(balancer::routing::kMaxRewrittenTarget)},
      {"token of a request, key set of an issuer, keys in it",
       size(balancer::jwt::kMaxToken) + ", " + size(balancer::jwt::kMaxKeySetBytes) + ", " +
           std::to_string(balancer::jwt::kMaxKeys)},
      {"request line and user agent in the access log, lines that wait for the disk",
       size(proxy::kMaxLoggedField) + " each, " + size(proxy::kMaxPendingLog)},
  };
  for (const Row& row : rows) EXPECT_THAT(page(), HasSubstr("\n| " + row.limit + " | " + row.value));
}

}  // namespace
