// Who may call the API. A first version with three secrets per installation, made at the first start and kept
// in files of mode 0600 in the data directory:
//   credentials        the administrator, allowed everything
//   node-credentials   container instances ("berth-node"), allowed what an agent calls
//   balancer-token     balancers, for the configuration feed
// The files may be replaced by hand with secrets of one's own; they are read at start. Users, roles, policies
// and temporary credentials are not here yet. Thread: any, after open().
#pragma once
#include <string>
#include <string_view>

#include "agent/aws/arn.h"
#include "agent/aws/service.h"
#include "agent/aws/sigv4.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/http/message.h"

namespace agent::iam {

enum class Role { kAdministrator, kNode };

struct Principal {
  Role role = Role::kAdministrator;
  std::string account;
  std::string arn;      // "arn:aws:iam::000000000000:user/administrator"
  std::string user_id;  // "AIDA..." as GetCallerIdentity shows it; the same for the same account and user
  std::string access_key_id;
};

struct KeysOptions {
  std::string directory;  // created with mode 0700 if missing
  aws::Realm realm;       // account: 12 digits
  shared::Millis skew = aws::kDefaultSkew;
};

class Keys {
 public:
  // Errors of key_files.h, and "invalid" for an account that is not 12 digits or one key id used twice.
  static shared::Result<Keys> open(KeysOptions options);

  // Who signed this request, after checking that they did, for this region and this service. Errors are
  // aws::AuthFailure words, for aws::wire_error.
  shared::Result<Principal> authenticate(const shared::http::Request& request, aws::Service service,
                                         shared::WallTime now) const;

  const aws::Credentials& administrator() const { return administrator_; }
  const aws::Credentials& node() const { return node_; }
  bool is_balancer_token(std::string_view token) const;  // in constant time
  const std::string& balancer_token() const { return balancer_token_; }
  const aws::Realm& realm() const { return options_.realm; }

  static std::string credentials_path(const std::string& directory);
  static std::string node_credentials_path(const std::string& directory);
  static std::string balancer_token_path(const std::string& directory);

 private:
  explicit Keys(KeysOptions options) : options_(std::move(options)) {}
  shared::Result<void> load();
  Principal principal(Role role) const;

  KeysOptions options_;
  aws::Credentials administrator_;
  aws::Credentials node_;
  std::string balancer_token_;
};

// Whether the principal may call the operation ("RunTask"); the agent's two sockets count as the ECS
// operations "Poll" and "StartTelemetrySession". Error AccessDeniedException (AccessDenied for Query
// services) in AWS's words.
shared::Result<void> authorize(const Principal& principal, aws::Service service, std::string_view operation);

}  // namespace agent::iam
