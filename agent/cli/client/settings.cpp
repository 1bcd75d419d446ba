#include "agent/cli/client/settings.h"

#include <array>
#include <charconv>

#include "shared/json/reader.h"
#include "shared/net/https_url.h"

namespace agent::cli {
namespace {

using shared::Error;
using shared::Result;

// Where the keys of a control on this host are: its package's unit, an agent with both roles, the quickstart.
constexpr std::array<const char*, 3> kLocalKeys = {"/var/lib/berth-control/credentials",
                                                   "/var/lib/berth/credentials",
                                                   "/var/lib/berth/quickstart/agent/credentials"};
constexpr const char* kSystemFile = "/etc/berth/berth.json";

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kBlank) - first + 1));
}

std::string variable(const Environment& environment, const char* name) {
  const auto it = environment.find(name);
  return it == environment.end() ? std::string() : it->second;
}

std::string in_home(const Environment& environment, const char* path) {
  const std::string home = variable(environment, "HOME");
  return home.empty() ? "" : home + path;
}

struct Own {
  std::string path;
  std::string endpoint, region, cluster, profile, credentials_file, ca_file;
};

Result<Own> own_settings(const Environment& environment, const ReadFile& read) {
  const std::string named = variable(environment, "BERTH_CLI_CONFIG");
  std::string config = variable(environment, "XDG_CONFIG_HOME");
  config = config.empty() ? in_home(environment, "/.config/berth/berth.json") : config + "/berth/berth.json";
  Own own;
  std::optional<std::string> text;
  for (const std::string& path :
       named.empty() ? std::vector<std::string>{config, kSystemFile} : std::vector<std::string>{named}) {
    if (path.empty()) continue;
    text = read(path);
    own.path = path;
    if (text) break;
  }
  if (!text) {
    if (!named.empty()) return Error("setting", "BERTH_CLI_CONFIG: " + named + " cannot be read");
    return Own{};
  }
  auto document = shared::json::Document::parse(*text, "setting");
  if (!document) return document.error().within(own.path);
  const auto in = document->root();
  in.only_members({"endpoint", "region", "cluster", "profile", "credentials_file", "ca_file"});
  own.endpoint = in.string_or("endpoint", "");
  own.region = in.string_or("region", "");
  own.cluster = in.string_or("cluster", "");
  own.profile = in.string_or("profile", "");
  own.credentials_file = in.string_or("credentials_file", "");
  own.ca_file = in.string_or("ca_file", "");
  if (!in.ok()) return in.error().within(own.path);
  return own;
}

std::string or_else(std::string first, std::string second) {
  return first.empty() ? std::move(second) : std::move(first);
}

std::string member(const Section& section, const char* name) {
  const auto it = section.find(name);
  return it == section.end() ? std::string() : it->second;
}

bool is_local(const Url& url) {
  return url.to.address == "localhost" || url.to.address == "::1" || url.to.address.starts_with("127.");
}

class Resolver {
 public:
  Resolver(const Given& given, const Environment& environment, const ReadFile& read)
      : given_(given), environment_(environment), read_(read) {}

  Result<Place> run() {
    auto own = own_settings(environment_, read_);
    if (!own) return own.error();
    own_ = *std::move(own);
    if (auto profile = read_profile(); !profile) return profile.error();
    find_local_keys();
    if (auto found = endpoint(); !found) return found.error();
    if (auto found = credentials(); !found) return found.error();
    place_.region =
        or_else(given_.region,
                or_else(variable(environment_, "AWS_REGION"),
                        or_else(variable(environment_, "AWS_DEFAULT_REGION"),
                                or_else(own_.region, or_else(member(config_, "region"), place_.region)))));
    place_.cluster = or_else(given_.cluster, or_else(variable(environment_, "BERTH_CLUSTER"),
                                                     or_else(variable(environment_, "ECS_CLUSTER"),
                                                             or_else(own_.cluster, place_.cluster))));
    place_.ca_file = or_else(variable(environment_, "AWS_CA_BUNDLE"), own_.ca_file);
    return std::move(place_);
  }

 private:
  Result<void> read_profile() {
    const std::string named =
        or_else(given_.profile, or_else(variable(environment_, "AWS_PROFILE"), own_.profile));
    profile_ = named.empty() ? "default" : named;
    config_file_ = or_else(variable(environment_, "AWS_CONFIG_FILE"), in_home(environment_, "/.aws/config"));
    keys_file_ = or_else(own_.credentials_file, or_else(variable(environment_, "AWS_SHARED_CREDENTIALS_FILE"),
                                                        in_home(environment_, "/.aws/credentials")));
    bool there = false;
    if (const auto text = config_file_.empty() ? std::nullopt : read_(config_file_)) {
      auto found = section_of(*text, profile_ == "default" ? profile_ : "profile " + profile_);
      there = found.has_value();
      config_ = std::move(found).value_or(Section{});
    }
    if (const auto text = keys_file_.empty() ? std::nullopt : read_(keys_file_)) {
      auto found = section_of(*text, profile_);
      there = there || found.has_value();
      keys_ = std::move(found).value_or(Section{});
    }
    if (!named.empty() && !there) {
      return Error("setting", "there is no profile '" + named + "' in " + keys_file_ + " or " + config_file_);
    }
    return {};
  }

  void find_local_keys() {
    for (const char* path : kLocalKeys) {
      const auto text = read_(path);
      if (!text) continue;
      local_ = section_of(*text, "default").value_or(Section{});
      local_file_ = path;
      return;
    }
  }

  Result<void> endpoint() {
    const auto take = [&](std::string text, std::string source) {
      if (!place_.endpoint.empty() || text.empty()) return;
      place_.endpoint = std::move(text);
      place_.endpoint_source = std::move(source);
    };
    take(given_.endpoint, "--endpoint");
    take(variable(environment_, "BERTH_ENDPOINT"), "BERTH_ENDPOINT");
    take(variable(environment_, "AWS_ENDPOINT_URL"), "AWS_ENDPOINT_URL");
    take(own_.endpoint, own_.path + ": endpoint");
    take(member(config_, "endpoint_url"), config_file_ + ": endpoint_url");
    if (!local_file_.empty()) take(std::string(kLocalEndpoint), "this host's control");
    if (place_.endpoint.empty()) {
      return Error(
          "setting",
          "no endpoint: where is control? Set AWS_ENDPOINT_URL (or --endpoint) to its URL, such as " +
              std::string(kLocalEndpoint) + ", or write {\"endpoint\": URL} to ~/.config/berth/berth.json");
    }
    auto url = parse_url(place_.endpoint);
    if (!url) return url.error().within(place_.endpoint_source);
    place_.url = *std::move(url);
    return {};
  }

  bool take_keys(const Section& from, const std::string& source) {
    place_.credentials.access_key_id = member(from, "aws_access_key_id");
    place_.credentials.secret_access_key = member(from, "aws_secret_access_key");
    place_.credentials.session_token = member(from, "aws_session_token");
    place_.credentials_source = source;
    return !place_.credentials.access_key_id.empty() && !place_.credentials.secret_access_key.empty();
  }

  Result<void> credentials() {
    const std::string id = variable(environment_, "AWS_ACCESS_KEY_ID");
    const bool by_profile = !given_.profile.empty();  // --profile means it, whatever the environment has
    if (!id.empty() && !by_profile) {
      const std::string secret = variable(environment_, "AWS_SECRET_ACCESS_KEY");
      if (secret.empty())
        return Error("setting", "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not");
      place_.credentials = {id, secret, variable(environment_, "AWS_SESSION_TOKEN")};
      place_.credentials_source = "AWS_ACCESS_KEY_ID";
      return {};
    }
    if (take_keys(keys_, keys_file_) || take_keys(config_, config_file_)) return {};
    // They are of this host's control and signed with for nobody else.
    if (is_local(place_.url) && !by_profile && take_keys(local_, local_file_)) return {};
    place_.credentials = {};
    return Error("setting",
                 "no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE "
                 "to a copy of "
                 "the file `credentials` in control's data directory");
  }

  const Given& given_;
  const Environment& environment_;
  const ReadFile& read_;
  Own own_;
  std::string profile_, config_file_, keys_file_, local_file_;
  Section config_, keys_, local_;
  Place place_;
};

}  // namespace

Result<Place> resolve(const Given& given, const Environment& environment, const ReadFile& read) {
  return Resolver(given, environment, read).run();
}

Result<Url> parse_url(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return Error("setting", "'" + std::string(text) + "' " + why);
  };
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    url.https = true;
  } else if (!rest.starts_with("http://")) {
    return wrong("is no URL of the form http://HOST:PORT");
  }
  rest.remove_prefix(url.https ? 8 : 7);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@ ") != std::string_view::npos) return wrong("has more than a host and a port");
  url.to.port = url.https ? shared::net::kHttpsPort : shared::net::kHttpPort;
  const std::size_t bracket = rest.rfind(']');
  const std::size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view port = rest.substr(colon + 1);
    const auto read = std::from_chars(port.data(), port.data() + port.size(), url.to.port);
    if (read.ec != std::errc() || read.ptr != port.data() + port.size() || url.to.port == 0)
      return wrong("has no port from 1 to 65535");
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  if (rest.empty()) return wrong("has no host");
  url.to.address = std::string(rest);
  return url;
}

std::optional<Section> section_of(std::string_view text, std::string_view name) {
  std::optional<Section> found;
  bool inside = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view raw = text.substr(0, end);
    const std::string line = trimmed(raw);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[' && line.back() == ']') {
      inside = trimmed(std::string_view(line).substr(1, line.size() - 2)) == name;
      if (inside && !found) found.emplace();
      continue;
    }
    const std::size_t equals = line.find('=');
    // Indented lines are members of the member before ("s3 =").
    if (!inside || equals == std::string::npos || raw.starts_with(' ') || raw.starts_with('\t')) continue;
    (*found)[trimmed(std::string_view(line).substr(0, equals))] =
        trimmed(std::string_view(line).substr(equals + 1));
  }
  return found;
}

}  // namespace agent::cli
