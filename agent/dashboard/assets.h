// The files of web/, which are in the program.
#pragma once
#include <string_view>
#include <vector>

namespace agent::dashboard {

struct Asset {
  std::string_view name;  // "style.css", "views/hosts.js"
  std::string_view bytes;
  std::string_view etag;  // quoted; another one for other bytes
};

const std::vector<Asset>& assets();  // made by embed.cmake
// nullptr: there is none of that name.
const Asset* find_asset(std::string_view name);
// By the ending of the name.
std::string_view content_type_of(std::string_view name);

}  // namespace agent::dashboard
