#include "shared/settings/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "shared/json/nearest.h"
#include "shared/settings/values.h"

namespace shared::settings {
namespace {

constexpr std::size_t kHelpColumn = 34;

// Settings that only the environment and the file can give are listed below the flags.
std::string without_flags(const SettingsSpec& spec) {
  std::string out;
  for (const Option& option : spec.options()) {
    if (!option.flag.empty()) continue;
    std::string line = "  " + option.name;
    line.append(line.size() < kHelpColumn ? kHelpColumn - line.size() : 1, ' ');
    out += line + describe(spec, option) + "\n";
  }
  return out.empty() ? out : "Settings without a flag:\n" + out;
}

// "unknown flag '--clustr' (did you mean '--cluster'?)"
Error unexpected(const CLI::App& app, const std::string& argument) {
  if (!argument.starts_with('-')) return wrong("unexpected argument '" + argument + "'");
  const std::string name = argument.substr(0, argument.find('='));
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) flags.push_back(option->get_name());
  return wrong(json::unknown_name("flag", name, std::vector<std::string_view>(flags.begin(), flags.end())));
}

}  // namespace

std::string describe(const SettingsSpec& spec, const Option& option) {
  std::string notes;
  const auto note = [&notes](const std::string& text) { notes += (notes.empty() ? "" : "; ") + text; };
  std::string variables;
  for (const std::string& variable : option.env) variables += (variables.empty() ? "" : ", ") + variable;
  if (!variables.empty()) note(variables);
  if (!spec.file_flag().empty()) note("file: " + option.name);
  if (!option.fallback) {
    note(option.unset.empty() ? "no default" : "default: " + option.unset);
  } else if (option.secrecy == Secrecy::kPublic) {
    note("default " + (option.fallback->empty() ? "empty" : *option.fallback));
  }
  if (!option.choices.empty()) {
    std::string words;
    for (const std::string& choice : option.choices) words += (words.empty() ? "" : ", ") + choice;
    note("one of " + words);
  }
  return option.help + " [" + notes + "]";
}

Result<CommandLine> parse_command_line(const SettingsSpec& spec, const std::vector<std::string>& arguments) {
  CLI::App app(spec.description(), spec.program());
  app.get_formatter()->column_width(kHelpColumn);
  app.set_version_flag("--version", spec.program() + " " + spec.version(), "Print the version and exit");
  bool print_settings = false;
  app.add_flag("--print-settings", print_settings, "Print every setting with its source and exit");
  app.allow_extras();
  app.footer(without_flags(spec));

  std::string file;
  CLI::Option* file_option = nullptr;
  if (!spec.file_flag().empty()) {
    std::string notes = spec.file_env();
    if (!spec.file_default().empty()) notes += "; default " + spec.file_default();
    file_option = app.add_option(spec.file_flag(), file, "Settings file (JSON) [" + notes + "]")->take_last();
  }
  struct Bound {
    const Option* option;
    CLI::Option* flag;
  };
  std::vector<Bound> bound;
  std::map<std::string, std::vector<std::string>> texts;
  for (const Option& option : spec.options()) {
    if (option.flag.empty()) continue;
    const std::string help = describe(spec, option);
    CLI::Option* flag = option.kind == Kind::kBoolean ? app.add_flag(option.flag, help)
                                                      : app.add_option(option.flag, texts[option.name], help);
    flag->type_name(option.kind == Kind::kBoolean ? "" : "VALUE");
    if (option.kind != Kind::kBoolean) flag->allow_extra_args(false);
    if (option.kind != Kind::kList && option.kind != Kind::kMap) flag->take_last();
    bound.push_back({&option, flag});
  }

  CommandLine out;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    out.print = app.help();
    return out;
  } catch (const CLI::CallForVersion&) {
    out.print = spec.program() + " " + spec.version() + "\n";
    return out;
  } catch (const CLI::ParseError& e) {
    return wrong(e.what());
  }
  if (const auto extra = app.remaining(); !extra.empty()) return unexpected(app, extra.front());
  if (print_settings) out.asked = Asked::kPrintSettings;
  if (file_option != nullptr && file_option->count() > 0) out.file = file;
  for (const auto& [option, flag] : bound) {
    if (flag->count() > 0) out.given[option->name] = {flag->get_name(), flag->results()};
  }
  return out;
}

}  // namespace shared::settings
