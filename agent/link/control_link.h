// The node's way to control: signed API calls and the ACS and TCS websockets. Real one: http_control_link.h
// (shared/httpd, SigV4). Simulated one: tests/sim. Thread: the executor's; callbacks never run inside the
// call that started them.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "agent/link/channel.h"
#include "shared/base/result.h"

namespace agent::link {

struct SessionHandlers {
  std::function<void(std::shared_ptr<Channel>)> on_open;
  std::function<void(std::string)> on_text;
  std::function<void(shared::Error)> on_close;  // once, also for an attempt that failed
};

class ControlLink {
 public:
  virtual ~ControlLink() = default;
  // `operation` is an ECS operation ("SubmitTaskStateChange"), `body` its JSON. The error's code is the
  // service's
  // __type, or "connect"/"timeout"/"closed" when there was no answer.
  virtual void call(const std::string& operation, std::string body,
                    std::function<void(shared::Result<std::string>)> done) = 0;
  // Opens <endpoint>/ws with the ACS query parameters for this container instance.
  virtual void open_acs(const std::string& endpoint, const std::string& container_instance_arn,
                        const std::string& cluster, SessionHandlers handlers) = 0;
  // The telemetry session (TCS), likewise. Texts sent over its channel are plain messages; what the protocol
  // wants around them is the link's business.
  virtual void open_telemetry(const std::string& endpoint, const std::string& container_instance_arn,
                              const std::string& cluster, SessionHandlers handlers) = 0;
};

}  // namespace agent::link
