#include "agent/iam/keys.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>

#include "agent/iam/key_files.h"
#include "shared/crypto/hash.h"

namespace agent::iam {

using shared::Blame;
using shared::Error;
using shared::Result;
using shared::WallTime;
namespace crypto = shared::crypto;
namespace http = shared::http;

namespace {

constexpr std::size_t kAccountDigits = 12;
constexpr mode_t kDirectoryMode = 0700;
// "AKIA" marks a long-lived key, "AIDA" a user's id; both are followed by capital letters and digits.
constexpr std::string_view kKeyPrefix = "AKIA";
constexpr std::size_t kKeyChars = 16;
constexpr std::string_view kUserPrefix = "AIDA";
constexpr std::size_t kUserChars = 17;
// 30 bytes are 40 characters of base64, the length of every AWS secret.
constexpr std::size_t kSecretBytes = 30;
constexpr std::size_t kTokenBytes = 32;
// Of the dashboard's, which people like to choose.
constexpr std::size_t kMinTokenChars = 16;

struct Holder {
  Role role;
  std::string_view user;
  std::string_view comment;
};

constexpr std::array kHolders = {
    Holder{Role::kAdministrator, "administrator", "Administrator of this Berth installation."},
    Holder{Role::kNode, "berth-node", "For berth-agent on container instances."},
};

// What an agent calls with its instance's credentials (the instance role's policy, and the tag read of its
// metadata endpoint). Poll and StartTelemetrySession guard its two sockets.
constexpr std::array<std::string_view, 13> kNodeOperations{
    "CreateCluster",
    "DeregisterContainerInstance",
    "DiscoverPollEndpoint",
    "GetTaskProtection",
    "ListTagsForResource",
    "Poll",
    "RegisterContainerInstance",
    "StartTelemetrySession",
    "SubmitAttachmentStateChanges",
    "SubmitContainerStateChange",
    "SubmitTaskStateChange",
    "UpdateContainerInstancesState",
    "UpdateTaskProtection",
};

const Holder& holder_of(Role role) { return kHolders[static_cast<std::size_t>(role)]; }

// Five bits of each byte, so that every character is equally likely.
std::string base32(std::string_view bytes) {
  static constexpr char kChars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  for (const char c : bytes) out.push_back(kChars[static_cast<unsigned char>(c) & 31U]);
  return out;
}

aws::Credentials fresh_credentials() {
  return {std::string(kKeyPrefix) + base32(crypto::random_bytes(kKeyChars)),
          crypto::base64_encode(crypto::random_bytes(kSecretBytes)),
          {}};
}

// Reads the file; makes it first if there is none. Two programs starting at once end with the same content.
template <class T>
Result<T> load_or_create(const std::string& path, const std::function<Result<T>(const std::string&)>& read,
                         const std::function<std::string()>& make) {
  auto got = read(path);
  if (got || got.error().code() != "absent") return got;
  const auto created = create_secret_file(path, make());
  if (!created && created.error().code() != "exists") return created.error();
  return read(path);
}

Result<void> make_directory(const std::string& path) {
  std::error_code failure;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failure);
  if (::mkdir(path.c_str(), kDirectoryMode) == 0 || errno == EEXIST) return {};
  return Error("io", "create directory " + path + ": " + std::strerror(errno));
}

}  // namespace

std::string Keys::credentials_path(const std::string& directory) { return directory + "/credentials"; }
std::string Keys::node_credentials_path(const std::string& directory) {
  return directory + "/node-credentials";
}
std::string Keys::balancer_token_path(const std::string& directory) { return directory + "/balancer-token"; }

std::string Keys::dashboard_token_path(const std::string& directory) {
  return directory + "/dashboard-token";
}

std::string Keys::sealing_key_path(const std::string& directory) { return directory + "/sealing-key"; }

Result<Keys> Keys::open(KeysOptions options) {
  const std::string& account = options.realm.account;
  if (account.size() != kAccountDigits ||
      !std::all_of(account.begin(), account.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return Error("invalid", "account '" + account + "' must have 12 digits");
  }
  if (auto made = make_directory(options.directory); !made) return made.error();
  Keys keys(std::move(options));
  if (auto loaded = keys.load(); !loaded) return loaded.error();
  return keys;
}

Result<void> Keys::load() {
  const std::string& directory = options_.directory;
  const auto load_pair = [](const std::string& path, Role role) {
    return load_or_create<aws::Credentials>(path, read_credentials_file, [role] {
      return credentials_text(fresh_credentials(), std::string(holder_of(role).comment));
    });
  };
  auto administrator = load_pair(credentials_path(directory), Role::kAdministrator);
  if (!administrator) return administrator.error();
  auto node = load_pair(node_credentials_path(directory), Role::kNode);
  if (!node) return node.error();
  auto token = load_or_create<std::string>(balancer_token_path(directory), read_token_file, [] {
    return crypto::to_hex(crypto::random_bytes(kTokenBytes)) + "\n";
  });
  if (!token) return token.error();
  auto dashboard = load_or_create<std::string>(dashboard_token_path(directory), read_token_file, [] {
    return crypto::to_hex(crypto::random_bytes(kTokenBytes)) + "\n";
  });
  if (!dashboard) return dashboard.error();
  if (dashboard->size() < kMinTokenChars)
    return Error("malformed", dashboard_token_path(directory) + " has fewer than " +
                                  std::to_string(kMinTokenChars) + " characters");
  const auto sealing = load_or_create<std::string>(sealing_key_path(directory), read_token_file, [] {
    return crypto::to_hex(crypto::random_bytes(kTokenBytes)) + "\n";
  });
  if (!sealing) return sealing.error();
  if (administrator->access_key_id == node->access_key_id) {
    return Error("invalid", credentials_path(directory) + " and " + node_credentials_path(directory) +
                                " have the same access key id");
  }
  administrator_ = std::move(*administrator);
  node_ = std::move(*node);
  balancer_token_ = std::move(*token);
  dashboard_token_ = std::move(*dashboard);
  sealing_key_ = crypto::hmac_sha256("sealing-key", *sealing);  // 32 bytes, whatever the file has
  return {};
}

Principal Keys::principal(Role role) const {
  const Holder& holder = holder_of(role);
  Principal out;
  out.role = role;
  out.account = options_.realm.account;
  out.arn =
      aws::to_string({options_.realm.partition, "iam", "", out.account, "user/" + std::string(holder.user)});
  const std::string digest = crypto::hmac_sha256(out.account, holder.user);
  out.user_id = std::string(kUserPrefix) + base32(std::string_view(digest).substr(0, kUserChars));
  out.access_key_id = (role == Role::kNode ? node_ : administrator_).access_key_id;
  return out;
}

Result<Principal> Keys::authenticate(const http::Request& request, aws::Service service, WallTime now,
                                     const Others& others) const {
  const auto authorization = aws::parse_authorization(request);
  if (!authorization) return authorization.error();
  const bool is_node = authorization->access_key_id == node_.access_key_id;
  std::optional<KnownKey> known;
  if (is_node || authorization->access_key_id == administrator_.access_key_id) {
    known = KnownKey{
        is_node ? node_ : administrator_, principal(is_node ? Role::kNode : Role::kAdministrator), {}};
  } else if (others) {
    known = others(authorization->access_key_id);
  }
  if (!known) return aws::auth_error(aws::AuthFailure::kUnknownKey);
  const aws::Credentials& key = known->credentials;
  if (!crypto::equal_constant_time(authorization->session_token.value_or(""), key.session_token)) {
    return aws::auth_error(aws::AuthFailure::kUnknownKey);
  }
  constexpr std::string_view kGlobalRegion = "us-east-1";
  const bool global = aws::is_global(service) && authorization->region == kGlobalRegion;
  const aws::ExpectedScope scope{global ? kGlobalRegion : std::string_view(options_.realm.region),
                                 aws::signing_name(service), options_.skew};
  if (auto ok = aws::verify(request, *authorization, key.secret_access_key, now, scope); !ok)
    return ok.error();
  if (known->expires_at && now >= *known->expires_at) return aws::auth_error(aws::AuthFailure::kTokenExpired);
  return std::move(known->principal);
}

bool Keys::is_balancer_token(std::string_view token) const {
  return crypto::equal_constant_time(token, balancer_token_);
}

Result<void> authorize(const Principal& principal, aws::Service service, std::string_view operation) {
  if (principal.role == Role::kAdministrator) return {};
  const bool anybody = service == aws::Service::kSts && operation == "GetCallerIdentity";
  const bool allowed = anybody || (principal.role == Role::kNode && service == aws::Service::kEcs &&
                                   std::find(kNodeOperations.begin(), kNodeOperations.end(), operation) !=
                                       kNodeOperations.end());
  if (allowed) return {};
  const std::string action = std::string(aws::signing_name(service)) + ":" + std::string(operation);
  const aws::Protocol protocol = aws::protocol_of(service);
  return Error(protocol == aws::Protocol::kJson  ? "AccessDeniedException"
               : protocol == aws::Protocol::kEc2 ? "UnauthorizedOperation"
                                                 : "AccessDenied",
               "User: " + principal.arn + " is not authorized to perform: " + action +
                   " because no identity-based policy allows the " + action + " action",
               Blame::kClient);
}

}  // namespace agent::iam
