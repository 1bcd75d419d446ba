// How every answer of the dashboard is dressed: what a browser may do with it.
#pragma once
#include <string>
#include <string_view>

#include "agent/dashboard/assets.h"
#include "shared/http/message.h"

namespace agent::dashboard {

// Only scripts, styles and data of our own, no frames around us, nothing guessed, no referrer.
void secure(shared::http::Response& response);
shared::http::Response text_response(int status, std::string text);
// 303 to `where`, not to be kept.
shared::http::Response redirect(std::string where);
// 304 where the client has just these bytes.
shared::http::Response asset_response(const Asset& asset, const shared::http::Request& request);
// The page that asks for the token; `problem` may be empty.
shared::http::Response login_page(int status, std::string_view problem);

// The value of Set-Cookie: the session for `seconds`, 0 ends it. `secure`: not over plain http.
std::string session_cookie(std::string_view value, long long seconds, bool secure);
inline constexpr std::string_view kSessionCookie = "berth_session";

}  // namespace agent::dashboard
