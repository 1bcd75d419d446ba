#include <nlohmann/json.hpp>

#include "shared/lbconfig/config_value.h"

namespace shared::lbconfig {

namespace {

constexpr std::array<Choice<Protocol>, 4> kProtocols{{{"http", Protocol::kHttp},
                                                      {"https", Protocol::kHttps},
                                                      {"tcp", Protocol::kTcp},
                                                      {"tls", Protocol::kTls}}};
constexpr std::array<Choice<ProtocolVersion>, 3> kProtocolVersions{{{"http1", ProtocolVersion::kHttp1},
                                                                    {"http2", ProtocolVersion::kHttp2},
                                                                    {"grpc", ProtocolVersion::kGrpc}}};
constexpr std::array<Choice<ClientCertificates>, 3> kClientModes{
    {{"off", ClientCertificates::kOff},
     {"passthrough", ClientCertificates::kPassthrough},
     {"verify", ClientCertificates::kVerify}}};

void write_unless_empty(const char* name, const std::string& text, nlohmann::json& value) {
  if (!text.empty()) value[name] = text;
}

}  // namespace

Certificate read_certificate(const json::Reader& in) {
  in.only_members({"id", "chain", "key", "chain_file", "key_file"});
  Certificate certificate;
  certificate.id = in.required_string("id");
  certificate.chain = in.string_or("chain", "");
  certificate.key = in.string_or("key", "");
  certificate.chain_file = in.string_or("chain_file", "");
  certificate.key_file = in.string_or("key_file", "");
  return certificate;
}

nlohmann::json write_certificate(const Certificate& certificate) {
  nlohmann::json value = {{"id", certificate.id}};
  write_unless_empty("chain", certificate.chain, value);
  write_unless_empty("key", certificate.key, value);
  write_unless_empty("chain_file", certificate.chain_file, value);
  write_unless_empty("key_file", certificate.key_file, value);
  return value;
}

TrustStore read_trust_store(const json::Reader& in) {
  in.only_members({"id", "ca_bundle", "crls", "ca_bundle_file", "crl_files"});
  TrustStore store;
  store.id = in.required_string("id");
  store.ca_bundle = in.string_or("ca_bundle", "");
  store.crls = in.strings_or_empty("crls");
  store.ca_bundle_file = in.string_or("ca_bundle_file", "");
  store.crl_files = in.strings_or_empty("crl_files");
  return store;
}

nlohmann::json write_trust_store(const TrustStore& store) {
  nlohmann::json value = {{"id", store.id}};
  write_unless_empty("ca_bundle", store.ca_bundle, value);
  write_unless_empty("ca_bundle_file", store.ca_bundle_file, value);
  if (!store.crls.empty()) value["crls"] = store.crls;
  if (!store.crl_files.empty()) value["crl_files"] = store.crl_files;
  return value;
}

void read_tls(const json::Reader& in, Listener& listener) {
  listener.protocol = in.choice("protocol", kProtocols).value_or(listener.protocol);
  const auto tls = in.child("tls");
  if (!tls) return;
  if (!has_tls(listener.protocol)) in.fail("tls", "is for listeners with protocol https or tls");
  tls->only_members({"policy", "certificates", "client", "alpn"});
  listener.tls.policy = tls->string_or("policy", listener.tls.policy);
  listener.tls.certificates = tls->strings_or_empty("certificates");
  read_alpn(*tls, listener.tls);
  const auto client = tls->child("client");
  if (!client) return;
  client->only_members({"mode", "trust_store", "ignore_expiry", "advertise_ca_names"});
  ClientAuthentication& out = listener.tls.client;
  out.mode = client->choice("mode", kClientModes).value_or(out.mode);
  out.trust_store = client->string_or("trust_store", "");
  out.ignore_expiry = client->boolean_or("ignore_expiry", out.ignore_expiry);
  out.advertise_ca_names = client->boolean_or("advertise_ca_names", out.advertise_ca_names);
}

void write_tls(const Listener& listener, nlohmann::json& value) {
  if (listener.protocol == Protocol::kHttp) return;
  value["protocol"] = word_of(listener.protocol, kProtocols);
  if (!has_tls(listener.protocol)) return;
  nlohmann::json& tls =
      value["tls"] = {{"policy", listener.tls.policy}, {"certificates", listener.tls.certificates}};
  write_alpn(listener.tls, tls);
  const ClientAuthentication& client = listener.tls.client;
  if (client == ClientAuthentication()) return;
  nlohmann::json& out = tls["client"] = {{"mode", word_of(client.mode, kClientModes)}};
  write_unless_empty("trust_store", client.trust_store, out);
  if (client.ignore_expiry) out["ignore_expiry"] = true;
  if (client.advertise_ca_names) out["advertise_ca_names"] = true;
}

void read_tls(const json::Reader& in, TargetGroup& group) {
  group.protocol = in.choice("protocol", kProtocols).value_or(group.protocol);
  group.protocol_version = in.choice("protocol_version", kProtocolVersions).value_or(group.protocol_version);
}

void write_tls(const TargetGroup& group, nlohmann::json& value) {
  if (group.protocol != Protocol::kHttp) value["protocol"] = word_of(group.protocol, kProtocols);
  if (group.protocol_version != ProtocolVersion::kHttp1)
    value["protocol_version"] = word_of(group.protocol_version, kProtocolVersions);
}

void read_tls(const json::Reader& in, HealthCheck& check) {
  check.protocol = in.choice("protocol", kProtocols).value_or(check.protocol);
}

void write_tls(const HealthCheck& check, nlohmann::json& value) {
  value["protocol"] = word_of(check.protocol, kProtocols);
}

}  // namespace shared::lbconfig
