#include "agent/runtime/oci/registry/fetcher.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "shared/net/https_url.h"

namespace agent::runtime::oci {
namespace {

using shared::Error;
using shared::Millis;
using shared::Result;
using shared::http::Response;

constexpr Millis kLook{200};  // how often a call that waits asks whether it is still wanted
constexpr Millis kConnect{10'000};
constexpr Millis kLongest{6 * 3600'000};

}  // namespace

std::string Url::authority() const {
  return shared::net::authority_of(to, tls ? shared::net::kHttpsPort : shared::net::kHttpPort);
}

Result<Url> parse_url(const std::string& text, const Url* base) {
  const auto bad = [&] {
    return Error("malformed", "'" + text.substr(0, 200) + "' is no http or https URL",
                 shared::Blame::kTarget);
  };
  Url url;
  if (base != nullptr && text.starts_with('/') && !text.starts_with("//")) {
    url = *base;
    url.target = text;
    return url;
  }
  std::string rest;
  if (text.starts_with("https://")) {
    rest = text.substr(8);
  } else if (text.starts_with("http://")) {
    rest = text.substr(7);
    url.tls = false;
  } else {
    return bad();
  }
  rest = rest.substr(0, rest.find('#'));
  const auto slash = rest.find_first_of("/?");
  std::string host = rest.substr(0, slash);
  if (slash != std::string::npos) url.target = (rest[slash] == '?' ? "/" : "") + rest.substr(slash);
  if (host.empty() || host.find('@') != std::string::npos) return bad();
  url.to.port = url.tls ? shared::net::kHttpsPort : shared::net::kHttpPort;
  const auto colon = host.rfind(':');
  if (colon != std::string::npos && (host[0] != '[' || host[colon - 1] == ']')) {
    int port = 0;
    const char* const end = host.data() + host.size();
    if (std::from_chars(host.data() + colon + 1, end, port).ptr != end || port < 1 ||
        port > shared::net::kMaxPort)
      return bad();
    url.to.port = static_cast<std::uint16_t>(port);
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto plain = [](char c) { return c > ' ' && c < 0x7f; };
  if (host.empty() || !std::all_of(host.begin(), host.end(), plain) ||
      !std::all_of(url.target.begin(), url.target.end(), plain))
    return bad();
  url.to.address = host;
  return url;
}

Fetcher::~Fetcher() {
  plain_.clear();
  tls_.reset();
}

Result<Response> Fetcher::fetch(const Url& url, shared::http::Request request, const FetchOptions& options) {
  std::optional<Result<Response>> answer;
  bool stopped = false;
  auto last = loop_.now();
  const auto on_head = [&](const Response& head) {
    last = loop_.now();
    if (options.on_head) options.on_head(head);
  };
  const auto on_chunk = [&](std::string_view bytes) {
    last = loop_.now();
    if (!stopped && !options.on_chunk(bytes)) stopped = true;
  };
  const auto done = [&](Result<Response> result) { answer.emplace(std::move(result)); };
  request.target = url.target;
  request.headers.set("Host", url.authority());
  shared::httpd::Call call;
  if (url.tls) {
    if (!tls_) {
      auto made = shared::httpd::HttpsClient::create(loop_, ca_file_);
      if (!made) return made.error();
      tls_ = *std::move(made);
    }
    shared::httpd::HttpsOptions how;
    how.timeout = kLongest;
    how.max_body_bytes = options.max_body;
    how.on_head = on_head;
    if (options.on_chunk) how.on_chunk = on_chunk;
    call = tls_->request(shared::net::HttpsUrl{url.to, url.target}, std::move(request), std::move(how), done);
  } else {
    auto& client = plain_[shared::net::to_string(url.to)];
    if (!client) client = shared::httpd::Client::create(loop_, url.to);
    shared::httpd::CallOptions how;
    how.connect_timeout = kConnect;
    how.timeout = kLongest;
    how.max_body_bytes = options.max_body;
    how.on_head = on_head;
    if (options.on_chunk) how.on_chunk = on_chunk;
    call = client->request(std::move(request), std::move(how), done);
  }
  while (!answer && !stopped) {
    if (cancelled_()) return Error("cancelled", "the agent is stopping");
    if (loop_.now() - last > options.silence)
      return Error(
          "timeout",
          url.authority() + " sent nothing for " + std::to_string(options.silence.count() / 1000) + " s",
          shared::Blame::kTarget, shared::Retry::kYes);
    loop_.run_until([&] { return answer || stopped; }, kLook);
  }
  if (stopped) return Error("stopped", "enough was read");
  return *std::move(answer);
}

void Fetcher::wait(Millis time) {
  const auto until = loop_.now() + time;
  while (!cancelled_() && loop_.now() < until) loop_.run_until([] { return false; }, std::min(time, kLook));
}

}  // namespace agent::runtime::oci
