// docs/compatibility.md has the tables that calls are dispatched by, and nothing else between its two marks.
// Run with BERTH_WRITE_DOCS=1 to write it anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "agent/api/catalog.h"

namespace {

constexpr const char* kBegin = "<!-- operations: written by unit_docs -->\n";
constexpr const char* kEnd = "<!-- end of operations -->\n";

const std::string kPath = std::string(BERTH_SOURCE_DIR) + "/docs/compatibility.md";

std::string compatibility_page() {
  std::ostringstream out;
  out << std::ifstream(kPath).rdbuf();
  return out.str();
}

std::string in_code(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& each : names) out += (out.empty() ? "`" : " `") + each + "`";
  return out;
}

std::string operation_tables() {
  std::string out;
  for (const auto& service : agent::api::catalog()) {
    std::vector<std::string> done;
    std::vector<std::pair<std::string, std::vector<std::string>>> refused;  // by reason
    for (const auto& offer : service.offers) {
      if (offer.refusal.empty()) {
        done.push_back(offer.operation);
        continue;
      }
      auto same = std::find_if(refused.begin(), refused.end(),
                               [&](const auto& each) { return each.first == offer.refusal; });
      if (same == refused.end()) same = refused.insert(refused.end(), {offer.refusal, {}});
      same->second.push_back(offer.operation);
    }
    out += "\n### " + service.name + " (`" + service.model + "`)\n\n" + std::to_string(done.size()) +
           " operations are carried out:\n" + in_code(done) + "\n";
    if (refused.empty()) continue;
    out += "\n| refused with 4xx | why, as the answer says it |\n| --- | --- |\n";
    for (const auto& [why, names] : refused) out += "| " + in_code(names) + " | " + why + " |\n";
  }
  return out + "\n";
}

TEST(Compatibility, ThePageHasTheTablesThatCallsAreDispatchedBy) {
  const std::string text = compatibility_page();
  const auto begin = text.find(kBegin);
  const auto end = text.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const auto from = begin + std::string(kBegin).size();
  if (std::getenv("BERTH_WRITE_DOCS") != nullptr)
    std::ofstream(kPath) << text.substr(0, from) << operation_tables() << text.substr(end);
  const std::string now = compatibility_page();
  EXPECT_EQ(now.substr(from, now.find(kEnd) - from), operation_tables())
      << "BERTH_WRITE_DOCS=1 writes it anew";
}

TEST(Compatibility, NoOperationIsThereTwice) {
  for (const auto& service : agent::api::catalog()) {
    for (std::size_t i = 1; i < service.offers.size(); ++i)
      EXPECT_NE(service.offers[i - 1].operation, service.offers[i].operation) << service.name;
  }
}

}  // namespace
