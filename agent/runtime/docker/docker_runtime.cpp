#include "agent/runtime/docker/docker_runtime.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "agent/runtime/docker/values.h"
#include "shared/json/reader.h"
#include "shared/log/log.h"

namespace agent::runtime::docker {
namespace {

namespace log = shared::log;
using shared::Error;
using shared::Result;
using shared::http::Response;
using shared::http::Slash;

constexpr int kConflict = 409;

// The engine would refuse it with less to go by, or put the container elsewhere.
bool parent_fits_driver(const std::string& parent, const std::string& driver) {
  if (parent.empty() || driver.empty()) return true;
  return driver == "systemd" ? parent.ends_with(".slice") && parent.find('/') == std::string::npos
                             : driver == "cgroupfs" && parent.starts_with('/');
}

std::string path_of(const ContainerHandle& handle) {
  return "/containers/" +
         shared::http::percent_encode(handle.id.empty() ? handle.name : handle.id, Slash::kEncode);
}

Error missing(const ContainerHandle& handle) {
  return Error("not_found", "no such container: " + (handle.id.empty() ? handle.name : handle.id));
}

}  // namespace

DockerRuntime::DockerRuntime(shared::httpd::IoLoop& loop, DockerSettings settings)
    : loop_(loop), settings_(std::move(settings)) {
  shared::net::Endpoint socket;
  socket.unix_path = settings_.socket;
  client_ = shared::httpd::Client::create(loop_, socket);
}

DockerRuntime::~DockerRuntime() { alive_.reset(); }

shared::http::Request DockerRuntime::request(const std::string& method, const std::string& path,
                                             std::string body) const {
  shared::http::Request r;
  r.method = method;
  r.target = api_ + path;
  r.headers.set("Host", "docker");
  if (!body.empty()) r.headers.set("Content-Type", "application/json");
  r.body = std::move(body);
  return r;
}

void DockerRuntime::send(const std::string& method, const std::string& path, std::string body,
                         shared::Millis timeout, Answer answer) {
  send(request(method, path, std::move(body)), timeout, std::move(answer));
}

void DockerRuntime::send(shared::http::Request request, shared::Millis timeout, Answer answer) {
  shared::httpd::CallOptions options;
  options.timeout = timeout;
  client_->request(std::move(request), std::move(options), guarded(std::move(answer))).detach();
}

void DockerRuntime::ask_engine(const std::string& path, Answer answer) {
  auto question = request("GET", "", "");
  question.target = path;
  send(std::move(question), settings_.ping_timeout, std::move(answer));
}

Error DockerRuntime::down(const std::string& why) const {
  return Error("engine_down", "container engine at " + settings_.socket + ": " + why, shared::Blame::kTarget,
               shared::Retry::kYes);
}

// A connection that breaks is the engine going down: every call of ours can be repeated once it is back.
Error DockerRuntime::failed(const Error& error, shared::Millis timeout, const std::string& doing) const {
  if (error.code() == "timeout") {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout).count();
    return Error("DockerTimeoutError",
                 "Could not " + doing + "; timed out after waiting " + std::to_string(seconds) + "s");
  }
  if (error.code() == "connect" || error.code() == "closed") return down(error.text());
  return error.within(doing);
}

Error DockerRuntime::unanswered(const Error& error, shared::Millis timeout, const std::string& asking) const {
  if (error.code() != "timeout") return failed(error, timeout, asking);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout).count();
  return down("no answer within " + std::to_string(seconds) + " s (" + asking + ")");
}

// For the long questions the engine starts programs of its own, so an engine that is known is only asked
// whether it still answers.
void DockerRuntime::ping(Done<std::string> done) {
  const bool known = !version_.empty();
  ask_engine(known ? "/_ping" : "/version", [this, known, done](Result<Response> r) {
    if (!r) return done(unanswered(r.error(), settings_.ping_timeout, "ping"));
    if (!good(*r)) return done(down("it answers " + std::to_string(r->status) + ": " + message_of(r->body)));
    if (known && !version_.empty()) return done(version_);
    if (known) return ping(done);  // its event stream ended meanwhile
    auto version = version_from(r->body);
    if (!version) return done(version.error());
    api_ = "/v" + choose_api(*version);
    read_info(version->version, done);
  });
}

void DockerRuntime::read_info(const std::string& version, Done<std::string> done) {
  send("GET", "/info", "", settings_.version_timeout, [this, version, done](Result<Response> r) {
    if (!r) return done(unanswered(r.error(), settings_.version_timeout, "ask for information"));
    cgroup_driver_ = cgroup_driver_from_info(r->body);
    version_ = version;
    done(version);
  });
}

void DockerRuntime::create(const ContainerSpec& spec, Done<ContainerHandle> done) {
  auto body = create_body(spec);
  if (body && !parent_fits_driver(spec.cgroup_parent, cgroup_driver_)) {
    body = Error("CannotCreateContainerError",
                 "the engine's cgroup driver is '" + cgroup_driver_ + "', which takes no parent '" +
                     spec.cgroup_parent + "': with 'systemd' it is a slice's name, with 'cgroupfs' a path");
  }
  if (!body) {
    loop_.post(guarded([done, error = body.error()] { done(error); }));
    return;
  }
  send("POST", "/containers/create?name=" + shared::http::percent_encode(spec.name, Slash::kEncode),
       std::move(*body), settings_.create_timeout, [this, name = spec.name, done](Result<Response> r) {
         if (!r) return done(failed(r.error(), settings_.create_timeout, "create container " + name));
         if (r->status == kConflict) {  // made before a crash
           return inspect({"", name}, [done](Result<ContainerInfo> info) {
             if (info) return done(info->handle);
             done(info.error());
           });
         }
         if (!good(*r)) return done(refused("CannotCreateContainerError", *r));
         auto document = shared::json::Document::parse(r->body, "malformed");
         const std::string id = document ? document->root().string_or("Id", "") : "";
         if (id.empty()) return done(Error("CannotCreateContainerError", "the engine's answer has no Id"));
         done(ContainerHandle{id, name});
       });
}

void DockerRuntime::start(const ContainerHandle& handle, Done<ContainerInfo> done) {
  start_with(handle, kPortAttempts, std::move(done));
}

void DockerRuntime::start_with(const ContainerHandle& handle, int attempts, Done<ContainerInfo> done) {
  send("POST", path_of(handle) + "/start", "", settings_.start_timeout,
       [this, handle, attempts, done](Result<Response> r) {
         if (!r) return done(failed(r.error(), settings_.start_timeout, "start container " + handle.name));
         if (attempts > 1 && is_port_in_use(*r)) return start_elsewhere(handle, attempts - 1, *r, done);
         if (!good(*r)) {
           return done(r->status == kNotFound && message_of(r->body).starts_with("No such container")
                           ? missing(handle)
                           : refused("CannotStartContainerError", *r));
         }
         inspect(handle, done);
       });
}

void DockerRuntime::start_elsewhere(const ContainerHandle& handle, int attempts, const Response& refusal,
                                    Done<ContainerInfo> done) {
  send("GET", path_of(handle) + "/json", "", settings_.inspect_timeout,
       [this, handle, attempts, refusal, done](Result<Response> r) {
         if (r && good(*r) && chooses_ports(r->body)) return start_with(handle, attempts, done);
         done(refused("CannotStartContainerError", refusal));
       });
}

void DockerRuntime::stop(const ContainerHandle& handle, shared::Millis grace, Done<ContainerInfo> done) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(grace).count();
  const auto limit = grace + settings_.stop_extra;
  send("POST", path_of(handle) + "/stop?t=" + std::to_string(seconds), "", limit,
       [this, handle, limit, done](Result<Response> r) {
         if (!r) return done(failed(r.error(), limit, "stop container " + handle.name));
         if (r->status == kNotFound) return done(missing(handle));
         if (!good(*r)) return done(refused("CannotStopContainerError", *r));
         inspect(handle, done);
       });
}

void DockerRuntime::inspect(const ContainerHandle& handle, Done<ContainerInfo> done) {
  send("GET", path_of(handle) + "/json", "", settings_.inspect_timeout,
       [this, handle, done](Result<Response> r) {
         if (!r)
           return done(unanswered(r.error(), settings_.inspect_timeout, "inspect container " + handle.name));
         if (r->status == kNotFound) return done(missing(handle));
         if (!good(*r)) return done(refused("CannotInspectContainerError", *r));
         auto info = container_from_inspect(r->body);
         if (!info) return done(Error("CannotInspectContainerError", info.error().text()));
         done(std::move(*info));
       });
}

void DockerRuntime::stats(const ContainerHandle& handle, Done<std::string> done) {
  read_stats(handle, "/stats?stream=false", std::move(done));
}

void DockerRuntime::sample(const ContainerHandle& handle, Done<std::string> done) {
  read_stats(handle, "/stats?stream=false&one-shot=true", std::move(done));
}

void DockerRuntime::read_stats(const ContainerHandle& handle, const char* how, Done<std::string> done) {
  send("GET", path_of(handle) + how, "", settings_.inspect_timeout, [this, handle, done](Result<Response> r) {
    if (!r)
      return done(
          unanswered(r.error(), settings_.inspect_timeout, "read the stats of container " + handle.name));
    if (r->status == kNotFound) return done(missing(handle));
    if (!good(*r)) return done(refused("CannotInspectContainerError", *r));
    done(std::move(r->body));
  });
}

void DockerRuntime::remove(const ContainerHandle& handle, Done<bool> done) {
  send("DELETE", path_of(handle) + "?v=1", "", settings_.remove_timeout,
       [this, handle, done](Result<Response> r) {
         if (!r) return done(failed(r.error(), settings_.remove_timeout, "remove container " + handle.name));
         const bool under_way =
             r->status == kConflict && r->body.find("already in progress") != std::string::npos;
         if (good(*r) || r->status == kNotFound || under_way) return done(true);
         done(refused("CannotRemoveContainerError", *r));
       });
}

void DockerRuntime::recover(const std::string& label, Done<std::vector<ContainerInfo>> done) {
  const std::string query = "/containers/json?all=1&filters=" + filters({{"label", {label}}});
  send("GET", query, "", settings_.list_timeout, [this, done](Result<Response> r) {
    if (!r) return done(failed(r.error(), settings_.list_timeout, "list containers"));
    if (!good(*r)) return done(refused("CannotListContainersError", *r));
    auto ids = ids_from_list(r->body);
    if (!ids) return done(Error("CannotListContainersError", ids.error().text()));
    inspect_next(std::move(*ids), {}, done);
  });
}

void DockerRuntime::inspect_next(std::vector<std::string> ids, std::vector<ContainerInfo> found,
                                 Done<std::vector<ContainerInfo>> done) {
  if (ids.empty()) return done(std::move(found));
  const ContainerHandle handle{ids.back(), ids.back()};
  ids.pop_back();
  inspect(handle,
          [this, ids = std::move(ids), found = std::move(found), done](Result<ContainerInfo> info) mutable {
            if (!info && info.error().code() != "not_found") return done(info.error());
            if (info) found.push_back(std::move(*info));
            inspect_next(std::move(ids), std::move(found), done);
          });
}

void DockerRuntime::watch(std::function<void(Event)> on_event, std::function<void()> gap) {
  on_event_ = std::move(on_event);
  gap_ = std::move(gap);
  open_events();
}

void DockerRuntime::open_events() {
  shared::httpd::CallOptions options;
  options.timeout = shared::Millis(0);
  event_lines_ = std::make_shared<Lines>();
  options.on_head = guarded([this](const Response& head) {
    if (head.status != 200) return;
    events_open_ = true;
    if (std::exchange(events_opened_once_, true)) gap_();
  });
  options.on_chunk = guarded([this, lines = event_lines_](std::string_view bytes) {
    lines->feed(bytes, [this](std::string_view line) {
      if (auto event = event_from(line)) on_event_(*event);
    });
  });
  events_ = client_->request(request("GET", "/events?filters=" + filters({{"type", {"container"}}}), ""),
                             std::move(options), guarded([this](const auto&) { events_ended(); }));
}

// Told once, not at each attempt to open it again.
void DockerRuntime::events_ended() {
  events_opened_once_ = true;  // also when the very first attempt failed: events were missed
  version_.clear();
  reconnect_ = loop_.after(settings_.reconnect, [this] { open_events(); });
  if (std::exchange(events_open_, false)) gap_();
}

}  // namespace agent::runtime::docker
