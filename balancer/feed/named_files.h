// The files that a configuration file names instead of holding their texts: chains and keys of certificates,
// bundles and revocation lists of trust stores. Names are relative to the configuration file. Thread: any;
// blocking, small.
#pragma once
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/lbconfig/config.h"

namespace balancer::feed {

// Their paths, once each.
std::vector<std::string> named_files(const shared::lbconfig::Config& config, const std::string& config_path);
// `config` with the texts in the place of the names, valid. The error names the member and the file:
// "certificates[0].key_file: read /etc/web.key: Permission denied".
shared::Result<shared::lbconfig::Config> with_named_files(shared::lbconfig::Config config,
                                                          const std::string& config_path);

}  // namespace balancer::feed
