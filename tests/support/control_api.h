// What the tests of API rooms have in common: a state with its steps, calls that must succeed or fail, and
// texts out of XML.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"
#include "shared/env/random.h"
#include "shared/http/message.h"

namespace tests {

using Form = std::vector<std::pair<std::string, std::string>>;

inline constexpr const char* kRequestId = "7b7f0bd2-0000-4000-8000-000000000001";

// A call of a Query service.
inline std::string form_body(const std::string& operation, const std::string& version, const Form& form) {
  std::string body = "Action=" + operation + (version.empty() ? "" : "&Version=" + version);
  for (const auto& [name, value] : form)
    body += "&" + name + "=" + shared::http::percent_encode(value, shared::http::Slash::kEncode);
  return body;
}

// The answer of a call that must succeed; where it does not, the test fails and goes on with `otherwise`.
template <class T>
T expect_good(const std::string& operation, shared::Result<T> answer, T otherwise = T()) {
  EXPECT_TRUE(answer) << operation << ": "
                      << (answer ? "" : answer.error().code() + ": " + answer.error().text());
  return answer ? *std::move(answer) : std::move(otherwise);
}

// "Code: text" of a call; empty if it succeeds.
template <class T>
std::string error_of(const shared::Result<T>& answer) {
  return answer ? std::string() : answer.error().code() + ": " + answer.error().text();
}

// The texts of all elements of that name, in order.
inline std::vector<std::string> xml_texts(const std::string& xml, const std::string& name) {
  std::vector<std::string> out;
  const std::string open = "<" + name + ">";
  for (auto at = xml.find(open); at != std::string::npos; at = xml.find(open, at + 1)) {
    const auto begin = at + open.size();
    out.push_back(xml.substr(begin, xml.find("</" + name + ">", begin) - begin));
  }
  return out;
}
// Of the first; empty without one.
inline std::string xml_text(const std::string& xml, const std::string& name) {
  const auto found = xml_texts(xml, name);
  return found.empty() ? "" : found.front();
}

// Control's state without engine, store or network.
class ControlState {
 public:
  explicit ControlState(std::int64_t now_millis) : now(shared::from_epoch_millis(now_millis)) {}
  virtual ~ControlState() = default;

  agent::control::State state;
  agent::control::Settings settings;
  shared::WallTime now;

 protected:
  // As the engine does it: an error takes everything back.
  template <class Run>
  auto in_a_step(Run run) {
    for (auto* table : state.tables()) table->begin_step();
    agent::control::Step step{state, now, random_, settings};
    auto answer = run(step);
    if (!answer) {
      for (auto* table : state.tables()) table->undo_step();
    }
    follow(step);
    return answer;
  }
  // What the engine does after each step, as far as the test needs it.
  virtual void follow(agent::control::Step&) {}

 private:
  shared::env::SeededRandom random_{1};
};

}  // namespace tests
