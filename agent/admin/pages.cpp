#include "agent/admin/pages.h"

#include "agent/admin/discovery.h"

namespace agent::admin {

using shared::Result;
namespace http = shared::http;
namespace httpd = shared::httpd;

Result<std::unique_ptr<Pages>> Pages::listen(httpd::IoLoop& loop, const shared::net::Endpoint& at,
                                             Facts facts) {
  std::unique_ptr<Pages> pages(new Pages(std::move(facts)));
  auto server = httpd::Server::listen(loop, at, httpd::ServerLimits{},
                                      [raw = pages.get()](const http::Request& request, httpd::Reply reply) {
                                        raw->answer(request, std::move(reply));
                                      });
  if (!server) return server.error().within("--admin");
  pages->server_ = *std::move(server);
  return pages;
}

void Pages::answer(const http::Request& request, httpd::Reply reply) {
  if (request.method != "GET" && request.method != "HEAD") {
    http::Response response = http::make_response(405, "text/plain", "only GET and HEAD\n");
    response.headers.set("Allow", "GET, HEAD");
    return reply.send(std::move(response));
  }
  const std::string_view path = request.path();
  if (path == "/healthz") return reply.send(facts_.alive());
  if (path == "/readyz") return reply.send(facts_.ready());
  if (path == "/metrics") return answer_metrics(std::move(reply));
  if (path == "/sd" && facts_.engine != nullptr) return answer_discovery(std::move(reply));
  const std::string pages =
      facts_.engine != nullptr ? "/healthz /readyz /metrics /sd" : "/healthz /readyz /metrics";
  if (path == "/") return reply.send(http::make_response(200, "text/plain", "berth-agent: " + pages + "\n"));
  reply.send(http::make_response(404, "text/plain", "no such page; there are " + pages + "\n"));
}

void Pages::read(std::function<std::string(const control::Step&)> look, std::string content_type,
                 httpd::Reply reply) {
  struct Pending {
    httpd::Reply reply;
    std::string text;
  };
  auto pending = std::make_shared<Pending>(Pending{std::move(reply), {}});
  facts_.engine->submit(
      [pending, look = std::move(look)](control::Step& step) -> Result<void> {
        pending->text = look(step);
        return {};
      },
      [pending, content_type = std::move(content_type)](const Result<void>& done) {
        pending->reply.send(done ? http::make_response(200, content_type, std::move(pending->text))
                                 : http::make_response(503, "text/plain", done.error().text() + "\n"));
      });
}

void Pages::answer_metrics(httpd::Reply reply) {
  const std::string type(shared::log::kExpositionContentType);
  const auto write_others = [this](shared::log::Exposition& out) {
    write_build(out, facts_.version);
    const node::Node* node = facts_.node();
    const cgroup::TaskCgroups* cgroups = facts_.cgroups();
    if (node != nullptr && cgroups != nullptr) write_node(out, *node, *cgroups);
  };
  if (facts_.engine == nullptr) {
    shared::log::Exposition out;
    write_others(out);
    return reply.send(http::make_response(200, type, out.text()));
  }
  read(
      [this, write_others](const control::Step& step) {
        shared::log::Exposition out;
        write_others(out);
        write_control(out, step, *facts_.engine, observer_);
        return out.text();
      },
      type, std::move(reply));
}

void Pages::answer_discovery(httpd::Reply reply) {
  read([](const control::Step& step) { return discovery_json(step.state); }, "application/json",
       std::move(reply));
}

}  // namespace agent::admin
