#include "agent/api/sts/sts.h"

#include "agent/aws/service.h"
#include "agent/aws/xml.h"

namespace agent::api::sts {

shared::Result<std::string> handle(const Call& call) {
  if (call.operation != "GetCallerIdentity") {
    return shared::Error(
        "InvalidAction",
        "The action " + call.operation + " is not valid for this web service, or not offered here.",
        shared::Blame::kClient);
  }
  aws::QueryResult answer(call.operation, aws::xml_namespace(aws::Service::kSts));
  aws::XmlElement out = answer.result();
  out.text("Arn", call.caller_arn);
  out.text("UserId", call.caller_id);
  out.text("Account", call.account);
  return answer.response(call.request_id).body;
}

}  // namespace agent::api::sts
