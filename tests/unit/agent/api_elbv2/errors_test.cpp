#include "tests/unit/agent/api_elbv2/api.h"

namespace agent::api::elbv2 {
namespace {

struct Case {
  const char* name;
  const char* operation;
  const char*
      form;  // {lb} {tg} {tg2} {listener} {rule} {default} and {other} (another load balancer) filled in
  const char* code;
  const char* fragment;
};

#define OURS(resource) "arn:aws:elasticloadbalancing:us-east-1:000000000000:" resource
#define PATH_RULE                                                                                        \
  "ListenerArn={listener}&Priority=7&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values." \
  "member.1=/a&"
#define TO_TG "Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn={tg}"
#define DEFAULT_TG "&DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={tg}"
#define REWRITE(n, regex, replace)                                \
  "Transforms.member." n ".Type=url-rewrite&Transforms.member." n \
  ".UrlRewriteConfig.Rewrites.member.1."                          \
  "Regex=" regex "&Transforms.member." n ".UrlRewriteConfig.Rewrites.member.1.Replace=" replace "&"
#define JWT(endpoint)                                                               \
  "Actions.member.2.Type=jwt-validation&Actions.member.2.Order=1&Actions.member.2." \
  "JwtValidationConfig.Issuer=i&Actions.member.2.JwtValidationConfig.JwksEndpoint=" endpoint "&"
#define LB_ATTRIBUTE(key, value) \
  "LoadBalancerArn={lb}&Attributes.member.1.Key=" key "&Attributes.member.1.Value=" value
#define TG_ATTRIBUTE(key, value) \
  "TargetGroupArn={tg}&Attributes.member.1.Key=" key "&Attributes.member.1.Value=" value

constexpr Case kCases[] = {
    {"UnknownOperation", "Frobnicate", "", "InvalidAction", "Frobnicate"},
    {"OperationNotOffered", "GetTrustStoreRevocationContent", "", "InvalidAction", "not offered"},
    {"NameMissing", "CreateLoadBalancer", "", "MissingParameter", "Name"},
    {"NameTooLong", "CreateLoadBalancer", "Name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ValidationError",
     "1 to 32"},
    {"NameWithUnderscore", "CreateLoadBalancer", "Name=a_b", "ValidationError", "alphanumeric"},
    {"NameInternal", "CreateLoadBalancer", "Name=internal-a", "ValidationError", "internal-"},
    {"GatewayLoadBalancer", "CreateLoadBalancer", "Name=n&Type=gateway", "InvalidConfigurationRequest",
     "application"},
    {"TypeUnknown", "CreateLoadBalancer", "Name=n&Type=x", "ValidationError", "enum value set"},
    {"SchemeUnknown", "CreateLoadBalancer", "Name=n&Scheme=public", "InvalidScheme", "internet-facing"},
    {"SameNameOtherSettings", "CreateLoadBalancer", "Name=web&Scheme=internal", "DuplicateLoadBalancerName",
     "web"},
    {"SubnetsTwice", "CreateLoadBalancer", "Name=n&Subnets.member.1=a&Subnets.member.2=a",
     "InvalidConfigurationRequest", "multiple times"},
    {"TagKeyTwice", "CreateLoadBalancer", "Name=n&Tags.member.1.Key=a&Tags.member.2.Key=a",
     "DuplicateTagKeys", "'a'"},
    {"TagKeyReserved", "AddTags", "ResourceArns.member.1={lb}&Tags.member.1.Key=aws:x", "ValidationError",
     "aws:"},
    {"LoadBalancerUnknownName", "DescribeLoadBalancers", "Names.member.1=web&Names.member.2=none",
     "LoadBalancerNotFound", "none"},
    {"LoadBalancerUnknownArn", "DescribeLoadBalancers",
     "LoadBalancerArns.member.1=" OURS("loadbalancer/app/x/1"), "LoadBalancerNotFound", "does not exist"},
    {"MarkerUnknown", "DescribeLoadBalancers", "Marker=zz", "ValidationError", "marker"},
    {"PageTooLarge", "DescribeLoadBalancers", "PageSize=401", "ValidationError", "PageSize"},
    {"GroupUnknownName", "DescribeTargetGroups", "Names.member.1=none", "TargetGroupNotFound",
     "One or more target groups not found"},
    {"GroupMixedFilters", "DescribeTargetGroups", "Names.member.1=app&LoadBalancerArn={lb}",
     "ValidationError", "cannot be specified at the same time"},
    {"GroupWithoutPort", "CreateTargetGroup", "Name=n&Protocol=HTTP", "ValidationError", "port"},
    {"GroupWithoutVpc", "CreateTargetGroup", "Name=n&Protocol=HTTP&Port=80", "ValidationError", "VPC"},
    {"GroupWithoutProtocol", "CreateTargetGroup", "Name=n&Port=80", "ValidationError", "protocol"},
    {"GroupUdp", "CreateTargetGroup", "Name=n&Protocol=UDP&Port=80", "InvalidConfigurationRequest",
     "HTTP, HTTPS, TCP or TLS"},
    {"CheckTcp", "ModifyTargetGroup", "TargetGroupArn={tg}&HealthCheckProtocol=TCP", "ValidationError",
     "speak HTTP or HTTPS"},
    {"GroupGrpcWithHttpCodes", "CreateTargetGroup",
     "Name=n&Protocol=HTTP&ProtocolVersion=GRPC&Port=80&VpcId=vpc-1&Matcher.HttpCode=200", "ValidationError",
     "Matcher.HttpCode cannot be specified"},
    {"GroupGrpcCodeTooLarge", "CreateTargetGroup",
     "Name=n&Protocol=HTTP&ProtocolVersion=GRPC&Port=80&VpcId=vpc-1&Matcher.GrpcCode=100", "ValidationError",
     "0-99"},
    {"GroupHttp1WithGrpcCodes", "ModifyTargetGroup", "TargetGroupArn={tg}&Matcher.GrpcCode=0",
     "ValidationError", "protocol version 'HTTP1'"},
    {"GroupHttp3", "CreateTargetGroup", "Name=n&Protocol=HTTP&ProtocolVersion=HTTP3&Port=80",
     "ValidationError", "GRPC, HTTP1, HTTP2"},
    {"GroupLambda", "CreateTargetGroup", "Name=n&TargetType=lambda", "InvalidConfigurationRequest", "lambda"},
    {"GroupPortTooLarge", "CreateTargetGroup", "Name=n&Protocol=HTTP&Port=65536", "ValidationError", "65535"},
    {"GroupSameNameOtherPort", "CreateTargetGroup", "Name=app&Protocol=HTTP&Port=81&VpcId=vpc-1",
     "DuplicateTargetGroupName", "app"},
    {"CheckTimeoutNotBelowInterval", "ModifyTargetGroup",
     "TargetGroupArn={tg}&HealthCheckIntervalSeconds=10&HealthCheckTimeoutSeconds=10", "ValidationError",
     "Health check timeout '10' must be smaller than the interval '10'"},
    {"CheckMatcherOutOfRange", "ModifyTargetGroup", "TargetGroupArn={tg}&Matcher.HttpCode=200-500",
     "ValidationError", "200-499"},
    {"CheckMatcherTrailingComma", "ModifyTargetGroup", "TargetGroupArn={tg}&Matcher.HttpCode=200,",
     "ValidationError", "matcher"},
    {"CheckPathRelative", "ModifyTargetGroup", "TargetGroupArn={tg}&HealthCheckPath=x", "ValidationError",
     "begin with '/'"},
    {"CheckPortZero", "ModifyTargetGroup", "TargetGroupArn={tg}&HealthCheckPort=0", "ValidationError",
     "traffic-port"},
    {"CheckDisabled", "ModifyTargetGroup", "TargetGroupArn={tg}&HealthCheckEnabled=false", "ValidationError",
     "cannot be disabled"},
    {"GroupInUse", "DeleteTargetGroup", "TargetGroupArn={tg}", "ResourceInUse",
     "is currently in use by a listener or a rule"},
    {"ListenerHttps", "CreateListener", "LoadBalancerArn={lb}&Protocol=HTTPS&Port=443" DEFAULT_TG,
     "ValidationError", "A certificate must be specified for HTTPS listeners"},
    {"ListenerTls", "CreateListener", "LoadBalancerArn={lb}&Protocol=TLS&Port=443" DEFAULT_TG,
     "ValidationError", "Listener protocol 'TLS' must be one of 'HTTP, HTTPS'"},
    {"ListenerWithoutActions", "CreateListener", "LoadBalancerArn={lb}&Protocol=HTTP&Port=81",
     "ValidationError", "action"},
    {"ListenerPortTaken", "CreateListener",
     "LoadBalancerArn={lb}&Protocol=HTTP&Port=80&DefaultActions.member.1.Type=forward&DefaultActions.member."
     "1.TargetGroupArn={tg2}",
     "DuplicateListener", "already exists on this port"},
    {"ListenerPortOfAnotherLoadBalancer", "CreateListener",
     "LoadBalancerArn={other}&Protocol=HTTP&Port=80&DefaultActions.member.1.Type=forward&DefaultActions."
     "member.1.TargetGroupArn={tg2}",
     "DuplicateListener", "load balancer 'web'"},
    {"ListenerGroupOfAnotherLoadBalancer", "CreateListener",
     "LoadBalancerArn={other}&Protocol=HTTP&Port=81" DEFAULT_TG, "TargetGroupAssociationLimit",
     "more than one load balancer"},
    {"ListenerUnknownGroup", "CreateListener",
     "LoadBalancerArn={lb}&Protocol=HTTP&Port=81&DefaultActions.member.1.Type=forward&DefaultActions.member."
     "1.TargetGroupArn=" OURS("targetgroup/x/1"),
     "TargetGroupNotFound", "not found"},
    {"ListenerOidc", "ModifyListener",
     "ListenerArn={listener}&DefaultActions.member.1.Type=authenticate-oidc", "InvalidLoadBalancerAction",
     "HTTPS"},
    {"ListenerTwoRoutingActions", "ModifyListener",
     "ListenerArn={listener}" DEFAULT_TG
     "&DefaultActions.member.2.Type=forward&DefaultActions.member.2.TargetGroupArn={tg}",
     "TooManyActions", "only one"},
    {"ListenersWithoutFilter", "DescribeListeners", "", "ValidationError",
     "You must specify either listener ARNs or a load balancer ARN"},
    {"ListenerUnknown", "DescribeListeners", "ListenerArns.member.1=" OURS("listener/app/x/1/2"),
     "ListenerNotFound", "listeners"},
    {"RulesBothFilters", "DescribeRules", "ListenerArn={listener}&RuleArns.member.1={rule}",
     "ValidationError", "Listener rule ARNs and a listener ARN cannot be specified at the same time"},
    {"RuleUnknown", "DescribeRules", "RuleArns.member.1=" OURS("listener-rule/app/x/1/2/3"), "RuleNotFound",
     "rules"},
    {"RulePriorityInUse", "CreateRule",
     "ListenerArn={listener}&Priority=5&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values."
     "member.1=/a&" TO_TG,
     "PriorityInUse", "'5'"},
    {"RulePriorityZero", "CreateRule",
     "ListenerArn={listener}&Priority=0&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values."
     "member.1=/a&" TO_TG,
     "ValidationError", "50000"},
    {"RuleWithoutConditions", "CreateRule", "ListenerArn={listener}&Priority=7&" TO_TG, "ValidationError",
     "condition"},
    {"RuleFieldUnknown", "CreateRule",
     "ListenerArn={listener}&Priority=7&Conditions.member.1.Field=path&" TO_TG, "ValidationError",
     "path-pattern,host-header"},
    {"RulePathWithSpace", "CreateRule",
     "ListenerArn={listener}&Priority=7&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values."
     "member.1=/a%20b&" TO_TG,
     "ValidationError", "not valid"},
    {"RuleHostWithoutDot", "CreateRule",
     "ListenerArn={listener}&Priority=7&Conditions.member.1.Field=host-header&Conditions.member.1.Values."
     "member.1=localhost&" TO_TG,
     "ValidationError", "dot"},
    {"RuleRegexLookAhead", "CreateRule",
     "ListenerArn={listener}&Priority=7&Conditions.member.1.Field=path-pattern&Conditions.member.1."
     "PathPatternConfig.RegexValues.member.1=a(?=b)&" TO_TG,
     "ValidationError",
     "Regular expression 'a(?=b)' of the field 'path-pattern' is not valid: look-around is not offered: (?="},
    {"RuleRegexTooLong", "CreateRule",
     "ListenerArn={listener}&Priority=7&Conditions.member.1.Field=host-header&Conditions.member.1."
     "HostHeaderConfig.RegexValues.member.1=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&" TO_TG,
     "ValidationError", "is longer than 128 bytes"},
    {"RuleRegexOfQuery", "CreateRule",
     "ListenerArn={listener}&Priority=7&Conditions.member.1.Field=query-string&Conditions.member.1."
     "QueryStringConfig.RegexValues.member.1=a&" TO_TG,
     "ValidationError", "RegexValues"},
    {"RuleRegexCountsAsValue", "CreateRule",
     PATH_RULE "Conditions.member.1.RegexValues.member.1=a&Conditions.member.1.RegexValues.member.2=b&"
               "Conditions.member.1.RegexValues.member.3=c&Conditions.member.1.RegexValues.member.4=d&"
               "Conditions.member.1.RegexValues.member.5=e&" TO_TG,
     "ValidationError", "'5' condition values"},
    {"RuleHeaderHost", "CreateRule",
     "ListenerArn={listener}&Priority=7&Conditions.member.1.Field=http-header&Conditions.member.1."
     "HttpHeaderConfig.HttpHeaderName=hOST&Conditions.member.1.HttpHeaderConfig.Values.member.1=a&" TO_TG,
     "ValidationError", "host-header"},
    {"RuleCidrBad", "CreateRule",
     "ListenerArn={listener}&Priority=7&Conditions.member.1.Field=source-ip&Conditions.member.1."
     "SourceIpConfig.Values.member.1=10.0.0.0/33&" TO_TG,
     "ValidationError", "CIDR"},
    {"RuleSixValues", "CreateRule",
     PATH_RULE "Conditions.member.2.Field=source-ip&Conditions.member.2.SourceIpConfig.Values.member.1=10.0."
               "0.0/8&Conditions.member.2.SourceIpConfig.Values.member.2=11.0.0.0/"
               "8&Conditions.member.2.SourceIpConfig.Values.member.3=12.0.0.0/"
               "8&Conditions.member.2.SourceIpConfig.Values.member.4=13.0.0.0/"
               "8&Conditions.member.2.SourceIpConfig.Values.member.5=14.0.0.0/8&" TO_TG,
     "ValidationError", "'5' condition values"},
    {"RuleTwoPaths", "CreateRule",
     PATH_RULE "Conditions.member.2.Field=path-pattern&Conditions.member.2.Values.member.1=/b&" TO_TG,
     "ValidationError", "one 'path-pattern'"},
    {"JwtOnHttp", "CreateRule",
     PATH_RULE JWT("https://issuer.example/keys") TO_TG "&Actions.member.1.Order=2",
     "InvalidLoadBalancerAction", "'jwt-validation' are supported only on HTTPS listeners"},
    {"JwtAlone", "CreateRule", PATH_RULE JWT("https://issuer.example/keys"), "InvalidLoadBalancerAction",
     "must be followed by"},
    {"JwtWithoutConfig", "CreateRule", PATH_RULE "Actions.member.2.Type=jwt-validation&" TO_TG,
     "ValidationError", "JwtValidationConfig"},
    {"JwtWithoutIssuer", "CreateRule",
     PATH_RULE
     "Actions.member.2.Type=jwt-validation&Actions.member.2.JwtValidationConfig.JwksEndpoint=a&" TO_TG,
     "MissingParameter", "Issuer"},
    {"TransformWithoutRewrite", "CreateRule", PATH_RULE "Transforms.member.1.Type=url-rewrite&" TO_TG,
     "ValidationError", "UrlRewriteConfig with exactly one rewrite"},
    {"TransformTypeUnknown", "CreateRule", PATH_RULE "Transforms.member.1.Type=path-rewrite&" TO_TG,
     "ValidationError", "enum value set: [host-header-rewrite, url-rewrite]"},
    {"TransformOfAnotherType", "CreateRule",
     PATH_RULE "Transforms.member.1.Type=url-rewrite&Transforms.member.1.HostHeaderRewriteConfig.Rewrites."
               "member.1.Regex=a&" TO_TG,
     "ValidationError", "HostHeaderRewriteConfig cannot be specified"},
    {"TransformTwice", "CreateRule", PATH_RULE REWRITE("1", "a", "b") REWRITE("2", "c", "d") TO_TG,
     "ValidationError", "one transform of type 'url-rewrite'"},
    {"TransformRegex", "CreateRule", PATH_RULE REWRITE("1", "(a", "b") TO_TG, "ValidationError",
     "Regex '(a' of the transform 'url-rewrite' is not valid"},
    {"TransformGroup", "CreateRule", PATH_RULE REWRITE("1", "a", "$1") TO_TG, "ValidationError",
     "Replace '$1' of the transform 'url-rewrite' is not valid: names the group $1"},
    {"TransformWithoutReplace", "CreateRule",
     PATH_RULE "Transforms.member.1.Type=url-rewrite&Transforms.member.1.UrlRewriteConfig.Rewrites.member.1."
               "Regex=a&" TO_TG,
     "MissingParameter", "Replace"},
    {"TransformOfADefaultRule", "ModifyRule", "RuleArn={default}&" REWRITE("1", "a", "b"),
     "OperationNotPermitted", "default rule"},
    {"TransformsAndReset", "ModifyRule", "RuleArn={rule}&ResetTransforms=true&" REWRITE("1", "a", "b"),
     "ValidationError", "cannot both"},
    {"RedirectLoop", "CreateRule",
     PATH_RULE "Actions.member.1.Type=redirect&Actions.member.1.RedirectConfig.StatusCode=HTTP_301",
     "InvalidLoadBalancerAction", "loop"},
    {"RedirectStatus", "CreateRule",
     PATH_RULE "Actions.member.1.Type=redirect&Actions.member.1.RedirectConfig.Port=81&Actions.member.1."
               "RedirectConfig.StatusCode=HTTP_307",
     "ValidationError", "HTTP_301"},
    {"FixedStatus", "CreateRule",
     PATH_RULE "Actions.member.1.Type=fixed-response&Actions.member.1.FixedResponseConfig.StatusCode=301",
     "ValidationError", "2XX"},
    {"FixedContentType", "CreateRule",
     PATH_RULE "Actions.member.1.Type=fixed-response&Actions.member.1.FixedResponseConfig.StatusCode=200&"
               "Actions.member.1.FixedResponseConfig.ContentType=image/png",
     "ValidationError", "content type"},
    {"ForwardWeight", "CreateRule",
     PATH_RULE "Actions.member.1.Type=forward&Actions.member.1.ForwardConfig.TargetGroups.member.1."
               "TargetGroupArn={tg}&Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight=1000",
     "ValidationError", "999"},
    {"DefaultRuleDeleted", "DeleteRule", "RuleArn={default}", "OperationNotPermitted", "cannot be deleted"},
    {"DefaultRuleConditions", "ModifyRule",
     "RuleArn={default}&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=/a",
     "OperationNotPermitted", "default rule"},
    {"PrioritiesTwice", "SetRulePriorities",
     "RulePriorities.member.1.RuleArn={default}&RulePriorities.member.1.Priority=1", "OperationNotPermitted",
     "priority"},
    {"TargetUnknownHost", "RegisterTargets", "TargetGroupArn={tg}&Targets.member.1.Id=mi-404",
     "InvalidTarget", "mi-404"},
    {"TargetPort", "RegisterTargets",
     "TargetGroupArn={tg}&Targets.member.1.Id=mi-1&Targets.member.1.Port=70000", "ValidationError", "Port"},
    {"TargetsMissing", "RegisterTargets", "TargetGroupArn={tg}", "ValidationError", "target"},
    {"HealthOfUnknownGroup", "DescribeTargetHealth", "TargetGroupArn=" OURS("targetgroup/x/1"),
     "TargetGroupNotFound", "not found"},
    {"AttributeUnknown", "ModifyLoadBalancerAttributes", LB_ATTRIBUTE("a.b", "1"),
     "InvalidConfigurationRequest", "attribute key 'a.b' is not recognized"},
    {"AttributeOfNetwork", "ModifyLoadBalancerAttributes",
     LB_ATTRIBUTE("dns_record.client_routing_policy", "x"), "InvalidConfigurationRequest",
     "attribute key 'dns_record.client_routing_policy' is not supported"},
    {"AttributeRange", "ModifyLoadBalancerAttributes", LB_ATTRIBUTE("idle_timeout.timeout_seconds", "0"),
     "InvalidConfigurationRequest", "1 to 4000"},
    {"AttributeBool", "ModifyLoadBalancerAttributes", LB_ATTRIBUTE("routing.http2.enabled", "yes"),
     "InvalidConfigurationRequest", "'true' or 'false'"},
    {"StickinessByCookieOfNoName", "ModifyTargetGroupAttributes",
     TG_ATTRIBUTE("stickiness.enabled",
                  "true") "&Attributes.member.2.Key=stickiness.type&Attributes.member.2.Value=app_cookie",
     "InvalidConfigurationRequest", "cookie_name' must be specified"},
    {"StickinessByOurCookie", "ModifyTargetGroupAttributes",
     TG_ATTRIBUTE("stickiness.app_cookie.cookie_name", "AWSALBTG"), "InvalidConfigurationRequest",
     "may not begin with AWSALB"},
    {"StickinessOfRandomTargets", "ModifyTargetGroupAttributes",
     TG_ATTRIBUTE("stickiness.enabled",
                  "true") "&Attributes.member.2.Key=load_balancing.algorithm.type&Attributes.member.2.Value="
                          "weighted_random",
     "InvalidConfigurationRequest", "Stickiness cannot be used"},
    {"MitigationOfAnotherAlgorithm", "ModifyTargetGroupAttributes",
     TG_ATTRIBUTE("load_balancing.algorithm.anomaly_mitigation", "on"), "InvalidConfigurationRequest",
     "Anomaly mitigation can only be used"},
    {"RequestLimitOfNothing", "ModifyTargetGroupAttributes",
     TG_ATTRIBUTE("berth.request_limit.per_target", "0"), "InvalidConfigurationRequest",
     "must be 'off' or a number from 1 to 65535"},
    {"EjectionThatShrinks", "ModifyTargetGroupAttributes",
     TG_ATTRIBUTE("berth.outlier_ejection.seconds", "301"), "InvalidConfigurationRequest",
     "may not be below"},
    {"TraceparentWord", "ModifyLoadBalancerAttributes", LB_ATTRIBUTE("berth.traceparent.add", "on"),
     "InvalidConfigurationRequest", "must be one of off|sampled|unsampled"},
    {"RateLimitOfATargetGroup", "ModifyTargetGroupAttributes", TG_ATTRIBUTE("berth.rate_limit.requests", "5"),
     "InvalidConfigurationRequest", "is not recognized"},
    {"ResponseHeaderCharacters", "ModifyListenerAttributes",
     "ListenerArn={listener}&Attributes.member.1.Key=routing.http.response.x_frame_options.header_value&"
     "Attributes.member.1.Value=a%22b",
     "InvalidConfigurationRequest", "may hold letters"},
    {"GroupStickinessTooLong", "CreateRule",
     "ListenerArn={listener}&Priority=77&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values."
     "member.1=/s&Actions.member.1.Type=forward&Actions.member.1.ForwardConfig.TargetGroups.member.1."
     "TargetGroupArn={tg}&Actions.member.1.ForwardConfig.TargetGroups.member.2.TargetGroupArn={tg}x&Actions."
     "member.1.ForwardConfig.TargetGroupStickinessConfig.Enabled=true&Actions.member.1.ForwardConfig."
     "TargetGroupStickinessConfig.DurationSeconds=604801",
     "ValidationError", "between 1 and 604800"},
    {"CompressionUnknown", "ModifyTargetGroupAttributes",
     TG_ATTRIBUTE("berth.compression.algorithms", "gzip%2Cdeflate"), "InvalidConfigurationRequest",
     "must name some of gzip, br and zstd"},
    {"CompressionTwice", "ModifyTargetGroupAttributes",
     TG_ATTRIBUTE("berth.compression.algorithms", "gzip%2Cgzip"), "InvalidConfigurationRequest",
     "names gzip twice"},
    {"CompressionLevel", "ModifyTargetGroupAttributes", TG_ATTRIBUTE("berth.compression.level", "10"),
     "InvalidConfigurationRequest", "from 1 to 9"},
    {"CompressionTypes", "ModifyTargetGroupAttributes",
     TG_ATTRIBUTE("berth.compression.content_types", "text"), "InvalidConfigurationRequest",
     "must name types such as text/html"},
    {"CompressionOfAnUnknownKind", "ModifyTargetGroupAttributes",
     TG_ATTRIBUTE("berth.compression.window", "1"), "InvalidConfigurationRequest", "is not recognized"},
    {"SlowStartTooShort", "ModifyTargetGroupAttributes", TG_ATTRIBUTE("slow_start.duration_seconds", "29"),
     "InvalidConfigurationRequest", "30 to 900"},
    {"SlowStartWithLeastOutstanding", "ModifyTargetGroupAttributes",
     TG_ATTRIBUTE("slow_start.duration_seconds",
                  "30") "&Attributes.member.2.Key=load_balancing.algorithm.type&Attributes.member.2.Value="
                        "least_outstanding_requests",
     "InvalidConfigurationRequest", "Slow start"},
    {"TagsOfUnknownListener", "DescribeTags",
     "ResourceArns.member.1=arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/x/1/2",
     "ListenerNotFound", "listeners"},
    {"SslPolicyUnknown", "DescribeSSLPolicies", "Names.member.1=p", "SSLPolicyNotFound", "'p' not found"},
    {"FormBroken", "DescribeLoadBalancers", "Names.member.1=%zz", "MalformedQueryString", ""},
};

class Errors : public testing::TestWithParam<Case> {};

std::string fill(std::string form, const std::vector<std::pair<std::string, std::string>>& values) {
  for (const auto& [name, value] : values) {
    for (auto at = form.find(name); at != std::string::npos; at = form.find(name))
      form.replace(at, name.size(), value);
  }
  return form;
}

TEST_P(Errors, NameTheFieldAndTheReasonAndChangeNothing) {
  Api api;
  const auto balancer = api.create_load_balancer("web");
  const auto other = api.create_load_balancer("other");
  const auto group = api.create_target_group("app");
  const auto group2 = api.create_target_group("app2");
  const auto listener = api.create_listener(balancer, group);
  const auto rule = api.create_rule(listener, group, 5);
  const auto version = api.state.published->version;
  const auto answer =
      api.call(GetParam().operation,
               fill(GetParam().form, {{"{lb}", balancer},
                                      {"{other}", other},
                                      {"{tg}", group},
                                      {"{tg2}", group2},
                                      {"{listener}", listener},
                                      {"{rule}", rule},
                                      {"{default}", api.state.listeners.find(listener)->default_rule_arn}}));
  ASSERT_FALSE(answer) << *answer;
  EXPECT_EQ(answer.error().code(), GetParam().code) << answer.error().text();
  EXPECT_THAT(answer.error().text(), testing::HasSubstr(GetParam().fragment));
  EXPECT_EQ(answer.error().blame(), shared::Blame::kClient) << "never a 5xx: SDKs would repeat it";
  EXPECT_EQ(api.state.published->version, version);
}

INSTANTIATE_TEST_SUITE_P(Api, Errors, testing::ValuesIn(kCases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(IpTargets, HaveOneTextForWhatIsNoAddressWhereverItIsGiven) {
  Api api;
  api.good("CreateTargetGroup", "Name=addresses&Protocol=HTTP&Port=80&VpcId=vpc-1&TargetType=ip");
  const std::string form =
      "TargetGroupArn=" + api.state.target_groups.rows().begin()->first + "&Targets.member.1.Id=here";
  for (const char* operation : {"RegisterTargets", "DescribeTargetHealth"}) {
    const auto answer = api.call(operation, form);
    ASSERT_FALSE(answer) << operation;
    EXPECT_EQ(answer.error().code(), "InvalidTarget");
    EXPECT_EQ(answer.error().text(), "The IP address 'here' is not a valid IPv4 or IPv6 address");
  }
}

TEST(DeletionProtection, BlocksDeletionUntilItIsOff) {
  Api api;
  const auto balancer = api.create_load_balancer();
  const auto protect = [&](const char* value) {
    api.good("ModifyLoadBalancerAttributes",
             "LoadBalancerArn=" + balancer +
                 "&Attributes.member.1.Key=deletion_protection.enabled&Attributes."
                 "member.1.Value=" +
                 value);
  };
  protect("true");
  EXPECT_EQ(api.call("DeleteLoadBalancer", "LoadBalancerArn=" + balancer).error().code(),
            "OperationNotPermitted");
  protect("false");
  api.good("DeleteLoadBalancer", "LoadBalancerArn=" + balancer);
  EXPECT_EQ(api.call("DescribeLoadBalancers", "LoadBalancerArns.member.1=" + balancer).error().code(),
            "LoadBalancerNotFound");
}

TEST(Quotas, AreKept) {
  Api api;
  const auto group = api.create_target_group();
  const auto balancer = api.create_load_balancer();
  const auto listener = api.create_listener(balancer, group);
  for (int priority = 1; priority <= 100; ++priority) api.create_rule(listener, group, priority);
  EXPECT_EQ(
      api.call("CreateRule", "ListenerArn=" + listener +
                                 "&Priority=500&Conditions.member.1.Field=path-pattern&Conditions.member.1."
                                 "Values.member.1=/a&" +
                                 Api::forward("Actions", group))
          .error()
          .code(),
      "TooManyRules");
  for (int port = 81; port < 130; ++port) api.create_listener(balancer, group, port);
  EXPECT_EQ(api.call("CreateListener", "LoadBalancerArn=" + balancer + "&Protocol=HTTP&Port=999&" +
                                           Api::forward("DefaultActions", group))
                .error()
                .code(),
            "TooManyListeners");
  for (int i = 1; i < 50; ++i) api.create_load_balancer("lb" + std::to_string(i));
  EXPECT_EQ(api.call("CreateLoadBalancer", "Name=one-more").error().code(), "TooManyLoadBalancers");
}

}  // namespace
}  // namespace agent::api::elbv2
