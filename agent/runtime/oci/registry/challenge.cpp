#include "agent/runtime/oci/registry/challenge.h"

#include <cctype>

#include "shared/base/text.h"
#include "shared/crypto/hash.h"
#include "shared/json/reader.h"

namespace agent::runtime::oci {
namespace {

using shared::Error;
using shared::Result;
using shared::json::Reader;

bool token_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// "https://host/v1/" -> "host"
std::string host_of(std::string server) {
  if (const auto scheme = server.find("://"); scheme != std::string::npos) server = server.substr(scheme + 3);
  server = server.substr(0, server.find('/'));
  return server == "index.docker.io" || server == "registry-1.docker.io" ? "docker.io" : server;
}

Result<Credentials> read_credentials(const Reader& in) {
  Credentials out{in.string_or("username", ""), in.string_or("password", ""),
                  in.string_or("identitytoken", "")};
  const std::string packed = in.string_or("auth", "");
  if (packed.empty()) return out;
  const auto plain = shared::crypto::base64_decode(packed);
  const auto colon = plain ? plain->find(':') : std::string::npos;
  if (colon == std::string::npos) return Error("malformed", "auth is not the base64 of user:password");
  out.user = plain->substr(0, colon);
  out.password = plain->substr(colon + 1);
  return out;
}

}  // namespace

std::optional<Challenge> parse_challenge(std::string_view text) {
  std::size_t at = 0;
  const auto skip = [&](std::string_view any) {
    while (at < text.size() && any.find(text[at]) != std::string_view::npos) ++at;
  };
  const auto token = [&] {
    const std::size_t from = at;
    while (at < text.size() && token_char(text[at])) ++at;
    return std::string(text.substr(from, at - from));
  };
  std::optional<Challenge> current;
  const auto good = [&] { return current && (current->scheme == "bearer" || current->scheme == "basic"); };
  for (;;) {
    skip(" \t,");
    const std::string word = token();
    if (word.empty()) break;
    skip(" \t");
    if (at >= text.size() || text[at] != '=') {  // a scheme
      if (good()) return current;
      current = Challenge{shared::lower_case(std::string(word)), {}};
      continue;
    }
    ++at;
    skip(" \t");
    std::string value;
    if (at < text.size() && text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        value += text[at];
      }
      ++at;
    } else {
      value = token();
    }
    if (current) current->parameters[shared::lower_case(std::string(word))] = value;
  }
  return good() ? current : std::nullopt;
}

Result<std::map<std::string, Credentials>> parse_credentials(std::string_view text) {
  auto document = shared::json::Document::parse(text, "malformed");
  if (!document) return document.error();
  const Reader root = document->root();
  std::map<std::string, Credentials> out;
  const bool whole = root.has("auths");
  const auto auths = whole ? root.child("auths") : std::optional(root);
  if (!auths) return root.ok() ? out : Result<std::map<std::string, Credentials>>(root.error());
  for (const std::string& server : auths->names()) {
    const auto in = auths->child(server);
    if (!in) break;
    auto read = read_credentials(*in);
    if (!read) return read.error().within(server);
    out[host_of(server)] = *read;
  }
  if (!root.ok()) return root.error();
  return out;
}

}  // namespace agent::runtime::oci
