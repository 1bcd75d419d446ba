// Which rule of a listener a request meets, as ELBv2 has it, and rules in words. Pure functions of what
// DescribeRules answers.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agent::cli {

struct TestRequest {
  std::string scheme = "http";
  std::string host;  // as a Host header has it
  std::uint16_t port = 80;
  std::string path = "/";
  std::string query;
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string source = "127.0.0.1";
};
// "http://a.example:8080/x?y=1"; nothing when it is no http or https URL.
std::optional<TestRequest> parse_test_url(std::string_view url);

// Sorted by priority, "default" last. Null: no rule fits, which cannot be where there is a default.
const nlohmann::json* rule_for(const nlohmann::json& rules, const TestRequest& request);
// Whether one condition holds.
bool condition_holds(const nlohmann::json& condition, const TestRequest& request);

// "host a.example or b.example, path /x*"; "everything else" of the default rule.
std::string conditions_text(const nlohmann::json& rule);
// "forward to web 90%, web-2 10%", "redirect to https://...", "answer 503 text".
std::string actions_text(const nlohmann::json& actions);
// Of a forward action, by weight: those with weight 0 are left out.
std::vector<std::string> groups_of(const nlohmann::json& actions);
// Rules in the order in which they are asked.
nlohmann::json sorted_rules(nlohmann::json rules);

}  // namespace agent::cli
