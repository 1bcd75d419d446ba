// The file that is deployed: an ECS service, an ECS task definition, or both, as JSON or YAML with variables.
// Pure; no I/O. Thread: any.
#pragma once
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace agent::cli {

using Variables = std::map<std::string, std::string>;

// ${NAME}, ${NAME:-when it is not set or empty}, $${ for ${ itself. Other dollars stay. Error "document": a
// name that is not set, an unfinished one, with its line.
shared::Result<std::string> interpolated(std::string_view text, const Variables& variables);

// JSON, or YAML 1.2's core schema of it (one document; anchors and merge keys are followed). Error
// "document": where and why.
shared::Result<nlohmann::json> parse_yaml(std::string_view text);
shared::Result<nlohmann::json> parse_document(std::string_view text, std::string_view path);

// What several files say together. Members as in CreateService and RegisterTaskDefinition. Error "document":
// a file that is neither, two of one kind, members that neither has, with the nearest name. A file is
// {"service": {...}, "taskDefinition": {...}} or the members of one of them.
class Deployment {
 public:
  Deployment();
  Deployment(Deployment&&) noexcept;
  Deployment& operator=(Deployment&&) noexcept;
  ~Deployment();
  shared::Result<void> add(const nlohmann::json& document, std::string_view path);
  const nlohmann::json& service() const;     // {} when no file has it
  const nlohmann::json& definition() const;  // likewise
  std::string service_name() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What Describe shows, without the members that only answers have: what Create- and Register- take.
nlohmann::json service_to_file(const nlohmann::json& described);
nlohmann::json definition_to_file(const nlohmann::json& described);
// With another image in a container ("IMAGE" for the only one, or the first essential one;
// "CONTAINER=IMAGE"). Error "document": no such container.
shared::Result<void> set_image(nlohmann::json& definition, std::string_view image);

}  // namespace agent::cli
