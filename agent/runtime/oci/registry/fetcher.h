// One HTTP request after the other, waited for: what a pull needs, on a thread of its own with a loop of its
// own. Thread: the one that made it.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/http/message.h"
#include "shared/httpd/client.h"
#include "shared/httpd/https_client.h"
#include "shared/httpd/io_loop.h"
#include "shared/net/endpoint.h"

namespace agent::runtime::oci {

struct Url {
  bool tls = true;
  shared::net::Endpoint to;
  std::string target = "/";

  bool same_server(const Url& other) const { return tls == other.tls && to == other.to; }
  std::string authority() const;  // as a Host header has it
};
// http or https. `base`: what a relative Location is relative to.
shared::Result<Url> parse_url(const std::string& text, const Url* base);

struct FetchOptions {
  shared::Millis silence{60'000};  // nothing came for so long: the call fails ("timeout")
  std::size_t max_body = 4 * 1024 * 1024;
  std::function<void(const shared::http::Response&)> on_head;
  std::function<bool(std::string_view)> on_chunk;  // bodies of 2xx answers; false ends the call ("stopped")
};

class Fetcher {
 public:
  // `cancelled` is asked several times a second, from this thread.
  Fetcher(std::function<bool()> cancelled, std::string ca_file)
      : cancelled_(std::move(cancelled)), ca_file_(std::move(ca_file)) {}
  ~Fetcher();

  // Any answer is a success. Error codes: the clients' own, "timeout", "stopped", "cancelled".
  shared::Result<shared::http::Response> fetch(const Url& url, shared::http::Request request,
                                               const FetchOptions& options);
  void wait(shared::Millis time);  // or until cancelled
  bool cancelled() const { return cancelled_(); }

 private:
  std::function<bool()> cancelled_;
  std::string ca_file_;
  shared::httpd::IoLoop loop_;
  std::map<std::string, std::unique_ptr<shared::httpd::Client>> plain_;
  std::unique_ptr<shared::httpd::HttpsClient> tls_;
};

}  // namespace agent::runtime::oci
