// The image of a task's pause container, which comes with the agent: one file, imported into the engine where
// it is not there. Its tag is the program's digest, so that an agent with another program finds no older one.
#pragma once
#include <string>

namespace agent::runtime::pause {

inline constexpr const char* kEntryPoint = "/pause";

const std::string& image_name();  // "berth/pause:<digest>"
std::string image_tree();         // its root file system, a tar of the kind Runtime::import_image takes

}  // namespace agent::runtime::pause
