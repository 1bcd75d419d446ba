// CloudWatch's metrics and alarms (GraniteServiceVersion20100801, 2010-08-01), in the three protocols that
// its clients speak: Query, AWS JSON 1.0 and Smithy RPC v2 CBOR. Alarms are rows of control, so calls about
// them run inside a step; figures are not (agent/metrics), so calls about those need none.
#pragma once
#include <string>
#include <string_view>

#include "agent/api/call.h"
#include "agent/api/offer.h"
#include "agent/aws/service.h"
#include "agent/control/state/step.h"
#include "agent/metrics/store.h"
#include "shared/base/result.h"
#include "shared/http/message.h"

namespace agent::api::cloudwatch {

// The bytes of an inflated request, at most: PutMetricData's limit.
inline constexpr std::size_t kMaxInflated = 1 << 20;

// Of figures alone: run_on_figures; else handle.
bool is_about_figures(std::string_view operation);

// The JSON text of the answer, empty for operations without one. Error codes are those of the Query protocol;
// `keep`: the error takes nothing back (DeleteAlarms has deleted the alarms that there were).
struct Outcome {
  shared::Result<std::string> answer;
  bool keep = false;
};
Outcome handle(control::Step& step, const Call& call, aws::Protocol protocol);
shared::Result<std::string> run_on_figures(metrics::Store& store, shared::WallTime now, const Call& call,
                                           aws::Protocol protocol);

// The body of a request with Content-Encoding gzip, as SDKs send long PutMetricData. Error
// InvalidParameterValue, also beyond kMaxInflated.
shared::Result<std::string> inflated(const std::string& gzip);

// What either gave, or an error of the gateway's own, as the protocol has it.
shared::http::Response respond(aws::Protocol protocol, const Call& call,
                               const shared::Result<std::string>& answer);

Offers offers();

}  // namespace agent::api::cloudwatch
