#include "agent/cli/commands/deploys/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace agent::cli {

using shared::Error;
using shared::Result;

namespace {

constexpr std::size_t kMostFile = 16u << 20;

Error file_error(std::string text) { return Error("setting_file", std::move(text), shared::Blame::kClient); }

}  // namespace

Result<std::string> read_file(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) return file_error(path + ": " + std::strerror(errno));
    text << file.rdbuf();
    if (file.bad() || (text.fail() && file.peek() != EOF)) return file_error(path + ": cannot be read");
  }
  if (text.str().size() > kMostFile) return file_error(path + ": is larger than 16 MiB");
  return text.str();
}

Result<void> write_file(const std::string& path, const std::string& text, bool replace) {
  if (path == "-") {
    std::cout << text << std::flush;
    return {};
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL), 0644);
  if (fd < 0) {
    return file_error(path + ": " + (errno == EEXIST ? "exists; --force replaces it" : std::strerror(errno)));
  }
  std::string_view rest = text;
  bool good = true;
  while (good && !rest.empty()) {
    const ssize_t done = ::write(fd, rest.data(), rest.size());
    good = done >= 0 || errno == EINTR;
    if (done > 0) rest.remove_prefix(static_cast<std::size_t>(done));
  }
  good = ::close(fd) == 0 && good;
  return good ? Result<void>() : Result<void>(file_error(path + ": " + std::strerror(errno)));
}

Result<Variables> variables_of(const Context& context) {
  Variables variables(context.environment().begin(), context.environment().end());
  for (const std::string& each : context.args.values("--var")) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error("usage", "--var: '" + each + "' is not NAME=VALUE");
    variables[each.substr(0, equals)] = each.substr(equals + 1);
  }
  return variables;
}

Result<Deployment> read_deployment(const Context& context, const std::vector<std::string>& paths) {
  auto variables = variables_of(context);
  if (!variables) return variables.error();
  Deployment deployment;
  for (const std::string& path : paths) {
    auto text = read_file(path);
    if (!text) return text.error();
    auto whole = interpolated(*text, *variables);
    if (!whole) return file_error(path + ": " + whole.error().text());
    auto document = parse_document(*whole, path);
    if (!document) return file_error(document.error().text());
    if (auto added = deployment.add(*document, path); !added) return file_error(added.error().text());
  }
  return deployment;
}

}  // namespace agent::cli
