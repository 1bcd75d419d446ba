// token, join: how another host becomes one of this installation.
#include <sys/stat.h>

#include <filesystem>

#include "agent/cli/commands/deploys/files.h"
#include "agent/cli/commands/hosts/host_commands.h"
#include "agent/cli/commands/hosts/programs.h"
#include "shared/net/endpoint.h"

namespace agent::cli {

using shared::Error;
using shared::Result;
namespace fs = std::filesystem;

namespace {

constexpr const char* kNodeKeys[] = {"/var/lib/berth-control/node-credentials",
                                     "/var/lib/berth/node-credentials",
                                     "/var/lib/berth/quickstart/agent/node-credentials"};
constexpr const char* kKeysTarget = "/etc/berth/node-credentials";
constexpr const char* kConfigTarget = "/etc/ecs/ecs.config";

}  // namespace

const char* const kHowToJoin =
    "On control's host, as root:\n"
    "  berth token --control http://CONTROL:7350      # prints a token; control must listen at an address "
    "that hosts reach\n"
    "On the host that is to join, with the package berth-agent, as root:\n"
    "  berth join TOKEN --address ADDRESS             # ADDRESS is where the balancers reach this host's "
    "ports\n"
    "  systemctl enable --now berth-agent\n"
    "Then `berth nodes` shows it.\n";

Result<int> run_token(Context& context) {
  const std::string given = context.args.value("--file");
  std::string path = given;
  std::optional<std::string> text;
  for (const char* each : kNodeKeys) {
    if (!given.empty() || text) break;
    if (auto read = read_file(each)) {
      text = *std::move(read);
      path = each;
    }
  }
  if (!given.empty()) {
    auto read = read_file(given);
    if (!read) return read.error();
    text = *std::move(read);
  }
  if (!text)
    return Error("not_found", std::string("there is no ") + kNodeKeys[0] +
                                  " to read: run this on control's host as root, or give --file");
  const Section section = section_of(*text, "default").value_or(Section{});
  JoinToken token;
  const auto member = [&](const char* name) {
    return section.contains(name) ? section.at(name) : std::string();
  };
  token.access_key_id = member("aws_access_key_id");
  token.secret_access_key = member("aws_secret_access_key");
  if (token.secret_access_key.empty()) return Error("setting_file", path + ": has no keys");
  token.control = context.args.value("--control");
  if (token.control.empty())
    return Error(
        "usage",
        "berth token needs --control URL: where the other hosts reach control, such as http://10.0.0.1:7350");
  if (auto url = parse_url(token.control); !url) return url.error().within("--control");
  context.out.line(to_text(token));
  context.out.note(
      "On the other host: berth join TOKEN --address ITS-ADDRESS. Whoever has the token can be a host of "
      "this installation.");
  return kDone;
}

Result<int> run_join(Context& context) {
  if (context.args.words.empty()) return context.out.print(kHowToJoin) ? kDone : kFailed;
  auto token = parse_token(context.args.word(0));
  if (!token) return token.error();
  const std::string address = context.args.value("--address");
  if (!shared::net::is_ip_address(address))
    return Error("usage",
                 "berth join needs --address ADDRESS, an IP address at which the balancers reach this host");
  const std::string root = context.args.value("--root");
  const std::string keys = root + kKeysTarget;
  const std::string config = root + kConfigTarget;
  std::error_code error;
  for (const std::string& path : {keys, config}) {
    fs::create_directories(fs::path(path).parent_path(), error);
    if (error) return Error("failed", path + ": " + error.message());
  }
  // Before the secret is in it.
  const mode_t before = ::umask(077);
  auto written = write_file(keys,
                            "[default]\naws_access_key_id = " + token->access_key_id +
                                "\naws_secret_access_key = " + token->secret_access_key + "\n",
                            true);
  ::umask(before);
  if (!written) return written.error();
  ::chmod(keys.c_str(), S_IRUSR | S_IWUSR);
  const auto old = read_file(config);
  std::vector<std::pair<std::string, std::string>> variables = {
      {"BERTH_CONTROL", token->control}, {"BERTH_NODE_KEY_FILE", kKeysTarget}, {"BERTH_ADDRESS", address}};
  if (context.args.has("--cluster")) variables.emplace_back("ECS_CLUSTER", context.args.value("--cluster"));
  written = write_file(config, with_variables(old ? *old : "", variables), true);
  if (!written) return written.error();
  context.out.line("wrote " + keys + " and " + config +
                   "; now: systemctl enable --now berth-agent (or restart it)");
  return kDone;
}

}  // namespace agent::cli
