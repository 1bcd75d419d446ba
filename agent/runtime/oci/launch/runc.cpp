#include <unistd.h>

#include "agent/runtime/oci/launch/launcher.h"
#include "agent/runtime/oci/process/run.h"

namespace agent::runtime::oci {
namespace {

using shared::Error;
using shared::Result;

class Runc final : public Launcher {
 public:
  Runc(std::string program, std::string state, std::string version)
      : program_(std::move(program)), state_(std::move(state)), version_(std::move(version)) {}

  const std::string& version() const override { return version_; }
  Words create(const std::string& id, const std::string& bundle, const std::string& pid_file,
               const std::string& log) const override {
    return {program_,   "--root", state_,       "--log",  log, "--log-format", "json", "create",
            "--bundle", bundle,   "--pid-file", pid_file, id};
  }
  Words start(const std::string& id) const override { return {program_, "--root", state_, "start", id}; }
  Words remove(const std::string& id) const override {
    return {program_, "--root", state_, "delete", "--force", id};
  }
  Words execute(const std::string& id, const std::string& process) const override {
    return {program_, "--root", state_, "exec", "--process", process, id};
  }

 private:
  std::string program_;
  std::string state_;
  std::string version_;
};

}  // namespace

Result<std::unique_ptr<Launcher>> open_runc(const std::string& program, const std::string& state) {
  std::string found;
  for (const std::string& each : {program, "/usr/sbin/" + program, "/usr/bin/" + program,
                                  "/usr/local/sbin/" + program, "/usr/local/bin/" + program})
    if (found.empty() && each.starts_with('/') && ::access(each.c_str(), X_OK) == 0) found = each;
  if (found.empty())
    return Error("launcher", "there is no program '" + program + "' (Debian's package runc)");
  auto ran = run({found, "--version"});
  if (!ran) return Error("launcher", ran.error().text());
  if (ran->status != 0)
    return Error("launcher", found + " --version ends with " + std::to_string(ran->status));
  const auto word = ran->out.find("version ");
  std::string version = word == std::string::npos ? "" : ran->out.substr(word + 8);
  version = version.substr(0, version.find_first_of(" \n"));
  return std::unique_ptr<Launcher>(std::make_unique<Runc>(found, state, "runc " + version));
}

}  // namespace agent::runtime::oci
