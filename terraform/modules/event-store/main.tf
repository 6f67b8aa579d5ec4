# PostgreSQL: the event store, the only place whose loss could not be mended.

resource "aws_security_group" "this" {
  name        = "${var.name}-event-store"
  description = "PostgreSQL, the event store"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-event-store" }
}

resource "aws_db_subnet_group" "this" {
  name       = "${var.name}-event-store"
  subnet_ids = var.subnet_ids
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-event-store-"
  family      = "postgres${var.engine_version}"
  description = "Acknowledged is on disk, and nobody connects without TLS"

  # What is acknowledged is on disk here and in the other zone.
  parameter {
    name  = "synchronous_commit"
    value = "on"
  }

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "ssl_min_protocol_version"
    value = "TLSv1.3"
  }

  # Random keys touch each page once after each checkpoint, so fewer checkpoints write less (docs/adr/0007).
  parameter {
    name  = "max_wal_size"
    value = "16384"
  }

  parameter {
    name         = "wal_compression"
    value        = "off"
    apply_method = "immediate"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "500"
  }

  parameter {
    name  = "log_connections"
    value = "1"
  }

  parameter {
    name  = "log_disconnections"
    value = "1"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["postgresql", "upgrade"])

  name              = "/aws/rds/instance/${var.name}-event-store/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.logs_key_arn
}

data "aws_partition" "here" {}

resource "aws_iam_role" "monitoring" {
  name = "${var.name}-rds-monitoring"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_db_instance" "this" {
  identifier     = "${var.name}-event-store"
  engine         = "postgres"
  engine_version = var.engine_version
  instance_class = var.instance_class
  db_name        = "oms"
  port           = 5432

  # RDS makes the password, keeps it in Secrets Manager and changes it: nobody ever types it.
  username                      = "oms"
  manage_master_user_password   = true
  master_user_secret_kms_key_id = var.secrets_key_arn

  allocated_storage     = var.disk_gib
  max_allocated_storage = var.disk_gib_max
  storage_type          = "gp3"
  iops                  = var.iops
  storage_encrypted     = true
  kms_key_id            = var.events_key_arn

  multi_az               = var.multi_az
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  parameter_group_name   = aws_db_parameter_group.this.name
  publicly_accessible    = false
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  iam_database_authentication_enabled = true

  backup_retention_period  = var.backup_days
  backup_window            = "01:00-02:00"
  maintenance_window       = "sun:02:30-sun:03:30"
  copy_tags_to_snapshot    = true
  delete_automated_backups = false

  auto_minor_version_upgrade      = true
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.events_key_arn
  monitoring_interval             = 15
  monitoring_role_arn             = aws_iam_role.monitoring.arn

  deletion_protection       = var.destroy_guard
  skip_final_snapshot       = !var.destroy_guard
  final_snapshot_identifier = var.destroy_guard ? "${var.name}-event-store-last" : null

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy_attachment.monitoring]
}
