#include <cstdio>
#include <exception>

#include "agent/app/options.h"
#include "agent/app/program.h"
#include "shared/log/log.h"

int main(int argc, char** argv) {
  try {
    auto parsed = agent::app::parse_options({argv + 1, argv + argc});
    if (const auto* exit = std::get_if<agent::app::Exit>(&parsed)) {
      std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
      return exit->code;
    }
    auto options = std::get<agent::app::Options>(std::move(parsed));
    shared::log::configure({options.log_level, options.log_format, nullptr});
    for (const std::string& warning : options.warnings)
      shared::log::warn("setting_suspicious", {{"detail", warning}});
    agent::app::Program program(std::move(options));
    if (auto started = program.start(); !started) {
      shared::log::error("start_failed", started.error());
      return 1;
    }
    return program.run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "berth-agent: %s\n", error.what());
    return 1;
  }
}
