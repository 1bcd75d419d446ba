#include "agent/node/task/secrets.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "shared/json/reader.h"

namespace agent::node {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr const char* kSecretsManager = "asm";
constexpr std::size_t kMostNames = 10;  // of GetParameters
constexpr std::size_t kSecretParts = 7;
constexpr std::size_t kSecretPartsWithExtras = 10;

bool is_variable(const link::SecretPayload& secret) {
  return secret.type == "ENVIRONMENT_VARIABLE" && secret.target == "CONTAINER";
}

// "arn:aws:secretsmanager:region:account:secret:name-AbCdEf:json-key:version-stage:version-id"
struct SecretReference {
  std::string arn;
  std::string json_key;
  std::string stage;
  std::string version;
};
Result<SecretReference> reference_in(const std::string& value_from) {
  std::vector<std::string> parts(1);
  for (const char c : value_from) {
    if (c == ':')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  if (parts.size() != kSecretParts && parts.size() != kSecretPartsWithExtras)
    return Error(
        "ResourceInitializationError",
        "an invalid ARN format for the AWS Secrets Manager secret was specified. Specify a valid ARN "
        "and try again.");
  SecretReference out;
  for (std::size_t i = 0; i < kSecretParts; ++i) out.arn += (i == 0 ? "" : ":") + parts[i];
  if (parts.size() == kSecretParts) return out;
  out.json_key = parts[kSecretParts];
  out.stage = parts[kSecretParts + 1];
  out.version = parts[kSecretParts + 2];
  return out;
}

// A parameter's name as GetParameters answers it: of "arn:...:parameter/a/b" and of "/a/b" alike.
std::string parameter_name(const std::string& value_from) {
  constexpr std::string_view kWord = ":parameter/";
  const auto at = value_from.starts_with("arn:") ? value_from.find(kWord) : std::string::npos;
  return at == std::string::npos ? value_from : value_from.substr(at + kWord.size());
}

bool names_it(const std::string& value_from, const json& parameter) {
  const std::string arn = parameter.value("ARN", "");
  const std::string name = parameter.value("Name", "");
  if (value_from == name || value_from == arn) return true;
  const std::string wanted = parameter_name(value_from);
  return name == wanted || name == "/" + wanted;
}

Result<SecretRequest> secret_request(const link::SecretPayload& secret) {
  const auto from = reference_in(secret.value_from);
  if (!from) return from.error();
  json body{{"SecretId", from->arn}};
  if (!from->stage.empty()) body["VersionStage"] = from->stage;
  if (!from->version.empty()) body["VersionId"] = from->version;
  return SecretRequest{
      {"secretsmanager", secret.region, "secretsmanager.GetSecretValue", shared::json::to_text(body)},
      {secret}};
}

void add_parameter_requests(const std::vector<link::SecretPayload>& secrets,
                            std::vector<SecretRequest>& out) {
  std::map<std::string, std::vector<std::string>> names;  // by region, each once
  for (const auto& secret : secrets) {
    auto& of_region = names[secret.region];
    if (std::find(of_region.begin(), of_region.end(), secret.value_from) == of_region.end())
      of_region.push_back(secret.value_from);
  }
  for (const auto& [region, all] : names) {
    for (std::size_t i = 0; i < all.size(); i += kMostNames) {
      const std::vector<std::string> some(
          all.begin() + static_cast<std::ptrdiff_t>(i),
          all.begin() + static_cast<std::ptrdiff_t>(std::min(i + kMostNames, all.size())));
      SecretRequest request{{"ssm", region, "AmazonSSM.GetParameters",
                             shared::json::to_text({{"Names", some}, {"WithDecryption", true}})},
                            {}};
      for (const auto& secret : secrets) {
        if (secret.region == region && std::find(some.begin(), some.end(), secret.value_from) != some.end())
          request.secrets.push_back(secret);
      }
      out.push_back(std::move(request));
    }
  }
}

void give(Task& task, const link::SecretPayload& secret, const std::string& value) {
  for (Container& c : task.containers) {
    for (const auto& wanted : c.spec.secrets) {
      if (is_variable(wanted) && wanted.name == secret.name && wanted.value_from == secret.value_from)
        c.secret_environment[secret.name] = value;
    }
  }
}

// As Go prints a decoded JSON value.
std::string printed(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return shared::json::to_text(value);
}

Result<void> take_secret(Task& task, const link::SecretPayload& secret, const json& answer) {
  const auto from = reference_in(secret.value_from);
  const json* text = answer.contains("SecretString") ? &answer.at("SecretString") : nullptr;
  if (!from || text == nullptr || !text->is_string())
    return Error("ResourceInitializationError", "the secret " + secret.value_from + " has no SecretString");
  const std::string value = text->get<std::string>();
  if (from->json_key.empty()) {
    give(task, secret, value);
    return {};
  }
  const auto object = shared::json::parse(value);
  if (!object || !object->is_object())
    return Error("ResourceInitializationError",
                 "retrieved secret from Secrets Manager is no JSON object, of which a key was asked for");
  const auto found = object->find(from->json_key);
  if (found == object->end())
    return Error("ResourceInitializationError",
                 "retrieved secret from Secrets Manager did not contain json key " + from->json_key);
  give(task, secret, printed(*found));
  return {};
}

}  // namespace

Result<std::vector<SecretRequest>> secret_requests(const Task& task) {
  std::vector<SecretRequest> out;
  std::vector<link::SecretPayload> parameters;
  for (const Container& c : task.containers) {
    if (c.known >= Status::kCreated) continue;
    for (const auto& secret : c.spec.secrets) {
      if (!is_variable(secret)) continue;
      if (secret.provider != kSecretsManager) {
        parameters.push_back(secret);
        continue;
      }
      auto request = secret_request(secret);
      if (!request) return request.error();
      out.push_back(*std::move(request));
    }
  }
  add_parameter_requests(parameters, out);
  return out;
}

bool waits_for_keys(const Task& task) {
  const auto& keys = task.payload.execution_role_credentials;
  if (!keys || !keys->access_key_id.empty()) return false;
  return std::any_of(task.containers.begin(), task.containers.end(), [](const Container& c) {
    return c.known < Status::kCreated && !c.spec.secrets.empty();
  });
}

Result<void> take_secrets(Task& task, const SecretRequest& request, const std::string& answer) {
  const auto parsed = shared::json::parse(answer);
  if (!parsed || !parsed->is_object())
    return Error("ResourceInitializationError", "the answer with the secrets cannot be read");
  if (request.call.service == "secretsmanager") return take_secret(task, request.secrets.front(), *parsed);
  const json none = json::array();
  const json& found = parsed->contains("Parameters") ? parsed->at("Parameters") : none;
  std::string missing;
  for (const auto& secret : request.secrets) {
    const auto it = std::find_if(found.begin(), found.end(),
                                 [&](const json& each) { return names_it(secret.value_from, each); });
    if (it == found.end()) {
      missing += (missing.empty() ? "" : ", ") + secret.value_from;
    } else {
      give(task, secret, it->value("Value", ""));
    }
  }
  if (missing.empty()) return {};
  return Error("ResourceInitializationError", "fetching secret data from SSM Parameter Store in " +
                                                  request.call.region + ": invalid parameters: " + missing);
}

Error cannot_fetch(const SecretRequest& request, const Error& error) {
  const bool parameters = request.call.service == "ssm";
  std::string text = "fetching secret data from " +
                     std::string(parameters ? "SSM Parameter Store" : "AWS Secrets Manager") + " in region " +
                     request.call.region + ": ";
  if (!parameters) text += "secret " + request.secrets.front().value_from + ": ";
  if (!parameters && error.code() == "ResourceNotFoundException") {
    text += "ResourceNotFoundException: The task can't retrieve the secret with ARN '" +
            request.secrets.front().value_from +
            "' from AWS Secrets Manager. Check whether the secret exists in the specified Region. ";
  }
  return Error("ResourceInitializationError", text + error.code() + ": " + error.text());
}

}  // namespace agent::node
