// Identities and Access Management: who there is, and what policies say they may do.
#pragma once
#include <map>

#include "agent/model/common.h"

namespace agent::model {

// A role, a user or a group: what policies belong to. Key: the name in lower case, as names are told apart
// without case.
struct IamIdentity {
  std::string name;
  std::string path = "/";
  std::string id;  // "AROA...", "AIDA...", "AGPA...": never used again
  std::string arn;
  std::map<std::string, std::string> inline_policies;  // by name: the document as it was sent
  std::vector<std::string> attached;                   // ARNs of managed policies, in the order of attachment
  std::string boundary;   // ARN of the permissions boundary; may be empty. Not of groups
  std::vector<Tag> tags;  // not of groups
  WallTime created_at{};
  // Of roles only.
  std::string trust;  // the document that says who may take the role, as it was sent
  std::string description;
  std::int64_t max_session_seconds = 3600;
  // Of users only.
  std::vector<std::string> groups;  // keys
};

// Of a user. Key: its id ("AKIA...").
struct IamAccessKey {
  std::string id;
  std::string secret;
  std::string user;  // key of the user
  bool active = true;
  WallTime created_at{};
};

// Temporary keys: of a role that somebody took, or of a user. Key: its id ("ASIA...").
struct IamSession {
  std::string id;
  std::string secret;
  std::string token;
  std::string role;  // key of the role, or
  std::string user;  // key of the user
  std::string
      owner_id;  // of the role or user as it was then: one of that name that was made later is somebody else
  std::string name;                   // of a role's session
  std::vector<std::string> policies;  // documents that limit it, beside those of its role
  std::vector<Tag> tags;              // over those of the role
  std::string source_identity;
  bool chained = false;  // a session took it
  WallTime issued_at{};
  WallTime expires_at{};
};

// What a task has of one of its roles: keys that are renewed while it lives and end with it.
struct TaskRole {
  std::string purpose;  // as the agent's protocol has it: "TaskApplication", "TaskExecution"
  std::string role_arn;
  std::string credentials_id;  // under which the task's host hands them out; the same for the task's life
  std::string session;         // key of the IamSession (Neighbours::task_sessions)
  std::string previous;        // of the keys before, which are good until they expire; may be empty
};
// Key: the task's row key. Only of tasks that have a role.
struct TaskRoles {
  std::string task;
  std::vector<TaskRole> roles;
};

struct IamPolicyVersion {
  std::int64_t number = 1;  // "v1"; never used again
  std::string document;     // as it was sent
  WallTime created_at{};
};

// A managed policy of the account. Key: the name in lower case.
struct IamPolicy {
  std::string name;
  std::string path = "/";
  std::string id;  // "ANPA..."
  std::string arn;
  std::string description;
  std::vector<IamPolicyVersion> versions;  // oldest first
  std::int64_t default_version = 1;
  std::int64_t next_version = 2;
  std::vector<Tag> tags;
  WallTime created_at{};
  WallTime updated_at{};
};

// Key: the name in lower case.
struct IamInstanceProfile {
  std::string name;
  std::string path = "/";
  std::string id;  // "AIPA..."
  std::string arn;
  std::string role;  // key of the role; empty: none
  std::vector<Tag> tags;
  WallTime created_at{};
};

}  // namespace agent::model
