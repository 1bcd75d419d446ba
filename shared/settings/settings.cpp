#include "shared/settings/settings.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "shared/base/check.h"
#include "shared/json/lines.h"
#include "shared/json/nearest.h"
#include "shared/json/reader.h"
#include "shared/settings/command_line.h"
#include "shared/settings/values.h"

namespace shared::settings {
namespace {

constexpr std::string_view kOwnPrefix = "BERTH_";  // of variables that only our programs read
constexpr std::string_view kDefaultSource = "default";

Error wrong_setting(std::string_view source, std::string_view what) {
  return Error("setting", std::string(source) + ": " + std::string(what), Blame::kClient);
}

// nullopt: there is no such file.
Result<std::optional<std::string>> read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file && errno == ENOENT) return std::optional<std::string>();
  std::ostringstream text;
  // An empty file sets failbit only, an error while reading (a directory) badbit.
  if (file.is_open() && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || file.bad() || text.bad()) {
    return wrong_setting(path, std::string("cannot be read: ") + std::strerror(errno));
  }
  return std::optional<std::string>(std::move(text).str());
}

}  // namespace

SettingsSpec::SettingsSpec(std::string program, std::string description, std::string version)
    : program_(std::move(program)), description_(std::move(description)), version_(std::move(version)) {}

SettingsSpec& SettingsSpec::file(std::string flag, std::string env, std::string default_path) {
  file_flag_ = std::move(flag);
  file_env_ = std::move(env);
  file_default_ = std::move(default_path);
  return *this;
}

SettingsSpec& SettingsSpec::add(Option option) {
  BERTH_CHECK(find(option.name) == nullptr, "a setting is declared twice");
  if (option.fallback) {
    BERTH_CHECK(value_from_text(option, *option.fallback).has_value(),
                "the fallback of a setting is not valid");
  }
  options_.push_back(std::move(option));
  return *this;
}

const Option* SettingsSpec::find(std::string_view name) const {
  const auto found =
      std::find_if(options_.begin(), options_.end(), [&](const Option& o) { return o.name == name; });
  return found == options_.end() ? nullptr : &*found;
}

// One run of load(): fills entries from the weakest source to the strongest.
class Loader {
 public:
  Loader(const SettingsSpec& spec, const Environment& environment) : spec_(spec), environment_(environment) {}

  Checked run(const CommandLine& line) {
    for (const Option& option : spec_.options()) {
      if (option.fallback)
        take(option, std::string(kDefaultSource), value_from_text(option, *option.fallback));
    }
    take_file(line);
    take_environment();
    take_flags(line);
    warn_about_variables();
    if (line.asked == Asked::kPrintSettings) loaded_.print = dump();
    return {std::move(problems_), std::move(loaded_)};
  }

 private:
  void take(const Option& option, std::string source, Result<Value> value) {
    if (!value) return problem(source, value.error().text());
    loaded_.settings.entries_.insert_or_assign(option.name,
                                               Settings::Entry{std::move(*value), std::move(source)});
  }

  void problem(std::string_view source, std::string_view what) {
    problems_.push_back(std::string(source) + ": " + std::string(what));
  }

  void take_file(const CommandLine& line) {
    const auto variable = environment_.find(spec_.file_env());
    const bool from_env = variable != environment_.end() && !variable->second.empty();
    const std::string path = line.file ? *line.file : from_env ? variable->second : spec_.file_default();
    if (path.empty()) return;
    const auto text = read_file(path);
    if (!text) return problems_.push_back(text.error().text());
    if (*text) return take_text(path, **text);
    if (line.file || from_env)
      problem(line.file ? spec_.file_flag() : spec_.file_env(), "there is no file " + path);
  }

  // Each member has an error sink of its own, so that one mistake hides no other.
  void take_text(const std::string& path, const std::string& text) {
    const auto document = json::parse(text);
    if (!document) return problem(path, document.error().text());
    if (!document->is_object()) {
      json::ErrorSink sink("setting");
      const json::Reader refused(*document, sink);
      return problem(path, sink.error().text());
    }
    const auto lines = json::member_lines(text);
    const auto at = [&](const std::string& name) {
      const auto found = lines.find(name);
      return found == lines.end() ? path : path + ":" + std::to_string(found->second);
    };
    std::vector<std::string_view> names;
    for (const Option& option : spec_.options()) names.push_back(option.name);
    for (const auto& [name, value] : document->items()) {
      if (std::find(names.begin(), names.end(), name) == names.end())
        problem(at(name), json::unknown_name("member", name, names));
    }
    for (const Option& option : spec_.options()) {
      json::ErrorSink sink("setting");
      auto value = value_from_json(option, json::Reader(*document, sink));
      if (!sink.ok()) {
        problem(at(option.name), sink.error().text());
      } else if (value) {
        take(option, at(option.name) + ": " + option.name, std::move(*value));
      }
    }
  }

  void take_environment() {
    for (const Option& option : spec_.options()) {
      for (const std::string& name : option.env) {
        const auto variable = environment_.find(name);
        if (variable == environment_.end() || variable->second.empty()) continue;
        take(option, name, value_from_text(option, variable->second));
        break;
      }
    }
  }

  void take_flags(const CommandLine& line) {
    for (const Option& option : spec_.options()) {
      const auto given = line.given.find(option.name);
      if (given == line.given.end()) continue;
      const auto& [flag, texts] = given->second;
      take(option, flag, value_of_flags(option, texts));
    }
  }

  // Repeated flags of lists and maps add up; of others the last holds.
  static Result<Value> value_of_flags(const Option& option, const std::vector<std::string>& texts) {
    auto value = value_from_text(option, texts.front());
    for (std::size_t i = 1; value && i < texts.size(); ++i) {
      auto more = value_from_text(option, texts[i]);
      if (!more) return more;
      if (auto* list = std::get_if<std::vector<std::string>>(&*value)) {
        const auto& added = std::get<std::vector<std::string>>(*more);
        list->insert(list->end(), added.begin(), added.end());
      } else if (auto* map = std::get_if<std::map<std::string, std::string>>(&*value)) {
        for (auto& [key, text] : std::get<std::map<std::string, std::string>>(*more))
          map->insert_or_assign(key, text);
      } else {
        value = std::move(more);
      }
    }
    return value;
  }

  void warn_about_variables() {
    std::vector<std::string_view> known{spec_.file_env()};
    for (const Option& option : spec_.options())
      known.insert(known.end(), option.env.begin(), option.env.end());
    for (const auto& [name, value] : environment_) {
      if (!name.starts_with(kOwnPrefix) || std::find(known.begin(), known.end(), name) != known.end())
        continue;
      loaded_.warnings.push_back(json::unknown_name("variable", name, known));
    }
  }

  std::string dump() const {
    std::string out;
    for (const Option& option : spec_.options()) {
      const auto entry = loaded_.settings.entries_.find(option.name);
      out += "# " + (option.flag.empty() ? "" : option.flag + ": ") + describe(spec_, option) + "\n";
      out += option.name + " = ";
      if (entry == loaded_.settings.entries_.end()) {
        out += " (unset)\n";
        continue;
      }
      out += option.secrecy == Secrecy::kSecret ? "***" : value_text(entry->second.value);
      out += "  (" + entry->second.source + ")\n";
    }
    return out;
  }

  const SettingsSpec& spec_;
  const Environment& environment_;
  std::vector<std::string> problems_;
  Loaded loaded_;
};

Result<Loaded> load(const SettingsSpec& spec, const std::vector<std::string>& arguments,
                    const Environment& environment) {
  Checked checked = check(spec, arguments, environment);
  if (!checked.problems.empty()) return Error("setting", checked.problems.front(), Blame::kClient);
  return std::move(checked.loaded);
}

Checked check(const SettingsSpec& spec, const std::vector<std::string>& arguments,
              const Environment& environment) {
  Checked out;
  auto line = parse_command_line(spec, arguments);
  if (!line) {
    out.problems.push_back(line.error().text());
  } else if (line->print) {
    out.loaded.print = std::move(line->print);
  } else {
    out = Loader(spec, environment).run(*line);
  }
  return out;
}

Environment process_environment() {
  Environment out;
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

bool Settings::has(std::string_view name) const { return entries_.find(name) != entries_.end(); }

template <class T>
const T& Settings::get(std::string_view name) const {
  const auto entry = entries_.find(name);
  BERTH_CHECK(entry != entries_.end(), "a setting is read that is unset or not declared");
  const T* value = std::get_if<T>(&entry->second.value);
  BERTH_CHECK(value != nullptr, "a setting is read as another kind than declared");
  return *value;
}

const std::string& Settings::string(std::string_view name) const { return get<std::string>(name); }
std::optional<std::string> Settings::string_if(std::string_view name) const {
  return has(name) ? std::optional<std::string>(get<std::string>(name)) : std::nullopt;
}
std::int64_t Settings::integer(std::string_view name) const { return get<std::int64_t>(name); }
bool Settings::boolean(std::string_view name) const { return get<bool>(name); }
Millis Settings::duration(std::string_view name) const { return get<Millis>(name); }
const std::vector<std::string>& Settings::list(std::string_view name) const {
  return get<std::vector<std::string>>(name);
}
const std::map<std::string, std::string>& Settings::map(std::string_view name) const {
  return get<std::map<std::string, std::string>>(name);
}

std::string Settings::source(std::string_view name) const {
  const auto entry = entries_.find(name);
  return entry == entries_.end() ? std::string() : entry->second.source;
}

bool Settings::is_explicit(std::string_view name) const {
  return has(name) && source(name) != kDefaultSource;
}

}  // namespace shared::settings
