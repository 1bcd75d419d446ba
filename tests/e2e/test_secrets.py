"""Secrets Manager: with Terraform's provider, the CLI and boto3, against control alone."""
import json

from conftest import PROVIDER, Terraform
from test_neighbours import refused, restart

SECRETS = PROVIDER + """
variable "value" { default = "first" }
resource "aws_secretsmanager_secret" "db" {
  name                    = "app/db"
  description             = "of the database, ${var.value}"
  recovery_window_in_days = 0
  tags                    = { team = "web" }
}
resource "aws_secretsmanager_secret_version" "db" {
  secret_id     = aws_secretsmanager_secret.db.id
  secret_string = jsonencode({ user = "root", password = "hunter2-${var.value}" })
}
resource "aws_secretsmanager_secret_policy" "db" {
  secret_arn = aws_secretsmanager_secret.db.arn
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = "own", Effect = "Allow", Action = "secretsmanager:GetSecretValue",
    Principal = { AWS = "arn:aws:iam::000000000000:root" }, Resource = "*" }] })
}
data "aws_secretsmanager_secret_version" "db" {
  secret_id  = aws_secretsmanager_secret.db.id
  depends_on = [aws_secretsmanager_secret_version.db]
}
data "aws_secretsmanager_random_password" "any" { password_length = 20 }
output "password" { value = nonsensitive(jsondecode(data.aws_secretsmanager_secret_version.db.secret_string)["password"]) }
"""


def test_a_secret_applies_plans_empty_updates_and_goes(control, tmp_path):
    terraform = Terraform(control, tmp_path, SECRETS)
    terraform.apply()
    terraform.plan()
    assert terraform.output("password") == "hunter2-first"
    terraform.apply(value="second")
    terraform.plan(value="second")
    restart(control)
    terraform.plan(value="second")
    read = control.cli("secretsmanager", "get-secret-value", "--secret-id", "app/db", "--version-stage", "AWSPREVIOUS")
    assert json.loads(read["SecretString"])["password"] == "hunter2-first"
    for part in control.folder.glob("agent/control.db*"):
        assert b"hunter2" not in part.read_bytes(), part
    assert "hunter2" not in control.log("agent", 10_000)
    terraform.destroy(value="second")
    assert refused(control.client("secretsmanager").describe_secret, SecretId="app/db") == ("ResourceNotFoundException", 400)


def test_a_deleted_secret_is_restored_with_the_cli(control):
    made = control.cli("secretsmanager", "create-secret", "--name", "kept", "--secret-string", "value")
    control.cli("secretsmanager", "delete-secret", "--secret-id", made["ARN"], "--recovery-window-in-days", 7)
    manager = control.client("secretsmanager")
    assert refused(manager.get_secret_value, SecretId="kept") == ("InvalidRequestException", 400)
    control.cli("secretsmanager", "restore-secret", "--secret-id", "kept")
    assert manager.get_secret_value(SecretId="kept")["SecretString"] == "value"
    pages = manager.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 1})
    assert [each["Name"] for page in pages for each in page["SecretList"]] == ["kept"]
    assert refused(manager.rotate_secret, SecretId="kept") == ("InvalidRequestException", 400)
