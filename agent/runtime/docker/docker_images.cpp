// DockerRuntime: images.
#include "agent/runtime/docker/docker_runtime.h"
#include "agent/runtime/docker/values.h"

namespace agent::runtime::docker {
namespace {

using shared::Error;
using shared::Result;
using shared::http::Response;
using shared::http::Slash;

constexpr const char* kPullError = "CannotPullContainerError";
constexpr const char* kImportError = "CannotImportImageError";
constexpr int kOk = 200;

}  // namespace

void DockerRuntime::find_image(const std::string& image, Done<ImageInfo> done) {
  send("GET", "/images/" + shared::http::percent_encode(image, Slash::kKeep) + "/json", "",
       settings_.inspect_timeout, [this, image, done](Result<Response> r) {
         if (!r) return done(unanswered(r.error(), settings_.inspect_timeout, "inspect image " + image));
         if (r->status == kNotFound) return done(Error("not_found", "no such image: " + image));
         if (r->status != kOk) return done(Error("CannotInspectContainerError", message_of(r->body)));
         done(image_from_inspect(r->body, image));
       });
}

// As with a pull, the answer is a stream of lines that may hold the error.
void DockerRuntime::import_image(const std::string& image, std::string tree, Done<ImageInfo> done) {
  const ImageReference reference = split_reference(image);
  auto question = request(
      "POST",
      "/images/create?fromSrc=-&repo=" + shared::http::percent_encode(reference.repository, Slash::kEncode) +
          "&tag=" + shared::http::percent_encode(reference.tag, Slash::kEncode),
      std::move(tree));
  question.headers.set("Content-Type", "application/x-tar");
  send(std::move(question), settings_.create_timeout, [this, image, done](Result<Response> r) {
    if (!r) return done(failed(r.error(), settings_.create_timeout, "import image " + image));
    if (r->status != kOk) return done(refused(kImportError, *r));
    PullStream stream;
    stream.feed(r->body);
    if (const std::string error = stream.finish(); !error.empty())
      return done(Error(kImportError, "Error response from daemon: " + error));
    find_image(image, done);
  });
}

// How long the registry may take to say anything depends on whether there is something to fall back to.
void DockerRuntime::pull(const std::string& image, Done<ImageInfo> done) {
  const std::uint64_t id = next_pull_++;
  Pull& p = pulls_[id];
  p.image = image;
  p.done = std::move(done);
  find_image(image, [this, id](Result<ImageInfo> local) {
    if (!local && local.error().code() == "engine_down") {
      const auto finish = std::move(pulls_.at(id).done);
      pulls_.erase(id);
      return finish(local.error());
    }
    begin_pull(id, local ? settings_.registry_patience : settings_.pull_first_answer);
  });
}

void DockerRuntime::begin_pull(std::uint64_t id, shared::Millis patience) {
  Pull& p = pulls_.at(id);
  const ImageReference reference = split_reference(p.image);
  shared::httpd::CallOptions options;
  options.timeout = settings_.pull_timeout;
  options.on_head = guarded([this, id](const Response&) {
    const auto found = pulls_.find(id);
    if (found == pulls_.end()) return;
    found->second.answered = true;
    pull_silent(id, settings_.pull_silence);
  });
  options.on_chunk = guarded([this, id](std::string_view bytes) {
    const auto found = pulls_.find(id);
    if (found == pulls_.end()) return;
    found->second.stream.feed(bytes);
    pull_silent(id, settings_.pull_silence);
  });
  pull_silent(id, patience);
  const std::string target =
      "/images/create?fromImage=" + shared::http::percent_encode(reference.repository, Slash::kEncode) +
      "&tag=" + shared::http::percent_encode(reference.tag, Slash::kEncode);
  p.call = client_->request(request("POST", target, ""), std::move(options),
                            guarded([this, id](Result<Response> r) { end_pull(id, std::move(r)); }));
}

// Arms the limit on silence; it ends the pull.
void DockerRuntime::pull_silent(std::uint64_t id, shared::Millis limit) {
  Pull& p = pulls_.at(id);
  ++p.waits;
  p.timer = loop_.after(limit, [this, id, limit] { blame_silence(id, limit); });
}

// The registry's words come through the engine: whose silence it was shows when the engine is asked.
void DockerRuntime::blame_silence(std::uint64_t id, shared::Millis limit) {
  const std::uint64_t wait = pulls_.at(id).waits;
  ask_engine("/_ping", [this, id, limit, wait](Result<Response> alive) {
    const auto found = pulls_.find(id);
    if (found == pulls_.end() || found->second.waits != wait) return;  // over, or it goes on
    if (!alive) return end_pull(id, unanswered(alive.error(), settings_.ping_timeout, "ping"));
    const auto seconds = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(limit).count());
    end_pull(id, Error(kPullError, found->second.answered
                                       ? "the registry sent nothing for " + seconds + " s"
                                       : "the registry did not answer within " + seconds + " s"));
  });
}

void DockerRuntime::end_pull(std::uint64_t id, Result<Response> result) {
  const auto found = pulls_.find(id);
  if (found == pulls_.end()) return;
  Pull p = std::move(found->second);
  pulls_.erase(found);
  // We may be inside a callback of this call or timer: they die later.
  loop_.post([call = std::make_shared<shared::httpd::Call>(std::move(p.call)),
              timer = std::make_shared<shared::env::Timer>(std::move(p.timer))] {});
  if (!result) {
    const Error& error = result.error();
    const bool said = error.code() == kPullError || error.code() == "engine_down";
    return p.done(said ? error : failed(error, settings_.pull_timeout, "pull image " + p.image));
  }
  if (result->status != kOk)
    return p.done(Error(kPullError, "Error response from daemon: " + message_of(result->body)));
  if (const std::string error = p.stream.finish(); !error.empty()) {
    return p.done(Error(kPullError, "Error response from daemon: " + error));
  }
  find_image(p.image, [image = p.image, done = p.done](Result<ImageInfo> info) {
    if (info || info.error().code() == "engine_down") return done(std::move(info));
    done(Error(kPullError, "the pulled image cannot be found: " + info.error().text()));
  });
}

}  // namespace agent::runtime::docker
