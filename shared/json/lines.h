// Where in a JSON text the members of its outermost object stand, for errors about a file that somebody wrote
// by hand. No I/O. Thread: any.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace shared::json {

// The line, from 1, of each member's name; of a repeated name the last. Empty for what is no object; of a
// text with a syntax error, the members before it.
std::map<std::string, std::size_t, std::less<>> member_lines(std::string_view text);

}  // namespace shared::json
