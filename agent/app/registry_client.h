// Asks the registry that ECR's repositories are in, as user AWS where it has a password. Thread: the loop's.
#pragma once
#include <memory>
#include <string>

#include "agent/api/ecr/images.h"
#include "shared/base/result.h"
#include "shared/httpd/client.h"
#include "shared/httpd/https_client.h"
#include "shared/httpd/io_loop.h"
#include "shared/net/https_url.h"

namespace agent::app {

class RegistryClient {
 public:
  // `url`: http or https, of a host alone. Error "setting".
  static shared::Result<std::unique_ptr<RegistryClient>> create(shared::httpd::IoLoop& loop,
                                                                const std::string& url,
                                                                const std::string& password);
  // What names of images begin with.
  const std::string& host() const { return host_; }
  void fetch(shared::http::Request request,
             std::function<void(shared::Result<shared::http::Response>)> done) const;

 private:
  explicit RegistryClient(shared::net::HttpsUrl at) : at_(std::move(at)) {}
  shared::net::HttpsUrl at_;
  std::string host_;
  std::string authorization_;  // empty: none
  std::unique_ptr<shared::httpd::Client> plain_;
  std::unique_ptr<shared::httpd::HttpsClient> tls_;
};

}  // namespace agent::app
