#include "agent/cli/client/api.h"

#include <array>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>

#include "shared/httpd/client.h"
#include "shared/httpd/https_client.h"
#include "shared/httpd/io_loop.h"
#include "shared/json/reader.h"
#include "shared/net/https_url.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;
using shared::http::Request;
using shared::http::Response;

namespace {

constexpr shared::Millis kCallTimeout{60'000};
constexpr shared::Millis kConnectTimeout{5'000};
constexpr std::size_t kMaxAnswer = 64u << 20;
// How long after a call that may be repeated it is: three seconds altogether.
constexpr std::array<shared::Millis, 4> kPauses = {shared::Millis(200), shared::Millis(400),
                                                   shared::Millis(800), shared::Millis(1600)};
// Longer than anybody waits: run_until wants a limit.
constexpr shared::Millis kForever = std::chrono::hours(24 * 365);

std::string authority(const Url& url) {
  return shared::net::authority_of(url.to, url.https ? shared::net::kHttpsPort : shared::net::kHttpPort);
}

bool is_same(const Url& a, const Url& b) { return a.https == b.https && a.to == b.to; }

class HttpApi final : public Api {
 public:
  explicit HttpApi(Place place) : place_(std::move(place)) {
    loop_.on_signals({SIGINT, SIGTERM}, [this](int) { ended_ = true; });
  }

  const Place& place() const override { return place_; }
  shared::WallTime now() const override { return loop_.wall_now(); }

  bool wait(shared::Millis length) override {
    loop_.run_until([this] { return ended_; }, length);
    return !ended_;
  }

  Result<json> ecs(std::string_view operation, const json& input) override {
    return json_call("ecs", "AmazonEC2ContainerServiceV20141113", operation, input);
  }
  Result<json> logs(std::string_view operation, const json& input) override {
    return json_call("logs", "Logs_20140328", operation, input);
  }
  Result<json> ssm(std::string_view operation, const json& input) override {
    return json_call("ssm", "AmazonSSM", operation, input);
  }
  Result<json> secrets(std::string_view operation, const json& input) override {
    return json_call("secretsmanager", "secretsmanager", operation, input);
  }
  Result<json> elb(std::string_view operation, const json& input) override {
    return query_call("elasticloadbalancing", "2015-12-01", operation, input);
  }
  Result<json> iam(std::string_view operation, const json& input) override {
    return query_call("iam", "2010-05-08", operation, input);
  }

  Result<Response> plain(const Url& url, Request request, shared::Millis timeout) override {
    if (!request.headers.get("Host")) request.headers.set("Host", authority(url));
    return exchange(url, std::move(request), timeout);
  }

  Result<void> prepare() {
    if (!place_.url.https) return {};
    auto client = shared::httpd::HttpsClient::create(loop_, place_.ca_file);
    if (!client) return client.error();
    https_ = *std::move(client);
    return {};
  }

 private:
  Result<json> json_call(std::string_view service, const std::string& prefix, std::string_view operation,
                         const json& input) {
    Request request;
    request.headers.set("Content-Type", "application/x-amz-json-1.1");
    request.headers.set("X-Amz-Target", prefix + "." + std::string(operation));
    request.body = shared::json::to_text(input);
    auto answer = call(service, std::move(request));
    if (!answer) return answer.error();
    if (answer->body.empty()) return json(json::object());
    auto parsed = shared::json::parse(answer->body);
    if (!parsed)
      return Error("malformed", "the answer to " + std::string(operation) + ": " + parsed.error().text(),
                   shared::Blame::kTarget);
    return parsed;
  }

  Result<json> query_call(std::string_view service, std::string_view version, std::string_view operation,
                          const json& input) {
    Request request;
    request.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    request.body = query_form(operation, version, input);
    auto answer = call(service, std::move(request));
    if (!answer) return answer.error();
    return query_result(operation, answer->body);
  }

  Result<Response> call(std::string_view service, Request request) {
    request.method = "POST";
    request.headers.set("Host", authority(place_.url));
    for (std::size_t attempt = 0;; ++attempt) {
      aws::sign(request, place_.credentials, place_.region, service, now());
      auto answer = exchange(place_.url, request, kCallTimeout);
      if (answer && answer->status / 100 == 2) return answer;
      const Error error = answer ? api_error(*answer) : answer.error();
      // Only what certainly has not been carried out, or may be twice: a refusal for now.
      const bool again = answer.has_value() && error.retry() == shared::Retry::kYes &&
                         (answer->status == 429 || answer->status == 503 ||
                          error.code().find("Throttling") != std::string::npos);
      if (!again || attempt >= kPauses.size() || !wait(kPauses[attempt])) return error;
    }
  }

  Result<Response> exchange(const Url& url, Request request, shared::Millis timeout) {
    std::optional<Result<Response>> answer;
    const auto done = [&](Result<Response> got) { answer.emplace(std::move(got)); };
    shared::httpd::Call running;
    std::unique_ptr<shared::httpd::Client> once;
    if (url.https) {
      if (!https_) {
        auto client = shared::httpd::HttpsClient::create(loop_, place_.ca_file);
        if (!client) return client.error();
        https_ = *std::move(client);
      }
      request.headers.remove("Host");  // the client's own to set
      running = https_->request({url.to, request.target}, std::move(request), {timeout, kMaxAnswer}, done);
    } else {
      shared::httpd::CallOptions options;
      options.connect_timeout = kConnectTimeout;
      options.timeout = timeout;
      options.max_body_bytes = kMaxAnswer;
      const bool control = is_same(url, place_.url);
      if (control && !http_) http_ = shared::httpd::Client::create(loop_, url.to);
      if (!control) once = shared::httpd::Client::create(loop_, url.to);
      running = (control ? *http_ : *once).request(std::move(request), options, done);
    }
    loop_.run_until([&] { return answer.has_value() || ended_; }, kForever);
    if (answer) return *std::move(answer);
    return Error("interrupted", "interrupted");
  }

  Place place_;
  shared::httpd::IoLoop loop_;
  bool ended_ = false;
  std::unique_ptr<shared::httpd::Client> http_;
  std::unique_ptr<shared::httpd::HttpsClient> https_;
};

}  // namespace

Result<std::unique_ptr<Api>> Api::create(Place place) {
  auto api = std::make_unique<HttpApi>(std::move(place));
  if (auto ready = api->prepare(); !ready) return ready.error();
  return std::unique_ptr<Api>(std::move(api));
}

}  // namespace agent::cli
