// Secrets in files that only their owner may read. An AWS shared credentials file has this form, and ours can
// be used as one (AWS_SHARED_CREDENTIALS_FILE):
//
//   [default]
//   aws_access_key_id = AKIA...
//   aws_secret_access_key = ...
//   aws_session_token = ...        (optional)
//
// Errors: "absent" (no such file), "exposed" (others may read or write it, or it belongs to somebody else),
// "malformed", "io". All name the file.
#pragma once
#include <string>

#include "agent/aws/sigv4.h"
#include "shared/base/result.h"

namespace agent::iam {

// Bytes; a file of secrets has a few hundred.
inline constexpr std::size_t kMaxKeyFileSize = 64 * 1024;

// All of the file's bytes.
shared::Result<std::string> read_secret_file(const std::string& path);
// The [default] section; other sections and names are ignored.
shared::Result<aws::Credentials> read_credentials_file(const std::string& path);
// The only line of the file.
shared::Result<std::string> read_token_file(const std::string& path);

// Creates a file that does not exist yet, mode 0600, whole and on disk or not at all. Error "exists" if it
// does.
shared::Result<void> create_secret_file(const std::string& path, const std::string& content);
// `comment` becomes the first line.
std::string credentials_text(const aws::Credentials& credentials, const std::string& comment);

}  // namespace agent::iam
