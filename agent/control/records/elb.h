// Rows of load balancing, and of control itself, as the store keeps them: JSON, one object per row. Decoding
// accepts missing members (older versions wrote fewer) and ignores unknown ones. Pure; thread: any.
#pragma once
#include <string>
#include <string_view>

#include "agent/model/cluster.h"
#include "agent/model/load_balancing.h"

namespace agent::control {

std::string encode_load_balancer(const model::LoadBalancer&);
bool decode_load_balancer(std::string_view, model::LoadBalancer&);
std::string encode_listener(const model::Listener&);
bool decode_listener(std::string_view, model::Listener&);
std::string encode_rule(const model::Rule&);
bool decode_rule(std::string_view, model::Rule&);
std::string encode_target_group(const model::TargetGroup&);
bool decode_target_group(std::string_view, model::TargetGroup&);
std::string encode_target(const model::RegisteredTarget&);
bool decode_target(std::string_view, model::RegisteredTarget&);
std::string encode_balancer(const model::Balancer&);
bool decode_balancer(std::string_view, model::Balancer&);
std::string encode_meta(const model::Meta&);
bool decode_meta(std::string_view, model::Meta&);
std::string encode_cookie_keys(const model::CookieKeys&);
bool decode_cookie_keys(std::string_view, model::CookieKeys&);
std::string encode_installation(const model::Installation&);
bool decode_installation(std::string_view, model::Installation&);

}  // namespace agent::control
