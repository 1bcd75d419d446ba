#include "agent/dashboard/pages.h"

#include "shared/base/check.h"

namespace agent::dashboard {

namespace http = shared::http;

namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
constexpr std::string_view kProblemPlace = "<!--problem-->";

}  // namespace

void secure(http::Response& response) {
  response.headers.set("Content-Security-Policy", std::string(kPolicy));
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("X-Frame-Options", "DENY");
  response.headers.set("Referrer-Policy", "no-referrer");
  response.headers.set("Cross-Origin-Opener-Policy", "same-origin");
  response.headers.set("Cross-Origin-Resource-Policy", "same-origin");
}

http::Response text_response(int status, std::string text) {
  http::Response response = http::make_response(status, "text/plain; charset=utf-8", std::move(text));
  response.headers.set("Cache-Control", "no-store");
  secure(response);
  return response;
}

http::Response redirect(std::string where) {
  http::Response response = text_response(303, "");
  response.headers.set("Location", std::move(where));
  return response;
}

http::Response asset_response(const Asset& asset, const http::Request& request) {
  const bool known = request.headers.get("If-None-Match") == asset.etag;
  http::Response response = http::make_response(known ? 304 : 200, std::string(content_type_of(asset.name)),
                                                known ? std::string() : std::string(asset.bytes));
  response.headers.set("ETag", std::string(asset.etag));
  response.headers.set("Cache-Control", "no-cache");  // asked for each time, and answered by 304
  secure(response);
  return response;
}

http::Response login_page(int status, std::string_view problem) {
  const Asset* asset = find_asset("login.html");
  BERTH_CHECK(asset != nullptr, "the login page is in the program");
  std::string page(asset->bytes);
  const std::size_t at = page.find(kProblemPlace);
  BERTH_CHECK(at != std::string::npos, "the login page has a place for what went wrong");
  const std::string shown = problem.empty()
                                ? std::string()
                                : "<p class=\"problem\" role=\"alert\">" + std::string(problem) + "</p>";
  page.replace(at, kProblemPlace.size(), shown);
  http::Response response = http::make_response(status, "text/html; charset=utf-8", std::move(page));
  response.headers.set("Cache-Control", "no-store");
  secure(response);
  return response;
}

std::string session_cookie(std::string_view value, long long seconds, bool secure) {
  return std::string(kSessionCookie) + "=" + std::string(value) +
         "; Path=/dashboard; Max-Age=" + std::to_string(seconds) + "; HttpOnly; SameSite=Strict" +
         (secure ? "; Secure" : "");
}

}  // namespace agent::dashboard
