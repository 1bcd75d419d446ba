#include "agent/node/task/task_state.h"

#include <array>

namespace agent::node {
namespace {
constexpr std::array<std::string_view, 5> kWords = {"NONE", "PULLED", "CREATED", "RUNNING", "STOPPED"};
}

std::string_view word(Status status) { return kWords[static_cast<std::size_t>(status)]; }

std::string_view api_word(Status status) { return status < Status::kRunning ? "PENDING" : word(status); }

Status status_from_word(std::string_view text) {
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (kWords[i] == text) return static_cast<Status>(i);
  }
  return Status::kNone;
}

std::string id_of(const std::string& task_arn) { return task_arn.substr(task_arn.rfind('/') + 1); }

}  // namespace agent::node
