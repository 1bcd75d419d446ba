#include <algorithm>
#include <charconv>

#include "agent/cli/commands/frame/command.h"
#include "shared/json/nearest.h"

namespace agent::cli {

using shared::Error;
using shared::Result;

namespace {

Error usage_error(std::string text) { return Error("usage", std::move(text), shared::Blame::kClient); }

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return words;
}

// The command whose words these begin with; the longest one ("lb rules" before "lb").
const Command* command_at(const std::vector<std::string>& words, std::size_t& used) {
  const Command* found = nullptr;
  for (const Command& each : commands()) {
    const auto name = split_words(each.name);
    if (name.size() > words.size() || !std::equal(name.begin(), name.end(), words.begin())) continue;
    if (found != nullptr && name.size() < used) continue;
    found = &each;
    used = name.size();
  }
  return found;
}

const Flag* flag_named(const Command* command, std::string_view name) {
  const auto search = [&](const std::vector<Flag>& flags) -> const Flag* {
    for (const Flag& each : flags) {
      if (each.name == name ||
          (each.letter != 0 && name.size() == 2 && name[0] == '-' && name[1] == each.letter))
        return &each;
    }
    return nullptr;
  };
  const Flag* found = command == nullptr ? nullptr : search(command->flags);
  return found != nullptr ? found : search(common_flags());
}

Error unknown_flag(const Command& command, const std::string& name) {
  std::vector<std::string_view> known;
  for (const Flag& each : command.flags) known.push_back(each.name);
  for (const Flag& each : common_flags()) known.push_back(each.name);
  return usage_error(shared::json::unknown_name("flag", name, known) + "; see berth " + command.name +
                     " --help");
}

Error unknown_command(const std::vector<std::string>& words) {
  std::vector<std::string> group;
  for (const Command& each : commands()) {
    if (each.name.starts_with(words[0] + " ")) group.push_back(each.name);
  }
  if (!group.empty()) {
    std::string text = "berth " + words[0] +
                       (words.size() > 1 ? ": unknown command '" + words[1] + "'" : "") + "; there are";
    for (const std::string& each : group) text += (&each == &group.front() ? " " : ", ") + each;
    return usage_error(text);
  }
  std::vector<std::string_view> known;
  for (const Command& each : commands()) known.push_back(each.name);
  return usage_error(shared::json::unknown_name("command", words[0], known) + "; see berth --help");
}

struct Reading {
  const std::vector<std::string>& all;
  std::size_t at = 0;
  const Command* command = nullptr;
  Arguments out{};
};

// "--flag", "--flag=value", "-f", "-fvalue", "-o value".
Result<void> read_flag(Reading& in) {
  std::string word = in.all[in.at++];
  std::optional<std::string> value;
  if (word.starts_with("--")) {
    if (const std::size_t equals = word.find('='); equals != std::string::npos) {
      value = word.substr(equals + 1);
      word.resize(equals);
    }
  } else if (word.size() > 2) {
    value = word.substr(2);
    word.resize(2);
  }
  const Flag* flag = flag_named(in.command, word);
  if (flag == nullptr) return unknown_flag(*in.command, word);
  if (flag->value.empty()) {
    if (value && !in.all[in.at - 1].starts_with("--"))
      return usage_error("'" + in.all[in.at - 1] + "': give -" + flag->letter + " apart");
    if (value) return usage_error(flag->name + " takes no value");
    in.out.flags[flag->name];
    return {};
  }
  if (!value) {
    if (in.at >= in.all.size())
      return usage_error(flag->name + " needs a value: " + flag->name + " " + flag->value);
    value = in.all[in.at++];
  }
  auto& values = in.out.flags[flag->name];
  if (!flag->many) values.clear();
  values.push_back(*value);
  return {};
}

bool is_flag(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

}  // namespace

std::string Arguments::value(std::string_view name, std::string_view otherwise) const {
  const auto it = flags.find(std::string(name));
  return it == flags.end() || it->second.empty() ? std::string(otherwise) : it->second.back();
}

std::vector<std::string> Arguments::values(std::string_view name) const {
  const auto it = flags.find(std::string(name));
  return it == flags.end() ? std::vector<std::string>{} : it->second;
}

Result<std::optional<long long>> Arguments::integer(std::string_view name, long long least,
                                                    long long most) const {
  if (!has(name)) return std::optional<long long>();
  const std::string text = value(name);
  long long number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number < least || number > most) {
    return usage_error(std::string(name) + ": '" + text + "' is no number from " + std::to_string(least) +
                       " to " + std::to_string(most));
  }
  return std::optional<long long>(number);
}

std::optional<shared::Millis> parse_span(std::string_view text) {
  if (text.empty()) return std::nullopt;
  long long total = 0;
  while (!text.empty()) {
    long long number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || number < 0 || number > 1'000'000'000) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    long long unit = 1000;
    if (!text.empty()) {
      constexpr std::string_view kUnits = "smhdw";
      constexpr long long kMillis[] = {1000, 60'000, 3'600'000, 86'400'000, 604'800'000};
      const std::size_t which = kUnits.find(text.front());
      if (which == std::string_view::npos) return std::nullopt;
      unit = kMillis[which];
      text.remove_prefix(1);
    }
    total += number * unit;
  }
  return shared::Millis(total);
}

Result<std::optional<shared::Millis>> Arguments::duration(std::string_view name) const {
  if (!has(name)) return std::optional<shared::Millis>();
  const auto parsed = parse_span(value(name));
  if (!parsed)
    return usage_error(std::string(name) + ": '" + value(name) +
                       "' is no duration such as 90s, 5m, 2h or 1d");
  return parsed;
}

Result<Call> parse_call(const std::vector<std::string>& words) {
  Call call;
  Reading in{words};
  // Flags that every command takes may stand before the command too.
  std::vector<std::string> names;
  std::vector<std::string> before;
  std::size_t start = 0;
  while (start < words.size() && is_flag(words[start])) {
    const std::string name = words[start].substr(0, words[start].find('='));
    if (name == "--version" || name == "version") {
      call.print = "berth " BERTH_VERSION "\n";
      return call;
    }
    const Flag* flag = flag_named(nullptr, name.starts_with("--") ? name : name.substr(0, 2));
    if (flag == nullptr)
      return usage_error("unknown flag '" + words[start] + "' before a command; see berth --help");
    before.push_back(words[start]);
    const bool joined =
        words[start].find('=') != std::string::npos || (!name.starts_with("--") && name.size() > 2);
    if (!flag->value.empty() && !joined && start + 1 < words.size()) before.push_back(words[++start]);
    ++start;
  }
  names.assign(words.begin() + static_cast<std::ptrdiff_t>(start), words.end());
  const bool wants_help = std::find(before.begin(), before.end(), "--help") != before.end() ||
                          std::find(before.begin(), before.end(), "-h") != before.end();
  if (names.empty() || (names[0] == "help" && names.size() == 1) || (wants_help && names.empty())) {
    call.print = help();
    return call;
  }
  if (names[0] == "help") names = {names.begin() + 1, names.end()}, before.push_back("--help");
  std::size_t used = 0;
  in.command = command_at(names, used);
  if (in.command == nullptr) return unknown_command(names);
  std::vector<std::string> all = before;
  all.insert(all.end(), names.begin() + static_cast<std::ptrdiff_t>(used), names.end());
  Reading reading{all, 0, in.command};
  while (reading.at < all.size()) {
    if (all[reading.at] == "--") {
      reading.out.rest.assign(all.begin() + static_cast<std::ptrdiff_t>(reading.at) + 1, all.end());
      break;
    }
    if (!is_flag(all[reading.at])) {
      reading.out.words.push_back(all[reading.at++]);
    } else if (auto read = read_flag(reading); !read) {
      return read.error();
    }
  }
  call.arguments = std::move(reading.out);
  if (call.arguments.has("--help")) {
    call.print = help_of(*in.command);
    return call;
  }
  call.command = in.command;
  const std::size_t count = call.arguments.words.size();
  if (count < in.command->least)
    return usage_error("berth " + in.command->name + " needs " + in.command->usage + "; see berth " +
                       in.command->name + " --help");
  if (count > in.command->most) {
    return usage_error("berth " + in.command->name + ": '" + call.arguments.words[in.command->most] +
                       "' is too much; usage: berth " + in.command->name +
                       (in.command->usage.empty() ? "" : " " + in.command->usage));
  }
  return call;
}

}  // namespace agent::cli
