// What rules are made of beside wildcards and forwards: kept, shown again, and told to balancers.
#include "agent/control/records/elb.h"
#include "shared/lbconfig/json.h"
#include "tests/unit/agent/api_elbv2/api.h"

namespace agent::api::elbv2 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct OneListener {
  Api api;
  std::string group = (api.create_load_balancer(), api.create_target_group());
  std::string listener =
      api.create_listener(Api::between(api.good("DescribeLoadBalancers", ""), "LoadBalancerArn"), group);

  std::string create(const std::string& what) {
    return api.good("CreateRule",
                    "ListenerArn=" + listener + "&Priority=5&" + what + "&" + Api::forward("Actions", group));
  }
  // The only rule as balancers get it, from the row as it comes out of the store.
  shared::lbconfig::Rule published() {
    const auto& config = *api.state.published;
    EXPECT_TRUE(shared::lbconfig::validate(config)) << shared::lbconfig::config_to_json(config);
    const auto row = api.state.rules.rows().begin()->second;
    model::Rule stored;
    EXPECT_TRUE(control::decode_rule(control::encode_rule(row), stored));
    EXPECT_EQ(stored.conditions, row.conditions);
    EXPECT_EQ(stored.actions, row.actions);
    EXPECT_EQ(stored.rewrites, row.rewrites);
    return config.listeners.front()->rules.front();
  }
};

TEST(RegexValues, AreShownAsTheyWereGivenAndReachTheBalancers) {
  OneListener world;
  world.create(
      "Conditions.member.1.Field=host-header&Conditions.member.1.HostHeaderConfig.RegexValues.member.1="
      "%5E(a%7Cb)%5C.example%5C.com$&Conditions.member.2.Field=http-header&Conditions.member.2."
      "HttpHeaderConfig.HttpHeaderName=X-Kind&Conditions.member.2.HttpHeaderConfig.Values.member.1=old*&"
      "Conditions.member.2.HttpHeaderConfig.RegexValues.member.1=v%5B0-9%5D%2B");
  const auto shown = world.api.good("DescribeRules", "ListenerArn=" + world.listener);
  EXPECT_THAT(shown,
              HasSubstr("<Field>host-header</Field><RegexValues><member>^(a|b)\\.example\\.com$</member>"
                        "</RegexValues><HostHeaderConfig><RegexValues><member>^(a|b)\\.example\\.com$"
                        "</member></RegexValues></HostHeaderConfig>"));
  EXPECT_THAT(shown, HasSubstr("<Values><member>old*</member></Values><RegexValues><member>v[0-9]+</member>"
                               "</RegexValues></HttpHeaderConfig>"));
  const auto rule = world.published();
  EXPECT_THAT(rule.conditions[0].regex_values, ElementsAre("^(a|b)\\.example\\.com$"));
  EXPECT_THAT(rule.conditions[0].values, IsEmpty());
  EXPECT_THAT(rule.conditions[1].regex_values, ElementsAre("v[0-9]+"));
}

TEST(RegexValues, MayStandInTheConditionItself) {
  OneListener world;
  world.create("Conditions.member.1.Field=path-pattern&Conditions.member.1.RegexValues.member.1=%5E/a");
  EXPECT_THAT(world.published().conditions[0].regex_values, ElementsAre("^/a"));
}

constexpr const char* kHostRewrite =
    "Transforms.member.1.Type=host-header-rewrite&Transforms.member.1.HostHeaderRewriteConfig.Rewrites."
    "member.1."
    "Regex=%5Emywebsite-(.%2B).com$&Transforms.member.1.HostHeaderRewriteConfig.Rewrites.member.1.Replace="
    "internal.dev.$1.myweb.com";
constexpr const char* kUrlRewrite =
    "&Transforms.member.2.Type=url-rewrite&Transforms.member.2.UrlRewriteConfig.Rewrites.member.1.Regex="
    "%5E/dp/&Transforms.member.2.UrlRewriteConfig.Rewrites.member.1.Replace=";

TEST(Transforms, AreShownAsTheyWereGivenAndReachTheBalancers) {
  OneListener world;
  const auto created =
      world.create("Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=/*&" +
                   std::string(kHostRewrite) + kUrlRewrite);
  EXPECT_THAT(
      created,
      HasSubstr("<Transforms><member><Type>host-header-rewrite</Type><HostHeaderRewriteConfig><Rewrites>"
                "<member><Regex>^mywebsite-(.+).com$</Regex><Replace>internal.dev.$1.myweb.com</Replace>"
                "</member></Rewrites></HostHeaderRewriteConfig></member><member><Type>url-rewrite</Type>"
                "<UrlRewriteConfig><Rewrites><member><Regex>^/dp/</Regex><Replace"));
  EXPECT_EQ(world.published().rewrites.host->replace, "internal.dev.$1.myweb.com");
  EXPECT_EQ(world.published().rewrites.url->replace, "");
}

TEST(Transforms, StayUntilTheyAreReplacedOrReset) {
  OneListener world;
  const auto rule = Api::between(
      world.create("Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=/*&" +
                   std::string(kHostRewrite)),
      "RuleArn");
  world.api.good("ModifyRule", "RuleArn=" + rule + "&" + Api::forward("Actions", world.group));
  EXPECT_TRUE(world.published().rewrites.host);
  world.api.good("ModifyRule", "RuleArn=" + rule + kUrlRewrite);
  EXPECT_FALSE(world.published().rewrites.host) << "the list is replaced whole";
  EXPECT_TRUE(world.published().rewrites.url);
  const auto shown = world.api.good("ModifyRule", "RuleArn=" + rule + "&ResetTransforms=true");
  EXPECT_THAT(shown, testing::Not(HasSubstr("Transforms")));
  EXPECT_EQ(world.published().rewrites, shared::lbconfig::Rewrites());
}

constexpr const char* kJwt =
    "Actions.member.1.Type=jwt-validation&Actions.member.1.Order=1&Actions.member.1.JwtValidationConfig."
    "JwksEndpoint="
    "https://issuer.example/keys&Actions.member.1.JwtValidationConfig.Issuer=https://"
    "issuer.example&Actions.member.1."
    "JwtValidationConfig.AdditionalClaims.member.1.Name=scope&Actions.member.1.JwtValidationConfig."
    "AdditionalClaims."
    "member.1.Format=space-separated-values&Actions.member.1.JwtValidationConfig.AdditionalClaims.member.1."
    "Values."
    "member.1=read&Actions.member.2.Type=forward&Actions.member.2.Order=2&Actions.member.2.TargetGroupArn=";

void speak_https(OneListener& world) {
  model::Certificate certificate;
  certificate.arn = "arn:of-one";
  certificate.body = "judged where it is imported";
  world.api.state.certificates.put(certificate.arn, certificate);
  world.api.state.listeners.edit(world.listener, [](model::Listener& row) {
    row.protocol = "HTTPS";
    row.certificate = "arn:of-one";
  });
}

TEST(JwtValidation, IsShownAsAnActionOfItsOwnBeforeTheOneItPrecedesAndPublishedAsPartOfIt) {
  OneListener world;
  speak_https(world);
  const auto rule = world.api.create_rule(world.listener, world.group, 5, "/*");
  world.api.good("ModifyRule", "RuleArn=" + rule + "&" + kJwt + world.group);
  const auto shown = world.api.good("DescribeRules", "RuleArns.member.1=" + rule);
  EXPECT_THAT(
      shown,
      HasSubstr("<Actions><member><Type>jwt-validation</Type><JwtValidationConfig><JwksEndpoint>"
                "https://issuer.example/keys</JwksEndpoint><Issuer>https://issuer.example</Issuer>"
                "<AdditionalClaims><member><Format>space-separated-values</Format><Name>scope</Name><Values>"
                "<member>read</member></Values></member></AdditionalClaims></JwtValidationConfig><Order>1"
                "</Order></member><member><Type>forward</Type>"));
  const model::Rule row = world.api.state.rules.rows().begin()->second;
  model::Rule stored;
  ASSERT_TRUE(control::decode_rule(control::encode_rule(row), stored));
  EXPECT_EQ(stored.actions, row.actions);
  ASSERT_TRUE(stored.actions.at(0).jwt);
  EXPECT_EQ(stored.actions[0].jwt->claims.at(0).format, shared::lbconfig::JwtClaimFormat::kSpaceSeparated);
  EXPECT_EQ(world.api.state.published->listeners.front()->rules.front().action, row.actions[0]);
}

TEST(JwtValidation, ComesBeforeTheRoutingActionAndNamesAnHttpsUrl) {
  OneListener world;
  speak_https(world);
  const std::string rule =
      "ListenerArn=" + world.listener +
      "&Priority=5&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=/*&";
  const auto text = [&](std::string form, const std::string& find, const std::string& replace) {
    form.replace(form.find(find), find.size(), replace);
    const auto answer = world.api.call("CreateRule", rule + form + world.group);
    return answer ? std::string() : answer.error().text();
  };
  EXPECT_THAT(text(kJwt, "Actions.member.2.Order=2", "Actions.member.2.Order=1"), HasSubstr("must be below"));
  EXPECT_THAT(text(kJwt, "https://issuer.example/keys", "http://issuer.example/keys"),
              HasSubstr("jwks_endpoint: 'http://issuer.example/keys' is no https URL"));
  EXPECT_THAT(text(kJwt, "Name=scope", "Name=exp"), HasSubstr("claims[0].name: 'exp' is validated always"));
  EXPECT_THAT(text(kJwt, "=read", "=read%20write"), HasSubstr("holds a space"));
  EXPECT_THAT(text(kJwt, "space-separated-values", "csv"), HasSubstr("enum value set"));
  EXPECT_THAT(world.api.good("CreateRule", rule + kJwt + world.group),
              HasSubstr("<Type>jwt-validation</Type>"));
}

TEST(JwtValidation, OfADefaultActionIsForHttpsListenersOnlyAndKeepsTheListenerOne) {
  OneListener world;
  std::string actions(kJwt);
  for (std::size_t at = 0; (at = actions.find("Actions.", at)) != std::string::npos; at += 15)
    actions.insert(at, "Default");
  const std::string modify = "ListenerArn=" + world.listener + "&" + actions + world.group;
  EXPECT_THAT(world.api.call("ModifyListener", modify).error().text(),
              HasSubstr("'jwt-validation' are supported only on HTTPS listeners"));
  speak_https(world);
  EXPECT_THAT(world.api.good("ModifyListener", modify), HasSubstr("<Type>jwt-validation</Type>"));
  EXPECT_THAT(world.api.good("DescribeListeners", "ListenerArns.member.1=" + world.listener),
              HasSubstr("<Issuer>https://issuer.example</Issuer>"));
  EXPECT_THAT(
      world.api.call("ModifyListener", "ListenerArn=" + world.listener + "&Protocol=HTTP").error().text(),
      HasSubstr("'jwt-validation' are supported only on HTTPS listeners"));
}

}  // namespace
}  // namespace agent::api::elbv2
