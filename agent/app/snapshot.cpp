#include "agent/app/snapshot.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "agent/iam/key_files.h"
#include "agent/iam/keys.h"
#include "agent/store/snapshot.h"
#include "shared/httpd/client.h"
#include "shared/json/reader.h"
#include "shared/log/log.h"

namespace agent::app {

using nlohmann::json;
using shared::Blame;
using shared::Error;
using shared::Result;
namespace http = shared::http;
namespace httpd = shared::httpd;
namespace fs = std::filesystem;

namespace {

constexpr const char* kPath = "/berth/v1/snapshot";
constexpr const char* kDatabase = "/control.db";
constexpr shared::Millis kPatience{60 * 60 * 1000};  // for the largest database on the slowest disk
constexpr std::string_view kUsage =
    "usage: berth-agent snapshot save FILE | restore FILE, with --data-dir, --config or their variables\n";

std::string socket_of(const std::string& data_dir) { return data_dir + "/control.sock"; }

// What else belongs to control's state: name in the data directory.
std::vector<std::string> key_files() {
  std::vector<std::string> names;
  for (const std::string& path : {iam::Keys::credentials_path(""), iam::Keys::node_credentials_path(""),
                                  iam::Keys::balancer_token_path(""), iam::Keys::dashboard_token_path(""),
                                  iam::Keys::sealing_key_path("")})
    names.push_back(fs::path(path).filename());
  return names;
}

Result<std::map<std::string, std::string>> read_key_files(const std::string& data_dir) {
  std::map<std::string, std::string> files;
  for (const std::string& name : key_files()) {
    auto content = iam::read_secret_file(data_dir + "/" + name);
    if (content) {
      files[name] = *std::move(content);
    } else if (content.error().code() != "absent") {
      return content.error();
    }
  }
  return files;
}

http::Response refused(const Error& error) {
  constexpr int kBadRequest = 400;
  constexpr int kInternalError = 500;
  return http::make_response(error.blame() == Blame::kClient ? kBadRequest : kInternalError,
                             "application/json",
                             shared::json::to_text(json{{"error", error.code()}, {"text", error.text()}}));
}

Result<std::string> file_asked_for(const http::Request& request) {
  if (request.method != "POST" || request.path() != kPath)
    return Error("not_found", "there is only POST " + std::string(kPath) + " here", Blame::kClient);
  auto document = shared::json::Document::parse(request.body, "malformed");
  if (!document) return document.error();
  const shared::json::Reader in = document->root();
  std::string file = in.required_string("file");
  in.only_members({"file"});
  if (in.ok() && !file.starts_with('/')) in.fail("file", "must be an absolute path");
  if (!in.ok()) return in.error();
  if (fs::exists(fs::symlink_status(file)))
    return Error("exists", "there is a file " + file + " already", Blame::kClient);
  return file;
}

// The copy is whole: the keys go in, and it gets its name.
http::Response finished(const Result<void>& copied, const std::string& part, const std::string& file,
                        const std::string& data_dir) {
  if (!copied) return refused(copied.error());
  auto files = read_key_files(data_dir);
  const Result<void> done = files ? store::finish_snapshot(part, file, *files) : Result<void>(files.error());
  if (!done) {
    ::unlink(part.c_str());
    return refused(done.error());
  }
  std::error_code ignored;
  const auto bytes = fs::file_size(file, ignored);
  shared::log::info("snapshot_saved", {{"file", file}, {"bytes", bytes}});
  return http::make_response(200, "application/json", shared::json::to_text(json{{"bytes", bytes}}));
}

Exit failed(const Error& error) { return Exit{1, "berth-agent: " + error.text() + "\n"}; }

Exit save(const std::string& file, const std::string& data_dir) {
  httpd::IoLoop loop;
  shared::net::Endpoint control;
  control.unix_path = socket_of(data_dir);
  const auto client = httpd::Client::create(loop, control);
  http::Request request;
  request.method = "POST";
  request.target = kPath;
  request.body = shared::json::to_text(json{{"file", fs::absolute(file).lexically_normal().string()}});
  std::optional<Result<http::Response>> answer;
  httpd::CallOptions options;
  options.timeout = kPatience;
  const httpd::Call call = client->request(std::move(request), options, [&](Result<http::Response> got) {
    answer.emplace(std::move(got));
    loop.stop();
  });
  loop.run();
  if (!*answer)
    return failed(
        answer->error().code() == "connect"
            ? Error("connect", "no control runs on " + data_dir + " (" + answer->error().text() + ")")
            : answer->error());
  const http::Response& response = **answer;
  auto document = shared::json::Document::parse(response.body, "malformed");
  if (!document) return failed(document.error().within("control's answer"));
  if (response.status != 200)
    return failed(Error("refused", document->root().string_or("text", response.body)));
  return Exit{0,
              "saved " + file + ", " + std::to_string(document->root().integer_or("bytes", 0)) + " bytes\n"};
}

Exit restore(const std::string& file, const std::string& data_dir) {
  for (const std::string& name : key_files()) {
    if (fs::exists(data_dir + "/" + name))
      return failed(Error("exists", "there is a file " + data_dir + "/" + name +
                                        " already: restore into an empty data directory"));
  }
  auto files = store::restore_snapshot(file, data_dir + kDatabase);
  if (!files) return failed(files.error());
  for (const auto& [name, content] : *files) {
    if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.'))
      return failed(Error("corrupt", file + " has a file with the name '" + name + "'"));
    if (auto made = iam::create_secret_file(data_dir + "/" + name, content); !made)
      return failed(made.error());
  }
  return Exit{0, "restored " + data_dir + " from " + file + "\n"};
}

}  // namespace

Result<std::unique_ptr<httpd::Server>> serve_snapshots(httpd::IoLoop& loop, store::AsyncStore& store,
                                                       const std::string& data_dir) {
  shared::net::Endpoint at;
  at.unix_path = socket_of(data_dir);
  auto server = httpd::Server::listen(
      loop, at, httpd::ServerLimits{}, [&store, data_dir](const http::Request& request, httpd::Reply reply) {
        auto file = file_asked_for(request);
        if (!file) return reply.send(refused(file.error()));
        const std::string part = *file + ".part";
        store.copy_to(
            part, [part, file = *file, data_dir, reply = std::make_shared<httpd::Reply>(std::move(reply))](
                      const Result<void>& copied) { reply->send(finished(copied, part, file, data_dir)); });
      });
  if (!server) return server.error();
  if (::chmod(at.unix_path.c_str(), S_IRUSR | S_IWUSR) != 0)
    return Error("io", "chmod " + at.unix_path + ": " + std::strerror(errno));
  return server;
}

Exit run_snapshot(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) return Exit{2, std::string(kUsage)};
  const std::string& what = arguments[0];
  const std::string& file = arguments[1];
  if ((what != "save" && what != "restore") || file.empty() || file.starts_with('-'))
    return Exit{2, std::string(kUsage)};
  auto loaded = shared::settings::load(settings_spec(), {arguments.begin() + 2, arguments.end()},
                                       shared::settings::process_environment());
  if (!loaded) return Exit{2, "berth-agent: " + loaded.error().text() + "\n"};
  if (loaded->print) return Exit{0, *loaded->print};
  const std::string data_dir = loaded->settings.string("data_dir");
  return what == "save" ? save(file, data_dir) : restore(file, data_dir);
}

}  // namespace agent::app
