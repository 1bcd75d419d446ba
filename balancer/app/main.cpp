#include <cstdio>
#include <exception>
#include <string>

#include "balancer/app/options.h"
#include "balancer/app/program.h"
#include "shared/log/log.h"

int main(int argc, char** argv) {
  try {
    auto parsed = balancer::app::parse_options(argc, argv);
    if (const auto* exit = std::get_if<balancer::app::Exit>(&parsed)) {
      std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
      return exit->code;
    }
    auto options = std::get<balancer::app::Options>(std::move(parsed));
    shared::log::Options logging;
    logging.format = options.log_format;
    logging.level = options.log_level;
    shared::log::configure(std::move(logging));
    for (const std::string& warning : options.warnings)
      shared::log::warn("setting_suspicious", {{"detail", warning}});
    balancer::app::Program program(std::move(options));
    if (auto started = program.start(); !started) {
      shared::log::error("start_failed", started.error());
      return 1;
    }
    return program.run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "berth-balancer: %s\n", error.what());
    return 1;
  }
}
