#include "agent/control/cluster/tags.h"

#include <nlohmann/json.hpp>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/wire/encode.h"

namespace agent::api::ecs {

using nlohmann::json;

Answer tag_resource(const Context& context) {
  const auto tags = tags_in(context.in);
  if (!tags) return tags.error();
  if (tags->empty()) return invalid_parameter("Tags can not be empty.");
  auto added = control::add_tags(context.step, text_in(context.in, "resourceArn"), *tags);
  if (!added) return added.error();
  return json::object();
}

Answer untag_resource(const Context& context) {
  const std::vector<std::string> keys = texts_in(context.in, "tagKeys");
  if (keys.empty()) return invalid_parameter("Tag keys can not be empty.");
  auto removed = control::remove_tags(context.step, text_in(context.in, "resourceArn"), keys);
  if (!removed) return removed.error();
  return json::object();
}

Answer list_tags_for_resource(const Context& context) {
  const auto tags = control::tags_of(context.step, text_in(context.in, "resourceArn"));
  if (!tags) return tags.error();
  return json{{"tags", encode_tags(*tags)}};
}

}  // namespace agent::api::ecs
