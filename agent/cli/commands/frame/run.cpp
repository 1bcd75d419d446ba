#include "agent/cli/commands/frame/run.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

#include "agent/cli/commands/frame/command.h"
#include "shared/settings/settings.h"

namespace agent::cli {

using shared::Error;
using shared::Result;

namespace {

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return file.bad() ? std::nullopt : std::optional(text.str());
}

int code_of(const Error& error) {
  if (error.code() == "usage" || error.code() == "setting_file") return kUsage;
  if (error.code() == "interrupted") return kInterrupted;
  if (error.code() == "timed_out") return kTimedOut;
  if (error.code() == "deployment_failed") return kDeploymentFailed;
  return is_access_error(error) ? kNoAccess : kFailed;
}

// What to do about it, beside what it is.
std::string advice(const Error& error, const Place* place) {
  if (place == nullptr) return "";
  const std::string& code = error.code();
  const std::string where = place->endpoint + " (" + place->endpoint_source + ")";
  if (code == "connect" || code == "timeout" || code == "closed" || code == "tls")
    return "is control running at " + where + "? " + place->endpoint + "/readyz says how it is";
  if (code == "not_berth" || code == "malformed") return "the endpoint is " + where;
  if (code == "InvalidClientTokenId" || code == "UnrecognizedClientException")
    return "the key " + place->credentials.access_key_id + " (" + place->credentials_source +
           ") is none of the control at " + where;
  if (code.starts_with("SignatureDoesNotMatch") || code.starts_with("InvalidSignature")) {
    return "the secret (" + place->credentials_source + ") is wrong, the region " + place->region +
           " is not control's, or the clocks are apart";
  }
  if (code == "ClusterNotFoundException")
    return "the cluster is " + place->cluster + "; --cluster or BERTH_CLUSTER names another one";
  return "";
}

void tell(const Error& error, const Place* place) {
  std::string text = error.text();
  const std::string& code = error.code();
  // A service's own code is worth telling; words of ours are not.
  if (!code.empty() && code[0] >= 'A' && code[0] <= 'Z') text = code + ": " + text;
  std::fprintf(stderr, "berth: %s\n", harmless(text).c_str());
  if (const std::string more = advice(error, place); !more.empty())
    std::fprintf(stderr, "       %s\n", more.c_str());
}

Result<Format> format_of(const Arguments& arguments) {
  const std::string word = arguments.value("--output", "table");
  if (word == "table") return Format::kTable;
  if (word == "wide") return Format::kWide;
  if (word == "json") return Format::kJson;
  return Error("usage", "--output: '" + word + "' is none of table, wide, json");
}

}  // namespace

Result<void> Context::reach() {
  if (api_ != nullptr) return {};
  auto api = connect_();
  if (!api) return api.error();
  api_ = *api;
  return {};
}

int run(const std::vector<std::string>& words) {
  auto call = parse_call(words);
  if (!call) {
    std::fprintf(stderr, "berth: %s\n", call.error().text().c_str());
    return kUsage;
  }
  if (call->command == nullptr) {
    std::fputs(call->print.c_str(), stdout);
    return kDone;
  }
  const Arguments& arguments = call->arguments;
  auto format = format_of(arguments);
  const std::string colours = arguments.value("--color", "auto");
  if (format && colours != "auto" && colours != "always" && colours != "never")
    format = Error("usage", "--color: '" + colours + "' is none of auto, always, never");
  if (!format) {
    std::fprintf(stderr, "berth: %s\n", format.error().text().c_str());
    return kUsage;
  }
  const Environment environment = shared::settings::process_environment();
  const TerminalFacts facts = terminal_facts();
  TableLook look{facts.width, colour_for(colours, facts.output, environment), *format == Format::kWide};
  Terminal terminal(*format, look, facts.errors && *format != Format::kJson);
  std::unique_ptr<Api> api;
  std::optional<Place> place;
  Context context(arguments, terminal, environment, [&]() -> Result<Api*> {
    auto found = resolve({arguments.value("--endpoint"), arguments.value("--region"),
                          arguments.value("--cluster"), arguments.value("--profile")},
                         environment, read_text);
    if (!found) return found.error();
    place = *found;
    auto made = Api::create(*std::move(found));
    if (!made) return made.error();
    api = *std::move(made);
    return api.get();
  });
  const auto fail = [&](const Error& error) {
    terminal.clear_progress();
    if (error.code() != "interrupted") tell(error, place ? &*place : nullptr);
    return call->command->name == "plan" ? kUsage : code_of(error);
  };
  if (call->command->reach == Reach::kApi) {
    if (auto reached = context.reach(); !reached) return fail(reached.error());
  }
  auto code = call->command->run(context);
  if (!code) return fail(code.error());
  return *code;
}

}  // namespace agent::cli
