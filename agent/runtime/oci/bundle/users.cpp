#include "agent/runtime/oci/bundle/users.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

namespace agent::runtime::oci {
namespace {

using shared::Error;
using shared::Result;

constexpr std::uint32_t kMaxId = 2'147'483'647;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<std::uint32_t> id_of(std::string_view text) {
  std::uint32_t id = 0;
  const auto got = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || got.ec != std::errc() || got.ptr != text.data() + text.size() || id > kMaxId)
    return std::nullopt;
  return id;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void each_line(std::string_view text, std::size_t fields,
               const std::function<bool(const std::vector<std::string_view>&)>& take) {
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty() || line[0] == '#') continue;
    const auto parts = split(line, ':');
    if (parts.size() >= fields && !take(parts)) return;
  }
}

Result<std::uint32_t> find_group(const std::string& wanted, std::string_view group) {
  std::optional<std::uint32_t> found;
  each_line(group, 3, [&](const auto& parts) {
    if (parts[0] == wanted) found = id_of(parts[2]);
    return !found;
  });
  if (!found) found = id_of(wanted);
  if (found) return *found;
  return Error("user", all_digits(wanted)
                           ? "gids must be in range 0-2147483647"
                           : "unable to find group " + wanted + ": no matching entries in group file");
}

}  // namespace

Result<User> find_user(const std::string& wanted, std::string_view passwd, std::string_view group,
                       const std::vector<std::string>& added_groups) {
  const auto colon = wanted.find(':');
  const std::string name = wanted.substr(0, colon);
  const std::string of_group = colon == std::string::npos ? "" : wanted.substr(colon + 1);
  User user;
  std::string known_as;
  const auto number = id_of(name.empty() ? "0" : name);
  each_line(passwd, 6, [&](const auto& parts) {
    const auto uid = id_of(parts[2]);
    if (!uid || (parts[0] != name && uid != number)) return true;
    user.uid = *uid;
    user.gid = id_of(parts[3]).value_or(0);
    user.home = parts[5].empty() ? "/" : std::string(parts[5]);
    known_as = parts[0];
    return false;
  });
  if (known_as.empty()) {
    if (!number)
      return Error("user", all_digits(name)
                               ? "uids must be in range 0-2147483647"
                               : "unable to find user " + name + ": no matching entries in passwd file");
    user.uid = *number;
  }
  if (!of_group.empty()) {
    auto gid = find_group(of_group, group);
    if (!gid) return gid.error();
    user.gid = *gid;
  }
  // The primary group is a supplementary one too, so that a negative group cannot be left.
  user.groups.push_back(user.gid);
  const auto add = [&](std::uint32_t gid) {
    if (std::find(user.groups.begin(), user.groups.end(), gid) == user.groups.end())
      user.groups.push_back(gid);
  };
  if (of_group.empty() && !known_as.empty()) {
    each_line(group, 4, [&](const auto& parts) {
      const auto members = split(parts[3], ',');
      const auto gid = id_of(parts[2]);
      if (gid && std::find(members.begin(), members.end(), known_as) != members.end()) add(*gid);
      return true;
    });
  }
  for (const std::string& each : added_groups) {
    auto gid = find_group(each, group);
    if (!gid) return gid.error();
    add(*gid);
  }
  return user;
}

}  // namespace agent::runtime::oci
