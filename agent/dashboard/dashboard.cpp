#include "agent/dashboard/dashboard.h"

#include "agent/dashboard/pages.h"
#include "shared/crypto/hash.h"
#include "shared/log/log.h"

namespace agent::dashboard {

namespace http = shared::http;
namespace httpd = shared::httpd;

namespace {

constexpr std::string_view kRoot = "/dashboard";
constexpr std::string_view kHome = "/dashboard/";
constexpr std::string_view kLogin = "/dashboard/login";
constexpr std::size_t kEpochBytes = 6;

http::Response not_allowed(const char* methods) {
  http::Response response = text_response(405, std::string("only ") + methods + "\n");
  response.headers.set("Allow", methods);
  return response;
}

// A proxy in front of us has TLS.
bool came_by_tls(const http::Request& request) { return request.headers.get("X-Forwarded-Proto") == "https"; }

// A form of a page that is not ours: browsers say where it is from.
bool is_from_elsewhere(const http::Request& request) {
  const auto site = request.headers.get("Sec-Fetch-Site");
  return site && *site != "same-origin" && *site != "none";
}

}  // namespace

Dashboard::Dashboard(Parts parts)
    : executor_(parts.executor),
      sessions_(std::move(parts.token)),
      live_(parts.engine, parts.executor, shared::crypto::to_hex(shared::crypto::random_bytes(kEpochBytes)),
            std::move(parts.version)) {}

bool Dashboard::serves(const http::Request& request) {
  const std::string_view path = request.path();
  if (path == kRoot || path.starts_with(kHome)) return true;
  // Somebody opened control's address in a browser.
  return path == "/" && request.method == "GET" &&
         request.headers.get("Accept").value_or("").find("text/html") != std::string_view::npos;
}

void Dashboard::answer(const http::Request& request, httpd::Reply reply) {
  const std::string_view path = request.path();
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (path == kLogin && request.method == "POST") return reply.send(log_in(request));
  if (path == "/dashboard/logout") {
    if (request.method != "POST") return reply.send(not_allowed("POST"));
    http::Response response = redirect(std::string(kLogin));
    response.headers.set("Set-Cookie", session_cookie("", 0, came_by_tls(request)));
    return reply.send(std::move(response));
  }
  if (!reads) return reply.send(not_allowed(path == kLogin ? "GET, HEAD, POST" : "GET, HEAD"));
  if (path == "/" || path == kRoot) return reply.send(redirect(std::string(kHome)));
  if (path == kLogin) return reply.send(login_page(200, ""));
  if (path == kHome) {
    if (!is_logged_in(request)) return reply.send(redirect(std::string(kLogin)));
    return reply.send(asset_response(*find_asset("index.html"), request));
  }
  if (path == "/dashboard/live") {
    if (!is_logged_in(request)) return reply.send(text_response(401, "log in at /dashboard/login\n"));
    if (request.method == "HEAD") return reply.send(text_response(200, ""));
    auto filter = filter_in(request.query());
    if (!filter) return reply.send(text_response(400, filter.error().text() + "\n"));
    return live_.watch(*std::move(filter), request.headers.get("Last-Event-ID").value_or(""),
                       std::move(reply));
  }
  const Asset* asset = path.ends_with(".html") ? nullptr : find_asset(path.substr(kHome.size()));
  if (asset == nullptr) return reply.send(text_response(404, "there is no such page\n"));
  reply.send(asset_response(*asset, request));
}

bool Dashboard::is_logged_in(const http::Request& request) const {
  const auto cookie = cookie_in(request.headers.get("Cookie").value_or(""), kSessionCookie);
  return cookie && sessions_.is_valid(*cookie, executor_.wall_now());
}

http::Response Dashboard::log_in(const http::Request& request) {
  if (is_from_elsewhere(request)) return text_response(403, "the form is not from this page\n");
  const auto form = http::parse_form(request.body);
  std::string token;
  if (form) {
    for (const auto& [name, value] : *form) {
      if (name == "token") token = value;
    }
  }
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r'))
    token.pop_back();
  const auto session = sessions_.log_in(token, executor_.wall_now());
  if (!session) {
    shared::log::warn("dashboard_login_refused",
                      {{"peer", request.peer.address}, {"reason", session.error().code()}});
    return login_page(session.error().code() == "too_many" ? 429 : 401, session.error().text());
  }
  shared::log::info("dashboard_login", {{"peer", request.peer.address}});
  http::Response response = redirect(std::string(kHome));
  response.headers.set("Set-Cookie",
                       session_cookie(*session, kSessionLife.count() / 1'000, came_by_tls(request)));
  return response;
}

}  // namespace agent::dashboard
