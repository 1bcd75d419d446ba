// Which service and operation a request is for: the first thing a dispatcher asks, before it checks the
// signature. No I/O.
#pragma once
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/http/message.h"

namespace agent::aws {

enum class Service {
  kEcs,
  kElbv2,
  kSts,
  kAcm,
  kIam,
  kEc2,
  kLogs,
  kSsm,
  kSecrets,
  kAutoScaling,
  kCloudWatch,
  kCloudMap,
  kEvents,
  kScheduler,
  kEcr
};
// AWS JSON, AWS Query, EC2's own form of the latter (the same requests, other answers), Smithy RPC v2
// with CBOR, and REST with JSON bodies.
enum class Protocol { kJson, kQuery, kEc2, kCbor, kRest };

// The name in the credential scope: "ecs", "elasticloadbalancing", "sts".
std::string_view signing_name(Service service);
bool is_signing_name(std::string_view name);  // of one of ours
std::string signing_names();                  // of all: "acm, ec2 and sts"
// Its resources are the same in every region: requests are signed for any of ours, or for us-east-1.
bool is_global(Service service);
// Its own one; of CloudWatch, which has three, Query.
Protocol protocol_of(Service service);
// What actions in policies begin with: "ecs", "cloudwatch".
std::string_view action_prefix(Service service);
// The namespace of XML answers; empty for the JSON services.
std::string_view xml_namespace(Service service);

// How an answer must be written, also when the request is otherwise nonsense: JSON when there is an
// X-Amz-Target or a JSON content type, Query otherwise.
Protocol protocol_of(const shared::http::Request& request);

struct Call {
  Service service;
  std::string operation;  // "RunTask", "DescribeRules"
  // The JSON text, the CBOR bytes, or the form of a Query call (from the body, or of a GET the query string).
  std::string input;
  Protocol protocol;  // that it came by
};

// JSON: X-Amz-Target is "<prefix>.<operation>". CBOR: the path is /service/<prefix>/operation/<operation>.
// Query: Action and Version of the form. REST, which the credential scope tells: see rest.h. Whether the operation
// exists is not checked here. Error codes: UnknownOperationException (JSON); MissingAction, InvalidAction,
// MalformedQueryString (Query).
shared::Result<Call> identify(const shared::http::Request& request);

}  // namespace agent::aws
