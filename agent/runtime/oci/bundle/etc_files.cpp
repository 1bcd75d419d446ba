#include "agent/runtime/oci/bundle/etc_files.h"

#include <functional>
#include <sstream>

namespace agent::runtime::oci {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& each : words) out += (out.empty() ? "" : " ") + each;
  return out;
}

bool loopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

void each_line(std::string_view text,
               const std::function<void(const std::string&, const std::string&)>& take) {
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string word;
    std::string rest;
    words >> word;
    std::getline(words >> std::ws, rest);
    while (!rest.empty() && (rest.back() == ' ' || rest.back() == '\r' || rest.back() == '\t'))
      rest.pop_back();
    if (!word.empty() && word[0] != '#' && word[0] != ';') take(word, rest);
  }
}

}  // namespace

std::string hosts_file(const ContainerSettings& settings, const std::string& hostname,
                       const std::string& own_address, const std::string& gateway,
                       const std::vector<std::pair<std::string, std::string>>& links) {
  std::string out =
      "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
      "ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n"
      "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";
  for (const std::string& each : settings.extra_hosts) {
    const auto colon = each.find(':');
    const std::string address = each.substr(colon + 1);
    out += (address == "host-gateway" ? gateway : address) + "\t" + each.substr(0, colon) + "\n";
  }
  for (const auto& [address, names] : links) out += address + "\t" + names + "\n";
  if (!own_address.empty())
    out += own_address + "\t" +
           (settings.domain_name.empty() ? "" : hostname + "." + settings.domain_name + " ") + hostname +
           "\n";
  return out;
}

bool only_loopback_servers(std::string_view host) {
  bool any = false;
  bool other = false;
  each_line(host, [&](const std::string& word, const std::string& rest) {
    if (word == "nameserver") (loopback(rest) ? any : other) = true;
  });
  return any && !other;
}

std::string resolver_file(const ContainerSettings& settings, std::string_view host, bool host_network) {
  if (host_network && settings.dns.empty() && settings.dns_search.empty() && settings.dns_options.empty())
    return std::string(host);
  std::vector<std::string> servers = settings.dns;
  std::vector<std::string> search = settings.dns_search;
  std::vector<std::string> options = settings.dns_options;
  each_line(host, [&](const std::string& word, const std::string& rest) {
    if (word == "nameserver" && settings.dns.empty() &&
        (host_network || (!loopback(rest) && rest.find(':') == std::string::npos)))
      servers.push_back(rest);
    if ((word == "search" || word == "domain") && settings.dns_search.empty()) search = {rest};
    if (word == "options" && settings.dns_options.empty()) options = {rest};
  });
  std::string out;
  for (const std::string& each : servers) out += "nameserver " + each + "\n";
  if (!search.empty() && search[0] != ".") out += "search " + joined(search) + "\n";
  if (!options.empty()) out += "options " + joined(options) + "\n";
  return out;
}

}  // namespace agent::runtime::oci
