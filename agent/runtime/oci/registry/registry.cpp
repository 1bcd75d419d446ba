#include "agent/runtime/oci/registry/registry.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "agent/runtime/oci/files/files.h"
#include "shared/base/unique_fd.h"
#include "shared/crypto/hash.h"
#include "shared/json/reader.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Millis;
using shared::Result;
using shared::UniqueFd;
using shared::http::Headers;
using shared::http::Slash;

constexpr const char* kPullCode = "pull";
constexpr Millis kFirstPause{1'000};
constexpr Millis kLongestPause{30'000};
constexpr std::size_t kMaxToken = 1024 * 1024;
constexpr std::string_view kDockerServer = "registry-1.docker.io";

bool worth_another_try(int status) {
  return status == 408 || status == 429 || (status >= 500 && status <= 504);
}
bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Seconds only; a date is answered by our own pause.
Millis pause_after(const shared::http::Response& response, Millis otherwise) {
  const auto header = response.headers.get("Retry-After");
  int seconds = 0;
  if (header && std::from_chars(header->data(), header->data() + header->size(), seconds).ec == std::errc() &&
      seconds > 0)
    return std::min(kLongestPause, Millis(seconds * 1000LL));
  return otherwise;
}

}  // namespace

Registry::Registry(Fetcher& fetcher, const RegistrySettings& settings, Reference repository)
    : fetcher_(fetcher), settings_(settings), repository_(std::move(repository)) {
  const std::string host =
      repository_.host == kDefaultRegistry ? std::string(kDockerServer) : repository_.host;
  if (auto url = parse_url("https://" + host + "/", nullptr)) {
    server_ = *url;
    if (host.find(':') == std::string::npos) server_.to.port = 443;
  }
}

bool Registry::may_be_insecure() const {
  const std::string& address = server_.to.address;
  return settings_.insecure.contains(repository_.host) || address == "localhost" || address == "::1" ||
         (address.starts_with("127.") && shared::net::is_ip_address(address));
}

const Credentials* Registry::credentials() const {
  const auto found = settings_.credentials.find(repository_.host);
  return found == settings_.credentials.end() ? nullptr : &found->second;
}

Error Registry::refused(const Response& response, const std::string& what) const {
  std::string words;
  if (auto document = shared::json::Document::parse(response.body, "malformed")) {
    for (const auto& each : document->root().children("errors")) {
      const std::string code = each.string_or("code", "");
      const std::string message = each.string_or("message", "");
      words += (words.empty() ? "" : "; ") + code + (code.empty() || message.empty() ? "" : ": ") + message;
    }
  }
  if (response.status == 401 || response.status == 403)
    return Error(kPullCode, "pull access denied for " + repository_.repository() +
                                ", repository does not exist or may require authorization" +
                                (words.empty() ? "" : ": " + words));
  if (response.status == 404)
    return Error(kPullCode, what + " not found" + (words.empty() ? "" : ": " + words));
  if (response.status == 429) return Error(kPullCode, "toomanyrequests: " + words);
  return Error(kPullCode, what + ": the registry answers " + std::to_string(response.status) +
                              (words.empty() ? "" : ": " + words));
}

// The realm may be anywhere; credentials go there only where they cannot be read on the way.
Result<std::string> Registry::ask_for_token(const Challenge& challenge) {
  const auto parameter = [&](const char* name) {
    const auto found = challenge.parameters.find(name);
    return found == challenge.parameters.end() ? std::string() : found->second;
  };
  auto url = parse_url(parameter("realm"), &server_);
  if (!url) return url.error().within("the registry's token server");
  const std::string scope =
      parameter("scope").empty() ? "repository:" + repository_.path + ":pull" : parameter("scope");
  const Credentials* known = credentials();
  if (known != nullptr && !url->tls && !(may_be_insecure() && url->to.address == server_.to.address))
    known = nullptr;
  const auto encoded = [](const std::string& text) {
    return shared::http::percent_encode(text, Slash::kEncode);
  };
  shared::http::Request request;
  const std::string query = "service=" + encoded(parameter("service")) + "&scope=" + encoded(scope);
  if (known != nullptr && !known->identity_token.empty()) {
    request.method = "POST";
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    request.body = "grant_type=refresh_token&client_id=berth&" + query +
                   "&refresh_token=" + encoded(known->identity_token);
  } else {
    url->target += (url->target.find('?') == std::string::npos ? "?" : "&") + query;
    if (known != nullptr)
      request.headers.set("Authorization",
                          "Basic " + shared::crypto::base64_encode(known->user + ":" + known->password));
  }
  FetchOptions options;
  options.max_body = kMaxToken;
  auto answer = fetcher_.fetch(*url, std::move(request), options);
  if (!answer) return answer.error();
  if (answer->status != 200) return refused(*answer, "a token for " + repository_.repository());
  auto document = shared::json::Document::parse(answer->body, kPullCode);
  if (!document) return document.error().within("the registry's token");
  const std::string token =
      document->root().string_or("token", document->root().string_or("access_token", ""));
  if (token.empty()) return Error(kPullCode, "the registry's token server answers without a token");
  return token;
}

Result<void> Registry::authorize(const Response& refusal) {
  for (const auto& [name, value] : refusal.headers.fields()) {
    if (!shared::http::equals_ignoring_case(name, "WWW-Authenticate")) continue;
    const auto challenge = parse_challenge(value);
    if (!challenge) continue;
    if (challenge->scheme == "basic") {
      const Credentials* const known = credentials();
      if (known == nullptr) return refused(refusal, repository_.repository());
      authorization_ = "Basic " + shared::crypto::base64_encode(known->user + ":" + known->password);
      return {};
    }
    auto token = ask_for_token(*challenge);
    if (!token) return token.error();
    authorization_ = "Bearer " + *token;
    return {};
  }
  return refused(refusal, repository_.repository());
}

// Authorization stays with the registry: storage has signed URLs, and refuses a second credential.
Result<Registry::Response> Registry::follow(Url url, shared::http::Request request,
                                            const FetchOptions& options) {
  const Url first = url;
  for (int i = 0; i <= kRedirects; ++i) {
    auto each = request;
    if (!url.same_server(first)) each.headers.remove("Authorization");
    auto answer = fetcher_.fetch(url, std::move(each), options);
    if (!answer || !is_redirect(answer->status)) return answer;
    const auto location = answer->headers.get("Location");
    if (!location) return Error(kPullCode, "a redirect without Location from " + url.authority());
    auto next = parse_url(std::string(*location), &url);
    if (!next) return next.error();
    if (url.tls && !next->tls)
      return Error(kPullCode, "a redirect from https to http, from " + url.authority());
    url = *next;
  }
  return Error(kPullCode, "more than " + std::to_string(kRedirects) + " redirects from " + first.authority());
}

Result<Registry::Response> Registry::get_once(const std::string& path, const Headers& headers,
                                              const FetchOptions& options) {
  for (int tries = 0;; ++tries) {
    shared::http::Request request;
    request.headers = headers;
    request.headers.set("Accept-Encoding", "identity");  // digests are of the stored bytes
    request.headers.set("User-Agent", "berth-agent");
    if (!authorization_.empty()) request.headers.set("Authorization", authorization_);
    Url url = server_;
    url.target = path;
    auto answer = follow(url, request, options);
    const std::string code = answer ? "" : answer.error().code();
    if (!settled_ && may_be_insecure() && (code == "tls" || code == "closed" || code == "malformed")) {
      settled_ = true;
      server_.tls = false;
      continue;
    }
    if (!answer) return answer;
    settled_ = true;
    if (answer->status != 401 || tries > 1) return answer;
    if (auto allowed = authorize(*answer); !allowed) return allowed.error();
  }
}

Result<Registry::Response> Registry::get(const std::string& path, Headers headers,
                                         const FetchOptions& options, const std::function<void()>& again) {
  Millis pause = kFirstPause;
  for (int attempt = 1;; ++attempt) {
    auto answer = get_once(path, headers, options);
    const bool last = attempt == kAttempts || fetcher_.cancelled();
    if (answer && (last || !worth_another_try(answer->status))) return answer;
    if (!answer) {
      const std::string& code = answer.error().code();
      if (last || (code != "connect" && code != "closed" && code != "timeout")) return answer;
      if (code == "connect" && attempt >= 2) return answer;  // nobody is there: it is not asked for long
    }
    fetcher_.wait(answer ? pause_after(*answer, pause) : pause);
    pause = std::min(pause * 2, kLongestPause);
    if (again) again();
  }
}

Result<Registry::Fetched> Registry::manifest(const std::string& wanted) {
  const std::string what =
      "manifest for " + repository_.repository() + (is_digest(wanted) ? "@" : ":") + wanted;
  Headers headers;
  headers.set("Accept", std::string(kAcceptManifests));
  FetchOptions options;
  options.max_body = kMaxManifest;
  auto answer = get("/v2/" + repository_.path + "/manifests/" + wanted, headers, options, nullptr);
  if (!answer) return Error(kPullCode, answer.error().text());
  if (answer->status != 200) return refused(*answer, what);
  Fetched out;
  out.digest = "sha256:" + shared::crypto::sha256_hex(answer->body);
  out.bytes = std::move(answer->body);
  out.content_type = answer->headers.get("Content-Type").value_or("");
  out.content_type = out.content_type.substr(0, out.content_type.find(';'));
  const auto said = answer->headers.get("Docker-Content-Digest");
  if (is_digest(wanted) && out.digest != wanted)
    return Error(kPullCode, what + ": the registry sends " + out.digest);
  if (said && is_digest(*said) && out.digest != *said)
    return Error(kPullCode, what + ": the registry names " + std::string(*said) + " and sends " + out.digest);
  return out;
}

Result<std::string> Registry::blob(const Descriptor& descriptor, std::size_t most) {
  if (descriptor.size > static_cast<std::int64_t>(most))
    return Error(kPullCode, "blob " + descriptor.digest + " is too long");
  FetchOptions options;
  options.max_body = static_cast<std::size_t>(descriptor.size);
  auto answer = get("/v2/" + repository_.path + "/blobs/" + descriptor.digest, {}, options, nullptr);
  if (!answer) return Error(kPullCode, answer.error().text());
  if (answer->status != 200) return refused(*answer, "blob " + descriptor.digest);
  if ("sha256:" + shared::crypto::sha256_hex(answer->body) != descriptor.digest)
    return Error(kPullCode, "blob " + descriptor.digest + " is not what its digest says");
  return std::move(answer->body);
}

Result<void> Registry::download(const Descriptor& descriptor, const fs::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return files::system_error("open " + file.string(), errno);
  shared::crypto::Sha256 hash;
  std::int64_t have = 0;
  std::string problem;
  const auto from_start = [&] {
    hash = shared::crypto::Sha256();
    have = 0;
    return ::ftruncate(fd.get(), 0) == 0;
  };
  std::string piece(std::size_t{1} << 18, '\0');
  for (ssize_t got = 0; (got = ::pread(fd.get(), piece.data(), piece.size(), have)) > 0; have += got)
    hash.update({piece.data(), static_cast<std::size_t>(got)});
  if (have > descriptor.size && !from_start()) return files::system_error("truncate " + file.string(), errno);
  FetchOptions options;
  options.on_chunk = [&](std::string_view bytes) {
    if (have + static_cast<std::int64_t>(bytes.size()) > descriptor.size) {
      problem = "blob " + descriptor.digest + " is longer than its manifest says";
      return false;
    }
    for (std::string_view left = bytes; !left.empty();) {
      const ssize_t wrote = ::pwrite(fd.get(), left.data(), left.size(),
                                     have + static_cast<std::int64_t>(bytes.size() - left.size()));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) {
        problem = files::system_error("write " + file.string(), errno).text();
        return false;
      }
      left.remove_prefix(static_cast<std::size_t>(wrote));
    }
    hash.update(bytes);
    have += static_cast<std::int64_t>(bytes.size());
    return true;
  };
  // Without Content-Range it comes from the start.
  options.on_head = [&](const Response& head) {
    const bool goes_on =
        head.status == 206 &&
        head.headers.get("Content-Range").value_or("").starts_with("bytes " + std::to_string(have) + "-");
    if (head.status >= 200 && head.status < 300 && !goes_on) from_start();
  };
  // A connection that breaks costs what it did not bring. As often as something comes, it goes on.
  for (int fruitless = 0; have < descriptor.size && fruitless < kAttempts;) {
    const std::int64_t before = have;
    Headers headers;
    if (have > 0) headers.set("Range", "bytes=" + std::to_string(have) + "-");
    auto answer = get_once("/v2/" + repository_.path + "/blobs/" + descriptor.digest, headers, options);
    if (!problem.empty()) {
      from_start();
      return Error(kPullCode, problem);
    }
    if (fetcher_.cancelled()) return Error("cancelled", "the agent is stopping");
    if (answer && answer->status == 416) from_start();
    if (answer && answer->status != 200 && answer->status != 206 && answer->status != 416 &&
        !worth_another_try(answer->status))
      return refused(*answer, "blob " + descriptor.digest);
    if (have >= descriptor.size) break;
    fruitless = have > before ? 0 : fruitless + 1;
    if (fruitless == kAttempts)
      return answer ? refused(*answer, "blob " + descriptor.digest) : Error(kPullCode, answer.error().text());
    fetcher_.wait(fruitless == 0 ? Millis(0) : kFirstPause * (1 << (fruitless - 1)));
  }
  if ("sha256:" + hash.hex() != descriptor.digest) {
    from_start();
    return Error(kPullCode, "blob " + descriptor.digest + " is not what its digest says");
  }
  return {};
}

}  // namespace agent::runtime::oci
