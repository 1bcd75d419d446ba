// One service of a compose file as a container definition. Internal to agent/cli/compose.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "agent/cli/compose/compose.h"

namespace agent::cli {

class ContainerImport {
 public:
  ContainerImport(std::string name, const nlohmann::json& from, std::vector<ComposeNote>& notes)
      : name_(std::move(name)), from_(from), notes_(notes) {}

  // Adds to the task's volumes, and sets what is of the service (desiredCount, deploymentConfiguration) and
  // of the whole task (pidMode).
  shared::Result<nlohmann::json> run(nlohmann::json& volumes, nlohmann::json& service,
                                     nlohmann::json& definition, const nlohmann::json& file);
  const std::vector<ComposePort>& ports() const { return ports_; }

 private:
  using Member = void (ContainerImport::*)(const std::string& member, const nlohmann::json& value,
                                           nlohmann::json& out);
  void yes(const std::string& member, const std::string& what) {
    notes_.push_back({Carried::kYes, name_, member, what});
  }
  void changed(const std::string& member, const std::string& what) {
    notes_.push_back({Carried::kChanged, name_, member, what});
  }
  void no(const std::string& member, const std::string& what) {
    notes_.push_back({Carried::kNo, name_, member, what});
  }

  bool simple(const std::string& member, const nlohmann::json& value, nlohmann::json& out);
  bool linux_parameter(const std::string& member, const nlohmann::json& value, nlohmann::json& out);
  void command(const std::string& member, const char* into, const nlohmann::json& value, nlohmann::json& out);
  void environment(const nlohmann::json& value, nlohmann::json& out);
  void health_check(const nlohmann::json& value, nlohmann::json& out);
  void port(const std::string& member, const nlohmann::json& value, nlohmann::json& out);
  void volume(const std::string& member, const nlohmann::json& value, nlohmann::json& out,
              nlohmann::json& volumes, const nlohmann::json& file);
  void deploy(const nlohmann::json& value, nlohmann::json& out, nlohmann::json& service);
  void resources(const nlohmann::json& value, nlohmann::json& out);
  void logging(const nlohmann::json& value, nlohmann::json& out);
  void ulimits(const nlohmann::json& value, nlohmann::json& out);
  void restart(const std::string& word, nlohmann::json& out);
  void pairs(const std::string& member, const nlohmann::json& value, const char* into, const char* key,
             const char* text, nlohmann::json& out);

  std::string name_;
  const nlohmann::json& from_;
  std::vector<ComposeNote>& notes_;
  std::vector<ComposePort> ports_;
};

}  // namespace agent::cli
