#include "agent/control/records/account.h"

#include <nlohmann/json.hpp>

#include "agent/control/records/parts.h"
#include "shared/json/reader.h"

namespace agent::control {

std::string encode_account_setting(const model::AccountSetting& row) {
  return shared::json::to_text({{"name", row.name}, {"value", row.value}, {"principal", row.principal}});
}
bool decode_account_setting(std::string_view value, model::AccountSetting& row) {
  return decode_row(value, [&row](const shared::json::Reader& in) {
    row.name = in.required_string("name");
    row.value = in.required_string("value");
    row.principal = in.required_string("principal");
  });
}

std::string encode_capacity_provider(const model::CapacityProvider& row) {
  return shared::json::to_text({{"arn", row.arn},
                                {"name", row.name},
                                {"auto_scaling_group", row.auto_scaling_group},
                                {"scaling", row.scaling.enabled},
                                {"target_capacity", row.scaling.target_capacity},
                                {"minimum_step", row.scaling.minimum_step},
                                {"maximum_step", row.scaling.maximum_step},
                                {"warmup_seconds", row.scaling.warmup_seconds},
                                {"termination_protection", row.termination_protection},
                                {"managed_draining", row.managed_draining},
                                {"update_status", row.update_status},
                                {"tags", tags_json(row.tags)},
                                {"created_at", millis(row.created_at)}});
}
bool decode_capacity_provider(std::string_view value, model::CapacityProvider& row) {
  return decode_row(value, [&row](const shared::json::Reader& in) {
    row.arn = in.required_string("arn");
    row.name = in.required_string("name");
    row.auto_scaling_group = in.string_or("auto_scaling_group", "");
    row.scaling.enabled = in.boolean_or("scaling", false);
    row.scaling.target_capacity = in.integer_or<int>("target_capacity", row.scaling.target_capacity);
    row.scaling.minimum_step = in.integer_or<int>("minimum_step", row.scaling.minimum_step);
    row.scaling.maximum_step = in.integer_or<int>("maximum_step", row.scaling.maximum_step);
    row.scaling.warmup_seconds = in.integer_or<int>("warmup_seconds", row.scaling.warmup_seconds);
    row.termination_protection = in.boolean_or("termination_protection", false);
    row.managed_draining = in.boolean_or("managed_draining", true);
    row.update_status = in.string_or("update_status", "");
    row.tags = read_tags(in);
    row.created_at = read_time(in, "created_at");
  });
}

}  // namespace agent::control
