#include <algorithm>

#include "agent/cli/commands/frame/command.h"

namespace agent::cli {
namespace {

constexpr std::size_t kNameWidth = 16;
constexpr std::size_t kFlagWidth = 26;

std::string left_of(const Flag& flag) {
  std::string text = flag.letter != 0 ? std::string("-") + flag.letter + ", " : "    ";
  text += flag.name;
  if (!flag.value.empty()) text += " " + flag.value;
  return text;
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size() + 1), ' ');
  return text;
}

std::string flags_text(const std::vector<Flag>& flags) {
  std::string out;
  for (const Flag& each : flags) out += "  " + padded(left_of(each), kFlagWidth) + each.help + "\n";
  return out;
}

constexpr const char* kCodes = R"(Exit codes:
  0    done (plan: nothing would change)
  1    it failed, or what was asked about is not well (plan: something would change)
  2    wrong usage or a wrong file (plan: it cannot be said)
  3    control cannot be reached, or does not take the keys
  4    the deployment failed, or was rolled back
  5    not within --timeout
  125  run --wait: the task did not run to an exit code; otherwise the task's own exit code
  130  interrupted
)";

constexpr const char* kEnvironment = R"(Environment:
  AWS_ENDPOINT_URL, BERTH_ENDPOINT       where control is, http://HOST:PORT
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
  AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE
  AWS_REGION, AWS_DEFAULT_REGION, AWS_CA_BUNDLE
  BERTH_CLUSTER, ECS_CLUSTER             the cluster, otherwise "default"
  BERTH_CLI_CONFIG                       a settings file, otherwise ~/.config/berth/berth.json or /etc/berth/berth.json:
                                         endpoint, region, cluster, profile, credentials_file, ca_file
  NO_COLOR                               no colours
On a host of control its own keys are used when nothing else is set and its files can be read.
)";

const char* word_of(Completes what) {
  switch (what) {
    case Completes::kService:
      return "services";
    case Completes::kTask:
      return "tasks";
    case Completes::kNode:
      return "nodes";
    case Completes::kServiceOrTask:
      return "services tasks";
    case Completes::kFile:
    case Completes::kNothing:
      break;
  }
  return "";
}

}  // namespace

std::string help() {
  std::string out =
      "Usage: berth COMMAND [WORDS] [FLAGS]\n\n"
      "Runs services on an installation of Berth by the APIs of Amazon ECS and Elastic Load Balancing.\n";
  std::string group;
  for (const Command& each : commands()) {
    if (each.summary.empty()) continue;
    if (each.group != group) out += "\n" + each.group + ":\n";
    group = each.group;
    out += "  " + padded(each.name, kNameWidth) + each.summary + "\n";
  }
  out += "\nFlags of every command:\n" + flags_text(common_flags());
  out += "\n" + std::string(kCodes) + "\n" + kEnvironment;
  out += "\n`berth COMMAND --help` tells what one does.\n";
  return out;
}

std::string help_of(const Command& command) {
  std::string out = "Usage: berth " + command.name + (command.usage.empty() ? "" : " " + command.usage) +
                    " [FLAGS]\n\n" + command.summary + ".\n";
  if (!command.details.empty()) out += "\n" + command.details + "\n";
  if (!command.flags.empty()) out += "\nFlags:\n" + flags_text(command.flags);
  out += "\nFlags of every command:\n" + flags_text(common_flags());
  return out;
}

std::string bash_completion() {
  std::string out =
      "# bash completion of berth; made by `berth completion bash`.\n_berth_complete() {\n  local "
      "current=${COMP_WORDS[COMP_CWORD]} line words kinds flags\n"
      "  line=\" ${COMP_WORDS[*]:1:COMP_CWORD-1} \"\n  case $line in\n";
  std::vector<const Command*> all;
  for (const Command& each : commands()) all.push_back(&each);
  // The longest names first, so that "lb rules" is not taken for "lb".
  std::stable_sort(all.begin(), all.end(), [](const Command* a, const Command* b) {
    return std::count(a->name.begin(), a->name.end(), ' ') > std::count(b->name.begin(), b->name.end(), ' ');
  });
  for (const Command* each : all) {
    std::string flags;
    for (const Flag& flag : each->flags) flags += flag.name + " ";
    out += "    *\" " + each->name + " \"*) flags='" + flags + "' kinds='" + word_of(each->completes) +
           "' words='" + (each->completes == Completes::kFile ? "@file" : "") + "' ;;\n";
  }
  std::string firsts;
  for (const Command& each : commands()) {
    const std::string first = each.name.substr(0, each.name.find(' '));
    if ((" " + firsts).find(" " + first + " ") == std::string::npos) firsts += first + " ";
  }
  std::map<std::string, std::string> seconds;
  for (const Command& each : commands()) {
    const std::size_t blank = each.name.find(' ');
    if (blank != std::string::npos) seconds[each.name.substr(0, blank)] += each.name.substr(blank + 1) + " ";
  }
  for (const auto& [first, second] : seconds) out += "    *\" " + first + " \"*) words='" + second + "' ;;\n";
  std::string common;
  for (const Flag& each : common_flags()) common += each.name + " ";
  out += "    *) words='" + firsts + "' ;;\n  esac\n";
  out += "  if [[ $current == -* ]]; then\n    mapfile -t COMPREPLY < <(compgen -W \"$flags " + common +
         "\" -- \"$current\")\n"
         "  elif [[ $words == @file ]]; then\n    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
         "  else\n    [[ -n $kinds ]] && words=$(berth complete $kinds 2>/dev/null)\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n  fi\n}\ncomplete -F "
         "_berth_complete berth\n";
  return out;
}

}  // namespace agent::cli
