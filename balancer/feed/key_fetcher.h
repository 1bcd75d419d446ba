// The key sets of issuers for all workers, fetched by HTTPS when a request asks for them. Thread: what
// jwt::KeySource has, any; the rest the IoLoop's, on which the fetches run.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "balancer/jwt/key_cache.h"
#include "balancer/jwt/key_set.h"
#include "shared/base/result.h"
#include "shared/httpd/https_client.h"
#include "shared/httpd/io_loop.h"

namespace balancer::feed {

class KeyFetcher final : public jwt::KeySource {
 public:
  // `ca_file`: trusted beside the system's CAs; empty: none. Error: it cannot be used. Lives as long as
  // those who ask, and the loop as long as this.
  static shared::Result<std::unique_ptr<KeyFetcher>> create(shared::httpd::IoLoop& loop,
                                                            const std::string& ca_file);

  std::optional<jwt::KeyAnswer> look_up(const std::string& endpoint) override;
  std::optional<jwt::KeyAnswer> look_up_newer(const std::string& endpoint, const jwt::KeySet& seen) override;
  void await(const std::string& endpoint, Done done) override;

 private:
  KeyFetcher(shared::httpd::IoLoop& loop, std::unique_ptr<shared::httpd::HttpsClient> client)
      : loop_(loop), client_(std::move(client)) {}
  std::optional<jwt::KeyAnswer> carry_out(const std::string& endpoint, const jwt::KeyCache::Lookup& found);
  void fetch(const std::string& endpoint);
  void fetched(const std::string& endpoint, const shared::Result<shared::http::Response>& response);

  shared::httpd::IoLoop& loop_;
  std::unique_ptr<shared::httpd::HttpsClient> client_;
  std::map<std::string, shared::httpd::Call> calls_;  // by endpoint
  std::mutex mutex_;
  jwt::KeyCache cache_;                               // these two guarded by mutex_
  std::map<std::string, std::vector<Done>> waiting_;  // at most one of each worker
};

}  // namespace balancer::feed
