// Who may call the API. A first version with few secrets per installation, made at the first start and kept
// in files of mode 0600 in the data directory:
//   credentials        the administrator, allowed everything
//   node-credentials   container instances ("berth-node"), allowed what an agent calls
//   balancer-token     balancers, for the configuration feed
//   dashboard-token    whoever looks at the dashboard; no API takes it
//   sealing-key        what seals secrets in control's database (SecureString parameters)
// The files may be replaced by hand with secrets of one's own; they are read at start. Keys of users and
// temporary ones are rows of control. Thread: any, after open().
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/aws/arn.h"
#include "agent/aws/service.h"
#include "agent/aws/sigv4.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/http/message.h"

namespace agent::iam {

// The first two are this installation's own. What the others may do their policies say (agent/control/iam).
enum class Role { kAdministrator, kNode, kUser, kSession };

struct Principal {
  Role role = Role::kAdministrator;
  std::string account;
  std::string arn;      // "arn:aws:iam::000000000000:user/administrator"
  std::string user_id;  // "AIDA..." as GetCallerIdentity shows it; the same for the same account and user
  std::string access_key_id;
};

// A key that is no file: of a user, or a temporary one.
struct KnownKey {
  aws::Credentials credentials;
  Principal principal;
  std::optional<shared::WallTime> expires_at;
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
  // `others` finds keys that are no files, by their id; nullopt: there is none.
  using Others = std::function<std::optional<KnownKey>(const std::string&)>;
  shared::Result<Principal> authenticate(const shared::http::Request& request, aws::Service service,
                                         shared::WallTime now, const Others& others = nullptr) const;

  const aws::Credentials& administrator() const { return administrator_; }
  const aws::Credentials& node() const { return node_; }
  bool is_balancer_token(std::string_view token) const;  // in constant time
  const std::string& balancer_token() const { return balancer_token_; }
  const aws::Realm& realm() const { return options_.realm; }
  Principal principal(Role role) const;  // kAdministrator, kNode

  static std::string credentials_path(const std::string& directory);
  static std::string node_credentials_path(const std::string& directory);
  static std::string balancer_token_path(const std::string& directory);
  static std::string dashboard_token_path(const std::string& directory);
  const std::string& dashboard_token() const { return dashboard_token_; }
  static std::string sealing_key_path(const std::string& directory);
  const std::string& sealing_key() const { return sealing_key_; }  // 32 bytes

 private:
  explicit Keys(KeysOptions options) : options_(std::move(options)) {}
  shared::Result<void> load();

  KeysOptions options_;
  aws::Credentials administrator_;
  aws::Credentials node_;
  std::string balancer_token_;
  std::string dashboard_token_;
  std::string sealing_key_;
};

// Whether the principal may call the operation ("RunTask"); the agent's two sockets count as the ECS
// operations "Poll" and "StartTelemetrySession". Error AccessDeniedException (AccessDenied for Query
// services) in AWS's words.
shared::Result<void> authorize(const Principal& principal, aws::Service service, std::string_view operation);

}  // namespace agent::iam
