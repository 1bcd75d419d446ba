// Parameters of AWS's own, by which stacks look up the images of their hosts:
// /aws/service/ecs/optimized-ami/... and /aws/service/ami-amazon-linux-latest/.... The images are those that
// EC2's DescribeImages knows; nothing starts from them.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace agent::api::ssm {

std::optional<std::string> public_parameter(std::string_view name);  // its value

}  // namespace agent::api::ssm
