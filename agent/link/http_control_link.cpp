#include "agent/link/http_control_link.h"

#include <charconv>

#include "shared/json/reader.h"

namespace agent::link {
namespace {

using shared::Error;
using shared::Result;
using shared::http::Response;
using shared::http::Slash;

constexpr const char* kTargetPrefix = "AmazonEC2ContainerServiceV20141113.";
constexpr const char* kService = "ecs";
constexpr shared::Millis kCallTimeout{42'000};  // the ECS agent's limit for a whole round trip
constexpr std::uint16_t kDefaultPort = 80;
constexpr unsigned short kNormalClose = 1000;

class WebSocketChannel final : public Channel {
 public:
  explicit WebSocketChannel(std::shared_ptr<shared::httpd::WebSocket> socket) : socket_(std::move(socket)) {}
  void send(std::string text) override { socket_->send(std::move(text)); }
  void close(const std::string& reason) override { socket_->close(kNormalClose, reason); }

 private:
  std::shared_ptr<shared::httpd::WebSocket> socket_;  // as long as the websocket API hands it out: shared
};

// {"__type": "prefix#Code", "message": "..."}
Error service_error(const Response& response) {
  auto document = shared::json::Document::parse(response.body, "malformed");
  std::string code;
  std::string text;
  if (document) {
    code = document->root().string_or("__type", "");
    text = document->root().string_or("message", "");
    if (text.empty()) text = document->root().string_or("Message", "");
  }
  if (const auto hash = code.rfind('#'); hash != std::string::npos) code.erase(0, hash + 1);
  const bool busy = response.status >= 500 || response.status == 429;
  if (code.empty()) {
    code = busy ? "ServerException" : "ClientException";
    text = "HTTP status " + std::to_string(response.status);
  }
  return Error(code, text, busy ? shared::Blame::kTarget : shared::Blame::kClient,
               busy ? shared::Retry::kYes : shared::Retry::kNo);
}

}  // namespace

Result<HttpControlLink::Address> HttpControlLink::parse(const std::string& url) {
  const auto invalid = [&](const std::string& why) {
    return Error("invalid_endpoint", "control endpoint '" + url + "': " + why);
  };
  std::string rest = url;
  if (const auto scheme = url.find("://"); scheme != std::string::npos) {
    if (url.substr(0, scheme) != "http") return invalid("only http is supported");
    rest = url.substr(scheme + 3);
  }
  Address out;
  if (const auto slash = rest.find('/'); slash != std::string::npos) {
    out.path = rest.substr(slash);
    rest.resize(slash);
  }
  while (out.path.ends_with('/')) out.path.pop_back();
  if (rest.empty()) return invalid("no host");
  out.host = rest;
  out.endpoint.port = kDefaultPort;
  const bool bracketed = rest.front() == '[';
  const auto colon = rest.rfind(':');
  const bool has_port = colon != std::string::npos && (!bracketed || rest.find(']') < colon);
  if (has_port) {
    const char* end = rest.data() + rest.size();
    const auto [last, error] = std::from_chars(rest.data() + colon + 1, end, out.endpoint.port);
    if (error != std::errc() || last != end || out.endpoint.port == 0)
      return invalid("the port is no number");
    rest.resize(colon);
  }
  if (bracketed) rest = rest.substr(1, rest.size() - 2);
  if (rest.empty()) return invalid("no host");
  out.endpoint.address = rest;
  return out;
}

Result<std::unique_ptr<HttpControlLink>> HttpControlLink::create(shared::httpd::IoLoop& loop,
                                                                 ControlLinkOptions options) {
  auto api = parse(options.endpoint);
  if (!api) return api.error();
  return std::unique_ptr<HttpControlLink>(new HttpControlLink(loop, std::move(options), std::move(*api)));
}

HttpControlLink::HttpControlLink(shared::httpd::IoLoop& loop, ControlLinkOptions options, Address api)
    : loop_(loop), options_(std::move(options)), api_(std::move(api)) {}

HttpControlLink::~HttpControlLink() { alive_.reset(); }

shared::httpd::Client& HttpControlLink::client(const Address& address) {
  auto& slot = clients_[address.host];
  if (!slot) slot = shared::httpd::Client::create(loop_, address.endpoint);
  return *slot;
}

void HttpControlLink::call(const std::string& operation, std::string body,
                           std::function<void(Result<std::string>)> done) {
  post({kService, options_.region, kTargetPrefix + operation, std::move(body)}, options_.credentials,
       std::move(done));
}

void HttpControlLink::call_as(const RoleCredentials& keys, const RoleCall& call,
                              std::function<void(Result<std::string>)> done) {
  post(call, {keys.access_key_id, keys.secret_access_key, keys.session_token}, std::move(done));
}

void HttpControlLink::post(const RoleCall& call, const aws::Credentials& keys,
                           std::function<void(Result<std::string>)> done) {
  shared::http::Request request;
  request.method = "POST";
  request.target = api_.path + "/";
  request.headers.set("Host", api_.host);
  request.headers.set("Content-Type", "application/x-amz-json-1.1");
  request.headers.set("X-Amz-Target", call.target);
  request.headers.set("User-Agent", "Berth Agent - v" + options_.agent_version + " (linux)");
  request.body = call.body;
  aws::sign(request, keys, call.region.empty() ? options_.region : call.region, call.service,
            loop_.wall_now());
  shared::httpd::CallOptions options;
  options.timeout = kCallTimeout;
  client(api_)
      .request(std::move(request), std::move(options),
               [alive = std::weak_ptr<int>(alive_), done = std::move(done)](Result<Response> response) {
                 if (!alive.lock()) return;
                 if (!response) return done(response.error());
                 if (response->status / 100 == 2) return done(std::move(response->body));
                 done(service_error(*response));
               })
      .detach();
}

// The telemetry session's: signs every message on its way.
class HttpControlLink::SignedChannel final : public Channel {
 public:
  SignedChannel(std::shared_ptr<shared::httpd::WebSocket> socket, const HttpControlLink& link,
                shared::http::Request request)
      : socket_(std::move(socket)), link_(link), alive_(link.alive_), request_(std::move(request)) {}
  void send(std::string text) override {
    if (!alive_.lock()) return;
    request_.body = std::move(text);
    aws::sign(request_, link_.options_.credentials, link_.options_.region, kService, link_.loop_.wall_now());
    std::string frame;
    for (const auto& [name, value] : request_.headers.fields()) frame += name + ": " + value + "\r\n";
    socket_->send(frame + "\r\n" + request_.body);
  }
  void close(const std::string& reason) override { socket_->close(kNormalClose, reason); }

 private:
  std::shared_ptr<shared::httpd::WebSocket> socket_;
  const HttpControlLink& link_;
  std::weak_ptr<int> alive_;       // of the link
  shared::http::Request request_;  // the GET that opened the session: its target is signed with each message
};

std::string HttpControlLink::engine_version() const {
  return options_.engine_version ? options_.engine_version() : "";
}

void HttpControlLink::open_acs(const std::string& endpoint, const std::string& container_instance_arn,
                               const std::string& cluster, SessionHandlers handlers) {
  open(Kind::kAcs, endpoint,
       {{"agentHash", options_.agent_hash},
        {"agentVersion", options_.agent_version},
        {"clusterArn", cluster},
        {"containerInstanceArn", container_instance_arn},
        {"dockerVersion", "DockerVersion: " + engine_version()},
        {"protocolVersion", "2"},
        {"sendCredentials", was_connected_ ? "false" : "true"},
        {"seqNum", "1"}},
       std::move(handlers));
}

void HttpControlLink::open_telemetry(const std::string& endpoint, const std::string& container_instance_arn,
                                     const std::string& cluster, SessionHandlers handlers) {
  open(Kind::kTelemetry, endpoint,
       {{"agentHash", options_.agent_hash},
        {"agentVersion", options_.agent_version},
        {"cluster", cluster},
        {"containerInstance", container_instance_arn},
        {"dockerVersion", engine_version()}},
       std::move(handlers));
}

void HttpControlLink::open(Kind kind, const std::string& endpoint,
                           const std::map<std::string, std::string>& parameters, SessionHandlers handlers) {
  const auto address = parse(endpoint);
  if (!address) {
    loop_.post([handlers = std::move(handlers), error = address.error()] { handlers.on_close(error); });
    return;
  }
  std::string query;
  for (const auto& [name, value] : parameters) {
    query += (query.empty() ? "" : "&") + name + "=" + shared::http::percent_encode(value, Slash::kEncode);
  }
  shared::http::Request request;
  request.target = address->path + "/ws?" + query;
  request.headers.set("Host", address->host);
  const shared::http::Request unsigned_request = request;
  aws::sign(request, options_.credentials, options_.region, kService, loop_.wall_now());
  shared::httpd::WebSocketHandlers socket;
  const auto alive = std::weak_ptr<int>(alive_);
  socket.on_open = [this, alive, kind, unsigned_request,
                    on_open = handlers.on_open](std::shared_ptr<shared::httpd::WebSocket> opened) {
    if (!alive.lock()) return opened->close(kNormalClose, "the agent stops");
    if (kind == Kind::kTelemetry)
      return on_open(std::make_shared<SignedChannel>(std::move(opened), *this, unsigned_request));
    was_connected_ = true;
    on_open(std::make_shared<WebSocketChannel>(std::move(opened)));
  };
  socket.on_text = [alive, text = handlers.on_text](std::string message) {
    if (alive.lock()) text(std::move(message));
  };
  socket.on_close = [alive, close = handlers.on_close](Error error) {
    if (alive.lock()) close(std::move(error));
  };
  client(*address).websocket(std::move(request), std::move(socket)).detach();
}

}  // namespace agent::link
