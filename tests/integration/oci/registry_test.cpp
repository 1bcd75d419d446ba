// Pulls from a registry that the test plays, so that it can misbehave. Debian's docker-registry: tests/e2e/test_pull.py.
#include <nlohmann/json.hpp>

#include "agent/runtime/oci/registry/pull.h"
#include "shared/crypto/hash.h"
#include "shared/httpd/server.h"
#include "tests/integration/oci/bench.h"
#include "tests/support/tar_builder.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using shared::http::Request;
using shared::http::Response;
using tests::TarBuilder;

std::string digest_of(const std::string& bytes) { return "sha256:" + shared::crypto::sha256_hex(bytes); }

// A registry in this process, on a thread of its own. What it does wrong is set before it is asked.
class PlayedRegistry {
 public:
  PlayedRegistry() {
    thread_ = std::thread([this] {
      auto server = shared::httpd::Server::listen(
          loop_, {"127.0.0.1", 0}, {},
          [this](const Request& r, shared::httpd::Reply reply) { reply.send(answer(r)); });
      if (server) {
        server_ = *std::move(server);
        port_ = server_->endpoint().port;
      }
      ready_ = true;
      ready_.notify_all();
      loop_.run();
      server_.reset();
    });
    ready_.wait(false);
  }
  ~PlayedRegistry() {
    loop_.stop();
    thread_.join();
  }
  Reference reference(const std::string& tag = "1") const {
    return *parse_reference("127.0.0.1:" + std::to_string(port_) + "/team/app:" + tag);
  }

  void image(const std::vector<std::string>& layers) {
    json config = {{"architecture", host_platform().architecture},
                   {"os", "linux"},
                   {"config", json::object()},
                   {"rootfs", {{"type", "layers"}, {"diff_ids", json::array()}}}};
    json manifest = {{"schemaVersion", 2},
                     {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                     {"layers", json::array()}};
    for (const std::string& each : layers) {
      config["rootfs"]["diff_ids"].push_back(digest_of(each));
      manifest["layers"].push_back({{"mediaType", "application/vnd.oci.image.layer.v1.tar"},
                                    {"digest", digest_of(each)},
                                    {"size", each.size()}});
      blobs[digest_of(each)] = each;
    }
    const std::string text = config.dump();
    blobs[digest_of(text)] = text;
    manifest["config"] = {{"mediaType", "application/vnd.oci.image.config.v1+json"},
                          {"digest", digest_of(text)},
                          {"size", text.size()}};
    const std::string document = manifest.dump();
    manifests[digest_of(document)] = document;
    const json index = {
        {"schemaVersion", 2},
        {"mediaType", "application/vnd.oci.image.index.v1+json"},
        {"manifests",
         json::array({{{"digest", digest_of(document)},
                       {"size", document.size()},
                       {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                       {"platform", {{"os", "linux"}, {"architecture", host_platform().architecture}}}}})}};
    manifests["1"] = index.dump();
  }

  std::map<std::string, std::string> manifests;
  std::map<std::string, std::string> blobs;
  std::string token;      // wanted, and given at /token to user:secret
  bool redirect = false;  // blobs are elsewhere
  int busy = 0;           // so many answers are 503 first
  std::vector<std::string> asked;

 private:
  Response answer(const Request& request) {
    asked.push_back(std::string(request.path()));
    const std::string path(request.path());
    const std::string authorization(request.headers.get("Authorization").value_or(""));
    if (path == "/token") {
      if (authorization != "Basic " + shared::crypto::base64_encode("user:secret"))
        return shared::http::make_response(401, "text/plain", "");
      return shared::http::make_response(200, "application/json", json{{"token", token}}.dump());
    }
    if (path.starts_with("/storage/")) {
      if (!authorization.empty())
        return shared::http::make_response(400, "text/plain", "a second credential");
      return blob(path.substr(9), request);
    }
    if (!token.empty() && authorization != "Bearer " + token) {
      auto response = shared::http::make_response(401, "application/json", "{}");
      response.headers.set("WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:" + std::to_string(port_) +
                                                   "/token\",service=\"s\"");
      return response;
    }
    if (busy > 0) return --busy, shared::http::make_response(503, "text/plain", "");
    const std::string base = "/v2/team/app/";
    if (path.starts_with(base + "manifests/")) {
      const auto found = manifests.find(path.substr(base.size() + 10));
      if (found == manifests.end())
        return shared::http::make_response(
            404, "application/json",
            R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})");
      return shared::http::make_response(200, json::parse(found->second).value("mediaType", ""),
                                         found->second);
    }
    if (path.starts_with(base + "blobs/")) {
      const std::string digest = path.substr(base.size() + 6);
      if (!redirect) return blob(digest, request);
      auto response = shared::http::make_response(307, "text/plain", "");
      response.headers.set("Location", "http://localhost:" + std::to_string(port_) + "/storage/" + digest);
      return response;
    }
    return shared::http::make_response(404, "text/plain", "");
  }
  Response blob(const std::string& digest, const Request& request) {
    const auto found = blobs.find(digest);
    if (found == blobs.end()) return shared::http::make_response(404, "text/plain", "");
    const std::string range(request.headers.get("Range").value_or(""));
    if (range.empty()) return shared::http::make_response(200, "application/octet-stream", found->second);
    const std::size_t from = std::stoul(range.substr(6));
    auto response = shared::http::make_response(206, "application/octet-stream", found->second.substr(from));
    response.headers.set("Content-Range", "bytes " + std::to_string(from) + "-" +
                                              std::to_string(found->second.size() - 1) + "/" +
                                              std::to_string(found->second.size()));
    return response;
  }

  shared::httpd::IoLoop loop_;
  std::unique_ptr<shared::httpd::Server> server_;
  std::uint16_t port_ = 0;
  std::atomic<bool> ready_{false};
  std::thread thread_;
};

class Registries : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    root_ = "/tmp/berth-registry-" + std::to_string(::getpid());
    fs::remove_all(root_);
    UnpackSettings unpack;
    unpack.program = BERTH_BINARY_DIR "/agent/app/berth-unpack";
    auto opened = ImageStore::open(root_, unpack);
    ASSERT_TRUE(opened) << opened.error().text();
    store_ = *std::move(opened);
    registry_.image(
        {TarBuilder().file("a", "lower").file("b", "1").finish(), TarBuilder().file("a", "upper").finish()});
  }
  void TearDown() override { fs::remove_all(root_); }
  shared::Result<Image> pull(const Reference& reference, RegistrySettings settings = {}) {
    Puller puller(*store_, std::move(settings));
    return puller.pull(reference, stop_);
  }
  std::string refusal(const Reference& reference) {
    const auto image = pull(reference);
    return image ? "pulled" : image.error().text();
  }

  fs::path root_;
  std::unique_ptr<ImageStore> store_;
  PlayedRegistry registry_;
  std::atomic<bool> stop_{false};
};

TEST_F(Registries, APullBringsTheImageOfThisPlatformWithItsLayersUnpacked) {
  const auto image = pull(registry_.reference());
  ASSERT_TRUE(image) << image.error().text();
  EXPECT_EQ(image->layers.size(), 2u);
  EXPECT_EQ(image->digest, digest_of(registry_.manifests.at("1"))) << "of what the tag names, the index";
  EXPECT_TRUE(fs::exists(image->layers[0] / "b"));
  EXPECT_TRUE(store_->find(registry_.reference()));
  auto by_digest = registry_.reference();
  by_digest.tag.clear();
  by_digest.digest = image->digest;
  EXPECT_TRUE(store_->find(by_digest));
  EXPECT_TRUE(fs::is_empty(root_ / "ingest"));
}

TEST_F(Registries, TokensAreFetchedWithTheCredentialsAndDoNotFollowRedirects) {
  registry_.token = "t0k3n";
  registry_.redirect = true;
  EXPECT_NE(refusal(registry_.reference()).find("pull access denied"), std::string::npos)
      << refusal(registry_.reference());
  RegistrySettings settings;
  settings.credentials[registry_.reference().host] = {"user", "secret", ""};
  const auto image = pull(registry_.reference(), settings);
  EXPECT_TRUE(image) << image.error().text();
}

TEST_F(Registries, ADownloadGoesOnWhereItBrokeOff) {
  const auto& [digest, bytes] = *std::find_if(registry_.blobs.begin(), registry_.blobs.end(),
                                              [](const auto& each) { return each.second.size() > 1024; });
  std::ofstream(store_->ingest_path(digest), std::ios::binary) << bytes.substr(0, 700);
  EXPECT_TRUE(pull(registry_.reference()));
  // What was there and is wrong is fetched anew.
  registry_.image({TarBuilder().file("c", "other").finish()});
  for (const auto& [each, content] : registry_.blobs)
    std::ofstream(store_->ingest_path(each), std::ios::binary) << "garbage";
  const auto first = pull(registry_.reference());
  const auto second = first ? first : pull(registry_.reference());
  EXPECT_TRUE(second) << second.error().text();
}

TEST_F(Registries, WhatIsNotWhatItsDigestSaysIsRefused) {
  for (auto& [digest, bytes] : registry_.blobs)
    if (bytes.size() > 1024) bytes.back() = 'x';
  EXPECT_NE(refusal(registry_.reference()).find("is not what its digest says"), std::string::npos);
  EXPECT_FALSE(store_->find(registry_.reference()));
  registry_.manifests["1"] = "{}";
  EXPECT_NE(refusal(registry_.reference()).find("neither an index nor a manifest"), std::string::npos);
}

TEST_F(Registries, LongerBlobsThanTheManifestSaysAreNotRead) {
  for (auto& [digest, bytes] : registry_.blobs)
    if (bytes.size() > 1024) bytes += std::string(1 << 20, 'x');
  EXPECT_NE(refusal(registry_.reference()).find("longer than its manifest says"), std::string::npos);
}

TEST_F(Registries, ErrorsAreInTheWordsThatUsersKnow) {
  EXPECT_NE(refusal(registry_.reference("none")).find("not found: MANIFEST_UNKNOWN: manifest unknown"),
            std::string::npos)
      << refusal(registry_.reference("none"));
  registry_.busy = 2;
  EXPECT_EQ(refusal(registry_.reference()), "pulled") << "a registry that is busy is asked again";
}

TEST_F(Registries, AStoppingAgentDoesNotWaitForARegistry) {
  registry_.busy = 1000;
  std::thread stopper([&] { stop_ = true; });
  EXPECT_NE(refusal(registry_.reference()), "pulled");
  stopper.join();
}

}  // namespace
}  // namespace agent::runtime::oci
