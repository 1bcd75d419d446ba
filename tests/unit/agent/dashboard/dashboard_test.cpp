#include "agent/dashboard/dashboard.h"

#include <gmock/gmock.h>

#include "agent/dashboard/pages.h"
#include "tests/unit/agent/control/world.h"
#include "tests/unit/agent/dashboard/page.h"

namespace agent::dashboard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
namespace http = shared::http;

constexpr const char* kToken = "the-token-of-this-test";

class DashboardTest : public ::testing::Test {
 protected:
  http::Response ask(http::Request request) {
    pages_.push_back(std::make_unique<Page>());
    dashboard_.answer(request, pages_.back()->reply());
    EXPECT_TRUE(pages_.back()->answer) << request.target;
    return pages_.back()->answer.value_or(http::Response{});
  }
  http::Response get(const std::string& target, const std::string& cookie = "") {
    http::Request request;
    request.target = target;
    if (!cookie.empty()) request.headers.set("Cookie", cookie);
    return ask(std::move(request));
  }
  static http::Request login(const std::string& token) {
    http::Request request;
    request.method = "POST";
    request.target = "/dashboard/login";
    request.body = "user=berth&token=" + token;
    return request;
  }
  std::string session() {
    const http::Response response = ask(login(kToken));
    EXPECT_EQ(response.status, 303);
    const std::string cookie(response.headers.get("Set-Cookie").value_or(""));
    return cookie.substr(0, cookie.find(';'));
  }

  control::test::World world_;
  std::vector<std::unique_ptr<Page>> pages_;
  Dashboard dashboard_{{*world_.engine, world_.executor, kToken, "1.2.3"}};
};

TEST_F(DashboardTest, WithoutASessionThereIsNothingButTheLogin) {
  for (const char* target : {"/dashboard", "/"})
    EXPECT_EQ(get(target).headers.get("Location"), "/dashboard/") << target;
  EXPECT_EQ(get("/dashboard/").headers.get("Location"), "/dashboard/login");
  EXPECT_EQ(get("/dashboard/live?kinds=service").status, 401);
  EXPECT_EQ(get("/dashboard/live?kinds=service", "berth_session=made-up").status, 401);
  EXPECT_EQ(get("/dashboard/index.html").status, 404);
  EXPECT_EQ(get("/dashboard/login").status, 200);
  EXPECT_EQ(dashboard_.live().streams(), 0U);
}

TEST_F(DashboardTest, TheTokenGivesASessionThatOnlyThisPageGetsToSee) {
  const http::Response response = ask(login(kToken));
  EXPECT_EQ(response.headers.get("Location"), "/dashboard/");
  const std::string cookie(response.headers.get("Set-Cookie").value_or(""));
  EXPECT_THAT(cookie,
              AllOf(StartsWith("berth_session="), HasSubstr("; HttpOnly"), HasSubstr("; SameSite=Strict"),
                    HasSubstr("; Path=/dashboard"), HasSubstr("; Max-Age=43200"), Not(HasSubstr("Secure"))));
  EXPECT_EQ(get("/dashboard/", cookie.substr(0, cookie.find(';'))).status, 200);
}

TEST_F(DashboardTest, BehindAProxyWithTlsTheCookieDoesNotGoOverPlainHttp) {
  http::Request request = login(kToken);
  request.headers.set("X-Forwarded-Proto", "https");
  EXPECT_THAT(std::string(ask(std::move(request)).headers.get("Set-Cookie").value_or("")),
              HasSubstr("; Secure"));
}

TEST_F(DashboardTest, AWrongTokenIsSaidOnThePageAndNotRepeated) {
  const http::Response response = ask(login("%3Cscript%3Ealert"));
  EXPECT_EQ(response.status, 401);
  EXPECT_FALSE(response.headers.get("Set-Cookie"));
  EXPECT_THAT(response.body, AllOf(HasSubstr("role=\"alert\""), Not(HasSubstr("script>alert"))));
}

TEST_F(DashboardTest, AFormOfAnotherSiteLogsNobodyIn) {
  http::Request request = login(kToken);
  request.headers.set("Sec-Fetch-Site", "cross-site");
  EXPECT_EQ(ask(std::move(request)).status, 403);
}

TEST_F(DashboardTest, LoggingOutEndsTheCookie) {
  http::Request request;
  request.method = "POST";
  request.target = "/dashboard/logout";
  EXPECT_THAT(std::string(ask(request).headers.get("Set-Cookie").value_or("")), HasSubstr("Max-Age=0"));
  request.method = "GET";
  EXPECT_EQ(ask(request).status, 405);
}

TEST_F(DashboardTest, EveryAnswerSaysWhatABrowserMayDoWithIt) {
  const std::string cookie = session();
  for (const char* target : {"/dashboard/", "/dashboard/login", "/dashboard/app.js", "/dashboard/style.css",
                             "/dashboard/nothing", "/dashboard/live?kinds=info", "/dashboard/live?x=y"}) {
    const http::Response response = get(target, cookie);
    const std::string policy(response.headers.get("Content-Security-Policy").value_or(""));
    EXPECT_THAT(policy, AllOf(HasSubstr("default-src 'none'"), HasSubstr("frame-ancestors 'none'"),
                              Not(HasSubstr("unsafe")), Not(HasSubstr("http"))))
        << target;
    EXPECT_EQ(response.headers.get("X-Content-Type-Options"), "nosniff") << target;
    EXPECT_EQ(response.headers.get("Referrer-Policy"), "no-referrer") << target;
  }
  EXPECT_EQ(get("/dashboard/live?kinds=info", cookie).headers.get("Cache-Control"), "no-store");
  EXPECT_EQ(get("/dashboard/live?kinds=info", cookie).headers.get("Content-Type"), "text/event-stream");
}

TEST_F(DashboardTest, FilesAreAskedForAgainAndNotSentAgain) {
  http::Request request;
  request.target = "/dashboard/views/hosts.js";
  const http::Response first = ask(request);
  EXPECT_EQ(first.status, 200);
  EXPECT_THAT(std::string(first.headers.get("Content-Type").value_or("")), StartsWith("text/javascript"));
  request.headers.set("If-None-Match", std::string(first.headers.get("ETag").value_or("")));
  const http::Response again = ask(request);
  EXPECT_EQ(again.status, 304);
  EXPECT_TRUE(again.body.empty());
}

TEST_F(DashboardTest, NothingCanBeChanged) {
  const std::string cookie = session();
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH"}) {
    for (const char* target : {"/dashboard/", "/dashboard/live", "/dashboard/app.js"}) {
      http::Request request;
      request.method = method;
      request.target = target;
      request.headers.set("Cookie", cookie);
      EXPECT_EQ(ask(std::move(request)).status, 405) << method << " " << target;
    }
  }
}

// No page may need the network, or something that its own policy forbids.
TEST(DashboardAssets, AreWholeAndNeedNothingElse) {
  std::size_t bytes = 0;
  for (const Asset& asset : assets()) {
    bytes += asset.bytes.size();
    const std::string text(asset.bytes);
    EXPECT_GT(text.size(), 100U) << asset.name;
    EXPECT_THAT(text, Not(HasSubstr("https://"))) << asset.name;
    if (!asset.name.ends_with(".html")) continue;
    EXPECT_THAT(text, Not(HasSubstr("style=\""))) << asset.name;
    EXPECT_THAT(text, Not(HasSubstr("<style"))) << asset.name;
    EXPECT_THAT(text, Not(HasSubstr("onclick"))) << asset.name;
  }
  EXPECT_LT(bytes, 100'000U) << "the first paint loads all of it";
}

TEST(DashboardPaths, AreOursBelowDashboardAndForABrowserAtTheRoot) {
  http::Request request;
  for (const char* target : {"/dashboard", "/dashboard/", "/dashboard/live?kinds=a"}) {
    request.target = target;
    EXPECT_TRUE(Dashboard::serves(request)) << target;
  }
  for (const char* target : {"/", "/dashboards", "/healthz"}) {
    request.target = target;
    EXPECT_FALSE(Dashboard::serves(request)) << target;
  }
  request.target = "/";
  request.headers.set("Accept", "text/html,*/*");
  EXPECT_TRUE(Dashboard::serves(request));
  request.method = "POST";
  EXPECT_FALSE(Dashboard::serves(request));
}

}  // namespace
}  // namespace agent::dashboard
