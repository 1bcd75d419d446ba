#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/secretsmanager/request.h"

namespace agent::api::secretsmanager {

using nlohmann::json;

Answer get_random_password(const Context& at, In in) {
  constexpr std::int64_t kMostChars = 4096;
  const auto length = in.integer<std::int64_t>("PasswordLength").value_or(32);
  const std::string excluded = in.string_or("ExcludeCharacters", "");
  struct Kind {
    const char* exclude;
    std::string letters;
  };
  const Kind kinds[] = {{"ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"},
                        {"ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
                        {"ExcludeNumbers", "0123456789"},
                        {"ExcludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"}};
  std::vector<std::string> wanted;
  for (const Kind& each : kinds) {
    if (!in.boolean_or(each.exclude, false)) wanted.push_back(each.letters);
  }
  if (in.boolean_or("IncludeSpace", false)) wanted.emplace_back(" ");
  const bool each_kind = in.boolean_or("RequireEachIncludedType", true);
  if (!in.ok()) return in.error();
  if (length < 1 || length > kMostChars)
    return constraint("passwordLength", std::to_string(length), "Member must have a value from 1 to 4096");
  std::string all;
  for (std::string& letters : wanted) {
    std::erase_if(letters, [&](char c) { return excluded.find(c) != std::string::npos; });
    if (letters.empty() && each_kind)
      return invalid("The ExcludeCharacters leave nothing of a character type that is included.");
    all += letters;
  }
  if (all.empty()) return invalid("Every character is excluded.");
  if (each_kind && static_cast<std::size_t>(length) < wanted.size())
    return invalid("The password length must be at least " + std::to_string(wanted.size()) +
                   " to have each included character type.");
  auto& random = at.step.random;
  std::string password;
  if (each_kind) {
    for (const std::string& letters : wanted) password += letters[random.below(letters.size())];
  }
  while (password.size() < static_cast<std::size_t>(length)) password += all[random.below(all.size())];
  for (std::size_t i = password.size(); i > 1; --i) std::swap(password[i - 1], password[random.below(i)]);
  return json{{"RandomPassword", password}};
}

}  // namespace agent::api::secretsmanager
