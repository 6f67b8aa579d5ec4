# A key of its own for each kind of data, so that access can be given, watched and withdrawn by kind. All rotate.

data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}
data "aws_region" "here" {}

locals {
  purposes = {
    events    = "PostgreSQL: the event store and its backups"
    kafka     = "MSK: topics on disk, and the credentials of its clients"
    cache     = "ElastiCache"
    documents = "DocumentDB: the read models and their backups"
    cluster   = "EKS: Kubernetes secrets and the nodes' disks"
    objects   = "S3: signed heads, backups, exports"
    secrets   = "Secrets Manager"
    images    = "ECR"
    logs      = "CloudWatch Logs, and alarms on their way"
  }
  account_root = "arn:${data.aws_partition.here.partition}:iam::${data.aws_caller_identity.here.account_id}:root"

  # The account's own IAM policies decide; without this statement nobody could administer the key.
  owner = {
    Sid       = "AccountDecidesByIam"
    Effect    = "Allow"
    Principal = { AWS = local.account_root }
    Action    = "kms:*"
    Resource  = "*"
  }
  logs_service = {
    Sid       = "LogsOfThisAccount"
    Effect    = "Allow"
    Principal = { Service = "logs.${data.aws_region.here.region}.amazonaws.com" }
    Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    Resource  = "*"
    Condition = {
      ArnLike = {
        "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.here.partition}:logs:${data.aws_region.here.region}:${data.aws_caller_identity.here.account_id}:*"
      }
    }
  }
  alarms_service = {
    Sid       = "AlarmsToEncryptedTopics"
    Effect    = "Allow"
    Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com"] }
    Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
    Resource  = "*"
    Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.here.account_id } }
  }
  statements = {
    for purpose, _ in local.purposes : purpose => concat(
      [local.owner], purpose == "logs" ? [local.logs_service, local.alarms_service] : []
    )
  }
}

resource "aws_kms_key" "this" {
  for_each = local.purposes

  description             = "${var.name} ${each.value}"
  deletion_window_in_days = var.deletion_days
  enable_key_rotation     = true
  policy                  = jsonencode({ Version = "2012-10-17", Statement = local.statements[each.key] })

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_kms_alias" "this" {
  for_each = local.purposes

  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}
