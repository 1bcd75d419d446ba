// The real ControlLink: ECS JSON 1.1 calls and the ACS and TCS websockets over plain HTTP/1.1, signed with
// SigV4 as the ECS agent does. Each frame of the telemetry session begins with a pseudo HTTP head (Host,
// X-Amz-Date, Authorization, a blank line) whose signature covers the message. Retrying is the node's
// business. Thread: the loop's.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/aws/sigv4.h"
#include "agent/link/control_link.h"
#include "agent/link/role_calls.h"
#include "shared/httpd/client.h"
#include "shared/httpd/io_loop.h"

namespace agent::link {

struct ControlLinkOptions {
  std::string endpoint =
      "http://127.0.0.1:51677";  // ECS_BACKEND_HOST; "http://host:port", a scheme may be left out
  aws::Credentials credentials;
  std::string region = "us-east-1";
  std::string agent_version = "0.1.0";
  std::string agent_hash = "berth";
  std::function<std::string()> engine_version;  // asked when a session opens; may be empty
};

class HttpControlLink final : public ControlLink, public RoleCalls {
 public:
  // Error code "invalid_endpoint": no URL we can dial (https is not supported).
  static shared::Result<std::unique_ptr<HttpControlLink>> create(shared::httpd::IoLoop& loop,
                                                                 ControlLinkOptions options);
  ~HttpControlLink() override;

  void call(const std::string& operation, std::string body,
            std::function<void(shared::Result<std::string>)> done) override;
  void call_as(const RoleCredentials& keys, const RoleCall& call,
               std::function<void(shared::Result<std::string>)> done) override;
  void open_acs(const std::string& endpoint, const std::string& container_instance_arn,
                const std::string& cluster, SessionHandlers handlers) override;
  void open_telemetry(const std::string& endpoint, const std::string& container_instance_arn,
                      const std::string& cluster, SessionHandlers handlers) override;

 private:
  struct Address {
    shared::net::Endpoint endpoint;
    std::string host;  // as it goes into the Host header
    std::string path;  // without a trailing slash
  };
  HttpControlLink(shared::httpd::IoLoop& loop, ControlLinkOptions options, Address api);
  static shared::Result<Address> parse(const std::string& url);
  shared::httpd::Client& client(const Address& address);
  void post(const RoleCall& call, const aws::Credentials& keys,
            std::function<void(shared::Result<std::string>)> done);
  class SignedChannel;
  enum class Kind { kAcs, kTelemetry };
  void open(Kind kind, const std::string& endpoint, const std::map<std::string, std::string>& parameters,
            SessionHandlers handlers);
  std::string engine_version() const;

  shared::httpd::IoLoop& loop_;
  ControlLinkOptions options_;
  Address api_;
  bool was_connected_ = false;
  std::map<std::string, std::unique_ptr<shared::httpd::Client>> clients_;  // by host
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace agent::link
