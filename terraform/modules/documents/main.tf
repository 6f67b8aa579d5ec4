# DocumentDB: the read models. They can all be built anew from the event store (`./oms projections rebuild`).

resource "aws_security_group" "this" {
  name        = "${var.name}-documents"
  description = "DocumentDB"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-documents" }
}

resource "aws_docdb_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_docdb_cluster_parameter_group" "this" {
  name        = var.name
  family      = "docdb5.0"
  description = "TLS 1.2 at least, and a record of who did what"

  parameter {
    name  = "tls"
    value = "tls1.2+"
  }

  parameter {
    name  = "audit_logs"
    value = "enabled"
  }

  parameter {
    name  = "profiler"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["audit", "profiler"])

  name              = "/aws/docdb/${var.name}/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.logs_key_arn
}

resource "aws_docdb_cluster" "this" {
  cluster_identifier = var.name
  engine             = "docdb"
  engine_version     = "5.0.0"
  port               = 27017

  master_username            = "oms"
  master_password_wo         = ephemeral.aws_secretsmanager_random_password.user.random_password
  master_password_wo_version = var.password_version

  db_subnet_group_name            = aws_docdb_subnet_group.this.name
  vpc_security_group_ids          = [aws_security_group.this.id]
  db_cluster_parameter_group_name = aws_docdb_cluster_parameter_group.this.name

  storage_encrypted = true
  kms_key_id        = var.documents_key_arn

  backup_retention_period         = var.backup_days
  preferred_backup_window         = "02:00-03:00"
  preferred_maintenance_window    = "sun:03:30-sun:04:30"
  enabled_cloudwatch_logs_exports = ["audit", "profiler"]

  deletion_protection       = var.destroy_guard
  skip_final_snapshot       = !var.destroy_guard
  final_snapshot_identifier = var.destroy_guard ? "${var.name}-last" : null

  depends_on = [aws_cloudwatch_log_group.this]
}

resource "aws_docdb_cluster_instance" "this" {
  count = var.instances

  identifier                      = "${var.name}-${count.index}"
  cluster_identifier              = aws_docdb_cluster.this.id
  instance_class                  = var.instance_class
  auto_minor_version_upgrade      = true
  enable_performance_insights     = true
  performance_insights_kms_key_id = var.documents_key_arn
}

# --- The user -------------------------------------------------------------------------------------------

ephemeral "aws_secretsmanager_random_password" "user" {
  password_length     = 40
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "user" {
  name                    = "${var.name}/documents"
  description             = "User of DocumentDB for the workers and the query API"
  kms_key_id              = var.secrets_key_arn
  recovery_window_in_days = var.destroy_guard ? 30 : 0
}

resource "aws_secretsmanager_secret_version" "user" {
  secret_id = aws_secretsmanager_secret.user.id
  secret_string_wo = jsonencode({
    username = "oms"
    password = ephemeral.aws_secretsmanager_random_password.user.random_password
  })
  secret_string_wo_version = var.password_version
}
