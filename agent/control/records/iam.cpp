#include "agent/model/iam.h"
#include "agent/control/records/row_text.h"

namespace agent::control {

template <class Archive, RowOf<model::IamIdentity> Row>
void fields(Archive& in, Row& row) {
  in("name", row.name);
  in("path", row.path);
  in("id", row.id);
  in("arn", row.arn);
  in("inline_policies", row.inline_policies);
  in("attached", row.attached);
  in("boundary", row.boundary);
  in("tags", row.tags);
  in("created_at", row.created_at);
  in("trust", row.trust);
  in("description", row.description);
  in("max_session_seconds", row.max_session_seconds);
  in("groups", row.groups);
}

template <class Archive, RowOf<model::IamAccessKey> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("secret", row.secret);
  in("user", row.user);
  in("active", row.active);
  in("created_at", row.created_at);
}

template <class Archive, RowOf<model::IamSession> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("secret", row.secret);
  in("token", row.token);
  in("role", row.role);
  in("user", row.user);
  in("owner_id", row.owner_id);
  in("name", row.name);
  in("policies", row.policies);
  in("tags", row.tags);
  in("source_identity", row.source_identity);
  in("chained", row.chained);
  in("issued_at", row.issued_at);
  in("expires_at", row.expires_at);
}

template <class Archive, RowOf<model::TaskRole> Row>
void fields(Archive& in, Row& row) {
  in("purpose", row.purpose);
  in("role_arn", row.role_arn);
  in("credentials_id", row.credentials_id);
  in("session", row.session);
  in("previous", row.previous);
}

template <class Archive, RowOf<model::TaskRoles> Row>
void fields(Archive& in, Row& row) {
  in("task", row.task);
  in("roles", row.roles);
}

template <class Archive, RowOf<model::IamPolicyVersion> Row>
void fields(Archive& in, Row& row) {
  in("number", row.number);
  in("document", row.document);
  in("created_at", row.created_at);
}

template <class Archive, RowOf<model::IamPolicy> Row>
void fields(Archive& in, Row& row) {
  in("name", row.name);
  in("path", row.path);
  in("id", row.id);
  in("arn", row.arn);
  in("description", row.description);
  in("versions", row.versions);
  in("default_version", row.default_version);
  in("next_version", row.next_version);
  in("tags", row.tags);
  in("created_at", row.created_at);
  in("updated_at", row.updated_at);
}

template <class Archive, RowOf<model::IamInstanceProfile> Row>
void fields(Archive& in, Row& row) {
  in("name", row.name);
  in("path", row.path);
  in("id", row.id);
  in("arn", row.arn);
  in("role", row.role);
  in("tags", row.tags);
  in("created_at", row.created_at);
}

BERTH_ROW(model::IamIdentity)
BERTH_ROW(model::IamAccessKey)
BERTH_ROW(model::IamSession)
BERTH_ROW(model::TaskRoles)
BERTH_ROW(model::IamPolicy)
BERTH_ROW(model::IamInstanceProfile)

}  // namespace agent::control
