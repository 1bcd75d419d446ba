// Parameters of Systems Manager, as control keeps them. Values arrive decoded and, of a SecureString, sealed.
// Names of errors are SSM's.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control::parameters {

inline constexpr std::size_t kMaxParameters = 10'000;
inline constexpr std::size_t kMaxVersions = 100;  // the oldest goes, unless it has a label
inline constexpr std::size_t kMaxLabels = 10;     // of a version

struct NewVersion {
  std::string name;
  model::ParameterVersion version;  // its number and time are given here
  bool overwrite = false;
  std::vector<model::Tag> tags;
};
// Errors: ParameterAlreadyExists, ParameterLimitExceeded, ParameterMaxVersionLimitExceeded,
// ValidationException.
shared::Result<const model::ParameterVersion*> put_parameter(Step& step, const NewVersion& request);
const model::Parameter* find_parameter(const State& state, std::string_view name);
// A version's number or label; empty: the newest. nullptr: there is none.
const model::ParameterVersion* find_version(const model::Parameter& row, std::string_view selector);
// False: there is none of that name.
bool delete_parameter(Step& step, std::string_view name);
// Errors: ParameterNotFound (of tags InvalidResourceId), ParameterVersionNotFound,
// ParameterVersionLabelLimitExceeded.
shared::Result<void> add_labels(Step& step, const std::string& name, std::int64_t version,
                                const std::vector<std::string>& labels);
// Those that the version had.
shared::Result<std::vector<std::string>> remove_labels(Step& step, const std::string& name,
                                                       std::int64_t version,
                                                       const std::vector<std::string>& labels);
shared::Result<void> add_parameter_tags(Step& step, const std::string& name,
                                        const std::vector<model::Tag>& tags);
shared::Result<void> remove_parameter_tags(Step& step, const std::string& name,
                                           const std::vector<std::string>& keys);

}  // namespace agent::control::parameters
