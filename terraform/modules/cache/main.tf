# ElastiCache for Valkey: replies, rate limits, fan-out. All of it may be lost; nothing of it may be read by others.

resource "aws_security_group" "this" {
  name        = "${var.name}-cache"
  description = "Valkey"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-cache" }
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_elasticache_parameter_group" "this" {
  name        = "${var.name}-valkey8"
  family      = "valkey8"
  description = "Full, it refuses to write; a mark of what is under way is never dropped in silence"

  parameter {
    name  = "maxmemory-policy"
    value = "volatile-ttl"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["slow-log", "engine-log"])

  name              = "/${var.name}/cache/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.logs_key_arn
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id = var.name
  description          = "Replies, rate limits and fan-out of ${var.name}"
  engine               = "valkey"
  engine_version       = "8.0"
  parameter_group_name = aws_elasticache_parameter_group.this.name
  node_type            = var.node_type
  num_cache_clusters   = var.nodes
  port                 = 6379

  automatic_failover_enabled = var.nodes > 1
  multi_az_enabled           = var.nodes > 1

  subnet_group_name  = aws_elasticache_subnet_group.this.name
  security_group_ids = [aws_security_group.this.id]

  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  kms_key_id                 = var.cache_key_arn
  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]

  snapshot_retention_limit   = var.snapshot_days
  auto_minor_version_upgrade = true
  apply_immediately          = false

  dynamic "log_delivery_configuration" {
    for_each = aws_cloudwatch_log_group.this

    content {
      destination      = log_delivery_configuration.value.name
      destination_type = "cloudwatch-logs"
      log_format       = "json"
      log_type         = log_delivery_configuration.key
    }
  }
}

# --- The user -------------------------------------------------------------------------------------------

# ElastiCache takes a password as an argument only: it is in the state, which is encrypted and few may read.
data "aws_secretsmanager_random_password" "user" {
  password_length     = 40
  exclude_punctuation = true
}

resource "aws_elasticache_user" "this" {
  user_id       = "${var.name}-oms"
  user_name     = "oms"
  engine        = "valkey"
  access_string = "on ~* &* +@all -@admin -@dangerous +info +client|setinfo +client|setname"

  authentication_mode {
    type      = "password"
    passwords = [data.aws_secretsmanager_random_password.user.random_password]
  }

  lifecycle {
    ignore_changes       = [authentication_mode]
    replace_triggered_by = [terraform_data.password_version]
  }
}

resource "terraform_data" "password_version" {
  input = var.password_version
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = var.name
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.this.user_id]
}

resource "aws_secretsmanager_secret" "user" {
  name        = "${var.name}/cache"
  description = "User of Valkey for all services"
  kms_key_id  = var.secrets_key_arn
}

resource "aws_secretsmanager_secret_version" "user" {
  secret_id = aws_secretsmanager_secret.user.id
  secret_string = jsonencode({
    username = "oms"
    password = one(one(aws_elasticache_user.this.authentication_mode).passwords)
  })
}
