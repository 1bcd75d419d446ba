// The first process of a container that asks for one (initProcessEnabled): passes signals on to the program,
// reaps whatever loses its parent, ends with the program's exit code. It is the monitor's own binary, mounted
// read-only as /sbin/docker-init.
#pragma once

namespace agent::runtime::oci::monitor {

// `arguments`: "--" and the program's words. Does not return.
[[noreturn]] void run_init(char** arguments);

}  // namespace agent::runtime::oci::monitor
