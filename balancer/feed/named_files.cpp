#include "balancer/feed/named_files.h"

#include <algorithm>
#include <filesystem>
#include <functional>

#include "balancer/feed/state_dir.h"
#include "shared/lbconfig/json.h"

namespace balancer::feed {

using shared::Error;
using shared::Result;
using shared::lbconfig::Certificate;
using shared::lbconfig::Config;
using shared::lbconfig::TrustStore;

namespace {

std::string located(const std::string& name, const std::string& config_path) {
  return (std::filesystem::path(config_path).parent_path() / name).string();
}

class Resolver {
 public:
  explicit Resolver(const std::string& config_path) : config_path_(config_path) {}

  // `name` is empty afterwards.
  void read(std::string& name, std::string& into, const std::string& member) {
    if (name.empty() || !done_) return;
    auto text = read_file(located(name, config_path_));
    if (!text) {
      done_ = text.error().within(member);
    } else if (text->empty()) {
      done_ = Error("InvalidConfig", member + ": " + located(name, config_path_) + " is empty");
    } else {
      into = std::move(text).value();
      name.clear();
    }
  }
  const Result<void>& done() const { return done_; }

 private:
  const std::string& config_path_;
  Result<void> done_;
};

}  // namespace

std::vector<std::string> named_files(const Config& config, const std::string& config_path) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& name) {
    if (!name.empty()) out.push_back(located(name, config_path));
  };
  for (const auto& certificate : config.certificates) {
    add(certificate->chain_file);
    add(certificate->key_file);
  }
  for (const auto& store : config.trust_stores) {
    add(store->ca_bundle_file);
    for (const std::string& crl : store->crl_files) add(crl);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<Config> with_named_files(Config config, const std::string& config_path) {
  if (named_files(config, config_path).empty()) return config;
  Resolver resolver(config_path);
  for (std::size_t i = 0; i < config.certificates.size(); ++i) {
    Certificate certificate = *config.certificates[i];
    const std::string path = "certificates[" + std::to_string(i) + "]";
    resolver.read(certificate.chain_file, certificate.chain, path + ".chain_file");
    resolver.read(certificate.key_file, certificate.key, path + ".key_file");
    config.certificates[i] = std::move(certificate);
  }
  for (std::size_t i = 0; i < config.trust_stores.size(); ++i) {
    TrustStore store = *config.trust_stores[i];
    const std::string path = "trust_stores[" + std::to_string(i) + "]";
    resolver.read(store.ca_bundle_file, store.ca_bundle, path + ".ca_bundle_file");
    for (std::size_t crl = 0; crl < store.crl_files.size(); ++crl) {
      std::string name = store.crl_files[crl];
      resolver.read(name, store.crls.emplace_back(), path + ".crl_files[" + std::to_string(crl) + "]");
    }
    store.crl_files.clear();
    config.trust_stores[i] = std::move(store);
  }
  if (!resolver.done()) return resolver.done().error();
  if (auto valid = shared::lbconfig::validate(config); !valid) return valid.error();
  return config;
}

}  // namespace balancer::feed
