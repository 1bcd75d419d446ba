#include "agent/control/records/row_text.h"
#include "agent/model/parameter.h"

namespace agent::control {

template <class Archive, RowOf<model::ParameterVersion> Row>
void fields(Archive& in, Row& row) {
  in("number", row.number);
  in("type", row.type);
  in("value", row.value);
  in("description", row.description);
  in("key_id", row.key_id);
  in("allowed_pattern", row.allowed_pattern);
  in("tier", row.tier);
  in("data_type", row.data_type);
  in("modified_by", row.modified_by);
  in("labels", row.labels);
  in("modified_at", row.modified_at);
}

template <class Archive, RowOf<model::Parameter> Row>
void fields(Archive& in, Row& row) {
  in("name", row.name);
  in("versions", row.versions);
  in("tags", row.tags);
}

BERTH_ROW(model::Parameter)

}  // namespace agent::control
