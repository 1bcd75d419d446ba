// One registry of images over HTTP (the OCI distribution specification; Docker's registry API, version 2):
// manifests and blobs of one repository. Everything is checked against its digest. Blocking; one thread.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/runtime/oci/images/manifest.h"
#include "agent/runtime/oci/images/reference.h"
#include "agent/runtime/oci/registry/challenge.h"
#include "agent/runtime/oci/registry/fetcher.h"

namespace agent::runtime::oci {

struct RegistrySettings {
  std::map<std::string, Credentials> credentials;  // by host
  std::set<std::string> insecure;  // hosts that may be spoken to without TLS; loopback addresses always may
  std::string ca_file;             // empty: the system's authorities
};

inline constexpr int kRedirects = 10;
inline constexpr int kAttempts = 5;  // of what may go better: 408, 429, 5xx, connections that break

class Registry {
 public:
  Registry(Fetcher& fetcher, const RegistrySettings& settings, Reference repository);

  struct Fetched {
    std::string bytes;
    std::string digest;
    std::string content_type;
  };
  // `wanted`: a tag or a digest. Error code "pull", in the words that Docker's users know.
  shared::Result<Fetched> manifest(const std::string& wanted);
  shared::Result<std::string> blob(const Descriptor& descriptor, std::size_t most);
  // Into a file, going on from what it has. It is whole and verified when this succeeds.
  shared::Result<void> download(const Descriptor& descriptor, const std::filesystem::path& file);

 private:
  using Response = shared::http::Response;
  shared::Result<Response> get(const std::string& path, shared::http::Headers headers,
                               const FetchOptions& options, const std::function<void()>& again);
  shared::Result<Response> get_once(const std::string& path, const shared::http::Headers& headers,
                                    const FetchOptions& options);
  shared::Result<Response> follow(Url url, shared::http::Request request, const FetchOptions& options);
  shared::Result<void> authorize(const Response& refusal);
  shared::Result<std::string> ask_for_token(const Challenge& challenge);
  shared::Error refused(const Response& response, const std::string& what) const;
  bool may_be_insecure() const;
  const Credentials* credentials() const;

  Fetcher& fetcher_;
  const RegistrySettings& settings_;
  Reference repository_;
  Url server_;
  bool settled_ = false;  // whether it speaks TLS is known
  std::string authorization_;
};

}  // namespace agent::runtime::oci
