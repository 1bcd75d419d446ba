// The keys of stickiness cookies: made when somebody needs them, the same for all, renewed in time, and what
// else of these attributes reaches the balancers' configuration.
#include "agent/control/elb/cookie_keys.h"

#include "agent/control/elb/attributes.h"
#include "shared/lbconfig/json.h"
#include "tests/unit/agent/control/elb/world.h"

namespace agent::control {
namespace {

using namespace std::chrono_literals;

void set_group(World& world, std::vector<model::NameValue> changes) {
  world.apply([&](Step& step) {
    const auto done = modify_target_group_attributes(step, world.group, changes);
    EXPECT_TRUE(done) << done.error().text();
  });
}

TEST(CookieKeys, AreMadeWhenTheFirstGroupIsSticky) {
  World world;
  EXPECT_TRUE(world.state->published->cookie_keys.empty());
  set_group(world, {{"stickiness.enabled", "true"}});
  const auto keys = world.state->published->cookie_keys;
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].secret.size(), lb::kCookieSecretBytes);
  EXPECT_TRUE(lb::validate(*world.state->published));

  world.restart_control();
  world.apply([](Step&) {});
  EXPECT_EQ(world.state->published->cookie_keys, keys) << "clients stay with their targets over a restart";

  set_group(world, {{"stickiness.enabled", "false"}});
  EXPECT_TRUE(world.state->published->cookie_keys.empty()) << "balancers of before cookies refuse them";
  set_group(world, {{"stickiness.enabled", "true"}});
  EXPECT_EQ(world.state->published->cookie_keys, keys);
}

TEST(CookieKeys, AreRenewedSoThatNoCookieOutlivesItsKey) {
  World world;
  set_group(world, {{"stickiness.enabled", "true"}});
  const auto first = world.state->published->cookie_keys;
  const auto version = world.version();
  world.pass(kCookieKeyLife - 1s);
  EXPECT_EQ(world.version(), version);
  EXPECT_TRUE(world.wake && *world.wake <= world.now + 1s) << "somebody looks at them in time";
  world.pass(1s);
  const auto second = world.state->published->cookie_keys;
  ASSERT_EQ(second.size(), 2U);
  EXPECT_EQ(second[1], first[0]) << "what the old one sealed can still be opened";
  EXPECT_NE(second[0].id, first[0].id);
  EXPECT_NE(second[0].secret, first[0].secret);
  EXPECT_EQ(world.version(), version + 1);
  world.pass(kCookieKeyLife);
  const auto third = world.state->published->cookie_keys;
  ASSERT_EQ(third.size(), 2U);
  EXPECT_EQ(third[1], second[0]);
}

TEST(Publishing, SaysWhatTheAttributesSay) {
  World world;
  set_group(world, {{"stickiness.enabled", "true"},
                    {"stickiness.type", "app_cookie"},
                    {"stickiness.app_cookie.cookie_name", "SID"},
                    {"stickiness.app_cookie.duration_seconds", "60"}});
  EXPECT_EQ(world.state->published->target_groups[0]->stickiness,
            (lb::Stickiness{true, lb::StickinessType::kAppCookie, 60, "SID"}));
  set_group(world, {{"stickiness.type", "lb_cookie"}, {"stickiness.lb_cookie.duration_seconds", "9"}});
  EXPECT_EQ(world.state->published->target_groups[0]->stickiness,
            (lb::Stickiness{true, lb::StickinessType::kLbCookie, 9, ""}));
  set_group(world, {{"stickiness.enabled", "false"},
                    {"load_balancing.algorithm.type", "weighted_random"},
                    {"load_balancing.algorithm.anomaly_mitigation", "on"}});
  EXPECT_TRUE(world.state->published->target_groups[0]->anomaly_mitigation);

  world.apply([&](Step& step) {
    EXPECT_TRUE(modify_listener_attributes(step, world.listener,
                                           {{"routing.http.response.x_frame_options.header_value", "DENY"},
                                            {"routing.http.response.strict_transport_security.header_value",
                                             "max-age=31536000; includeSubDomains"}}));
  });
  const std::vector<lb::ResponseHeader> wanted = {
      {"Strict-Transport-Security", "max-age=31536000; includeSubDomains"}, {"X-Frame-Options", "DENY"}};
  EXPECT_EQ(world.state->published->listeners[0]->options.response_headers, wanted);
  world.apply([&](Step& step) {
    EXPECT_TRUE(modify_listener_attributes(step, world.listener,
                                           {{"routing.http.response.x_frame_options.header_value", ""}}));
  });
  EXPECT_EQ(world.state->published->listeners[0]->options.response_headers.size(), 1U);
}

TEST(Publishing, SaysWhatOurOwnAttributesGuard) {
  World world;
  set_group(world, {{"berth.request_limit.per_target", "8"},
                    {"berth.request_limit.queue", "100"},
                    {"berth.request_limit.wait_milliseconds", "250"},
                    {"berth.hold_requests.seconds", "20"},
                    {"berth.hold_requests.queue", "50"},
                    {"berth.retry_budget.percent", "0"},
                    {"berth.retry_budget.minimum_per_second", "2"},
                    {"berth.outlier_ejection.consecutive_failures", "4"},
                    {"berth.outlier_ejection.seconds", "10"},
                    {"berth.maintenance.enabled", "true"},
                    {"berth.maintenance.body", "back soon"}});
  const auto group = [&world] { return *world.state->published->target_groups[0]; };
  EXPECT_EQ(group().request_limit, (lb::RequestLimit{8, 100, shared::Millis(250)}));
  EXPECT_EQ(group().hold_requests, (lb::HoldRequests{50, shared::Millis(20'000)}));
  EXPECT_EQ(group().retry_budget, (lb::RetryBudget{0, 2})) << "0 percent is a budget, off is none";
  EXPECT_EQ(group().outlier_ejection,
            (lb::OutlierEjection{4, shared::Millis(10'000), shared::Millis(300'000), 10}));
  EXPECT_EQ(group().maintenance, (lb::Maintenance{"back soon", "", 0}));
  world.apply([&](Step& step) {
    EXPECT_TRUE(modify_listener_attributes(step, world.listener,
                                           {{"berth.rate_limit.requests", "50"},
                                            {"berth.rate_limit.per_seconds", "60"},
                                            {"berth.rate_limit.forwarded_for_hops", "1"},
                                            {"berth.maintenance.enabled", "true"},
                                            {"berth.maintenance.content_type", "text/html; charset=utf-8"},
                                            {"berth.maintenance.retry_after_seconds", "120"}}));
  });
  const auto options = [&world] { return world.state->published->listeners[0]->options; };
  EXPECT_EQ(options().rate_limit, (lb::RateLimit{50, 60, 50, 1}));
  EXPECT_EQ(options().maintenance, (lb::Maintenance{"", "text/html; charset=utf-8", 120}));
  EXPECT_TRUE(lb::validate(*world.state->published));

  set_group(world, {{"berth.request_limit.per_target", "off"},
                    {"berth.retry_budget.percent", "off"},
                    {"berth.outlier_ejection.consecutive_failures", "off"},
                    {"berth.maintenance.enabled", "false"}});
  EXPECT_FALSE(group().request_limit || group().retry_budget || group().outlier_ejection ||
               group().maintenance)
      << "balancers of before these members refuse them";
}

TEST(OwnAttributes, AreListedOnlyWhileTheyAreSet) {
  World world;
  const auto listed = [&world] {
    std::size_t count = 0;
    for (const auto& [key, value] : attributes_of(*world.state->target_groups.find(world.group)))
      count += key.starts_with("berth.") ? 1U : 0U;
    return count;
  };
  EXPECT_EQ(listed(), 0U);
  set_group(world, {{"berth.request_limit.per_target", "8"}, {"berth.request_limit.queue", "0"}});
  EXPECT_EQ(listed(), 1U) << "what is set to its default is not";
  set_group(world, {{"berth.request_limit.per_target", "off"}});
  EXPECT_EQ(listed(), 0U);
}

}  // namespace
}  // namespace agent::control
