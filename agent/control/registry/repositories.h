// Repositories of ECR, as control keeps them: names and what was said of them. Images are in the registry
// that the installation names, and are none of control's. Names of errors are ECR's.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control::registry {

inline constexpr std::size_t kMaxRepositories = 10'000;

std::string repository_arn(const Settings& settings, std::string_view name);
// Error RepositoryNotFoundException.
shared::Result<const model::Repository*> find_repository(const Step& step, const std::string& name);
// Errors: RepositoryAlreadyExistsException, LimitExceededException, InvalidTagParameterException.
shared::Result<const model::Repository*> create_repository(Step& step, model::Repository repository);
// In place of the one of that name.
void set_repository(Step& step, const model::Repository& repository);
void delete_repository(Step& step, const std::string& name);
shared::Result<void> set_repository_tags(Step& step, const std::string& name, std::vector<model::Tag> tags);

}  // namespace agent::control::registry
