#include "agent/api/ecs/wire/pages.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "shared/crypto/hash.h"

namespace agent::api::ecs {

using nlohmann::json;

Answer page_of(const Context& context, std::string_view member, std::vector<Item> items, int default_size,
               Sort sort, int most) {
  const int size = integer_in(context.in, "maxResults").value_or(default_size);
  if (size < 1 || size > most) {
    return invalid_parameter("maxResults must be between 1 and " + std::to_string(most) + ", got " +
                             std::to_string(size) + ".");
  }
  const auto before = [sort](const std::string& a, const std::string& b) {
    return sort == Sort::kAscending ? a < b : b < a;
  };
  std::sort(items.begin(), items.end(),
            [&](const Item& a, const Item& b) { return before(a.place, b.place); });

  const std::string token_head = context.call.operation + "\n";
  auto next = items.begin();
  if (const std::string token = text_in(context.in, "nextToken"); !token.empty()) {
    const auto decoded = shared::crypto::base64_decode(token);
    if (!decoded || !decoded->starts_with(token_head)) return invalid_parameter("Invalid token.");
    const std::string last = decoded->substr(token_head.size());
    next =
        std::find_if(items.begin(), items.end(), [&](const Item& item) { return before(last, item.place); });
  }

  const auto end = items.end() - next > size ? next + size : items.end();
  json values = json::array();
  for (auto it = next; it != end; ++it) values.push_back(it->value);
  json answer{{std::string(member), std::move(values)}};
  if (end != items.end()) answer["nextToken"] = shared::crypto::base64_encode(token_head + (end - 1)->place);
  return answer;
}

}  // namespace agent::api::ecs
