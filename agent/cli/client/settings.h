// Where the APIs are and as whom to call them: command line, environment, Berth's own settings files, AWS's
// profile files - the first that says something wins, per setting. Decided here without touching anything:
// files are read by a function that is handed in. Thread: any.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/aws/sigv4.h"
#include "shared/base/result.h"
#include "shared/net/endpoint.h"

namespace agent::cli {

// Control's own address where nobody says another one, on a host that has its keys.
inline constexpr std::string_view kLocalEndpoint = "http://127.0.0.1:7350";

// From the command line; empty: not given.
struct Given {
  std::string endpoint;
  std::string region;
  std::string cluster;
  std::string profile;
};

using Environment = std::map<std::string, std::string>;
// The text of a file, or nothing where it cannot be read.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

struct Url {
  bool https = false;
  shared::net::Endpoint to;  // an IP address without brackets or a host name, and a port
};
// "http://HOST[:PORT][/]" or https. Error "setting": what is wrong with it.
shared::Result<Url> parse_url(std::string_view text);

struct Place {
  std::string endpoint;         // as it was written
  std::string endpoint_source;  // "--endpoint", "AWS_ENDPOINT_URL", a file
  Url url;
  std::string region = "us-east-1";
  std::string cluster = "default";
  aws::Credentials credentials;
  std::string credentials_source;
  std::string ca_file;  // for https, beside the system's; empty: none
};

// Errors have the code "setting" and say what to set: no endpoint, no keys, a profile that is not there, a
// file with a mistake.
shared::Result<Place> resolve(const Given& given, const Environment& environment, const ReadFile& read);

// One section of a file as AWS's clients write them ("[default]", in their config file "[profile NAME]").
// Nothing: there is no such section.
using Section = std::map<std::string, std::string>;
std::optional<Section> section_of(std::string_view text, std::string_view name);

}  // namespace agent::cli
