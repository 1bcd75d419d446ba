#include "agent/control/records/row_text.h"
#include "agent/model/secret.h"

namespace agent::control {

template <class Archive, RowOf<model::SecretVersion> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("value", row.value);
  in("is_binary", row.is_binary);
  in("stages", row.stages);
  in("created_at", row.created_at);
}

template <class Archive, RowOf<model::Secret> Row>
void fields(Archive& in, Row& row) {
  in("name", row.name);
  in("arn", row.arn);
  in("description", row.description);
  in("key_id", row.key_id);
  in("versions", row.versions);
  in("tags", row.tags);
  in("policy", row.policy);
  in("created_at", row.created_at);
  in("changed_at", row.changed_at);
  in("accessed_at", row.accessed_at);
  in("deleted_at", row.deleted_at);
  in("gone_at", row.gone_at);
}

BERTH_ROW(model::Secret)

}  // namespace agent::control
