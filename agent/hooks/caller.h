// Calls of lifecycle hooks: what a deployment tells an HTTP endpoint at one of its stages, and what that
// answers. The body is the event that ECS hands to a Lambda function, the answer what it takes from one.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace agent::hooks {

struct Call {
  std::string url;           // http or https
  std::string execution_id;  // the same in all calls of one hook at one stage
  std::string stage;         // the API's word
  std::string service_deployment_arn;
  std::string service_arn;
  std::string revision_arn;  // the one that is deployed
  // ARN of a revision and thousandths of the traffic; empty: nothing shifts.
  std::vector<std::pair<std::string, int>> production;
  std::vector<std::pair<std::string, int>> test;
  std::string details;  // hookDetails as JSON text; empty: none
};

enum class Said { kNothing, kSucceeded, kFailed, kInProgress };
struct Reply {
  Said said = Said::kNothing;
  std::optional<int> call_back_seconds{};  // callBackDelay, of kInProgress
  std::string problem{};                   // of kNothing: why the answer says nothing
};

class Caller {
 public:
  virtual ~Caller() = default;
  // `done` is called once, later, on the caller's thread, within kCallTimeout and some more; not after this
  // object's end.
  virtual void call(Call call, std::function<void(Reply)> done) = 0;
};

inline constexpr std::size_t kMaxAnswerBytes = 65'536;

// {"executionDetails":{...},"executionId":...,"lifecycleStage":...,"resourceArn":...,"hookDetails":...}
std::string body_of(const Call& call);
// Of an answer with this HTTP status: only 200 with {"hookStatus": "SUCCEEDED" | "FAILED" | "IN_PROGRESS"}
// says anything.
Reply reply_in(int status, std::string_view body);

}  // namespace agent::hooks
