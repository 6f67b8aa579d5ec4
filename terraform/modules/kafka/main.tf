# MSK: TLS on every way, one user (SCRAM-SHA-512), which confluent-kafka and Faust's client both speak.

locals {
  user = "oms"
  # An acknowledged command is on two brokers; with two brokers in all, the loss of one would stop writing.
  replicas     = min(3, var.brokers)
  replicas_min = max(1, local.replicas - 1)
}

resource "aws_security_group" "this" {
  name        = "${var.name}-kafka"
  description = "Kafka brokers"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-kafka" }
}

resource "aws_cloudwatch_log_group" "brokers" {
  name              = "/${var.name}/kafka"
  retention_in_days = var.log_days
  kms_key_id        = var.logs_key_arn
}

resource "aws_msk_configuration" "this" {
  name           = var.name
  kafka_versions = [var.kafka_version]
  description    = "No topic comes to be by a typing error, and nothing is acknowledged that one broker alone has"

  server_properties = <<-PROPERTIES
    auto.create.topics.enable=false
    default.replication.factor=${local.replicas}
    min.insync.replicas=${local.replicas_min}
    unclean.leader.election.enable=false
    offsets.topic.replication.factor=${local.replicas}
    transaction.state.log.replication.factor=${local.replicas}
    transaction.state.log.min.isr=${local.replicas_min}
    allow.everyone.if.no.acl.found=false
  PROPERTIES

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_msk_cluster" "this" {
  cluster_name           = var.name
  kafka_version          = var.kafka_version
  number_of_broker_nodes = var.brokers
  enhanced_monitoring    = "PER_TOPIC_PER_BROKER"

  broker_node_group_info {
    instance_type   = var.instance_type
    client_subnets  = var.subnet_ids
    security_groups = [aws_security_group.this.id]

    storage_info {
      ebs_storage_info {
        volume_size = var.disk_gib
      }
    }
  }

  client_authentication {
    unauthenticated = false

    sasl {
      scram = true
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.this.arn
    revision = aws_msk_configuration.this.latest_revision
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = var.kafka_key_arn

    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.brokers.name
      }
    }
  }

  open_monitoring {
    prometheus {
      jmx_exporter {
        enabled_in_broker = true
      }
      node_exporter {
        enabled_in_broker = true
      }
    }
  }

  lifecycle {
    # Disks grow by themselves, and never shrink.
    ignore_changes = [broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size]

    precondition {
      condition     = var.brokers % length(var.subnet_ids) == 0
      error_message = "brokers (${var.brokers}) is not a multiple of the number of subnets (${length(var.subnet_ids)})."
    }
  }
}

# --- Disks that grow ------------------------------------------------------------------------------------

resource "aws_appautoscaling_target" "disks" {
  service_namespace  = "kafka"
  resource_id        = aws_msk_cluster.this.arn
  scalable_dimension = "kafka:broker-storage:VolumeSize"
  min_capacity       = 1
  max_capacity       = var.disk_gib_max
}

resource "aws_appautoscaling_policy" "disks" {
  name               = "${var.name}-kafka-disks"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.disks.service_namespace
  resource_id        = aws_appautoscaling_target.disks.resource_id
  scalable_dimension = aws_appautoscaling_target.disks.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value     = 60
    disable_scale_in = true

    predefined_metric_specification {
      predefined_metric_type = "KafkaBrokerStorageUtilization"
    }
  }
}

# --- The user -------------------------------------------------------------------------------------------

# Ephemeral: the password goes to Secrets Manager and is in no state file.
ephemeral "aws_secretsmanager_random_password" "user" {
  password_length     = 40
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "user" {
  name                    = "AmazonMSK_${var.name}" # MSK takes only secrets whose name begins so
  description             = "User of Kafka for all services (SCRAM-SHA-512)"
  kms_key_id              = var.kafka_key_arn
  recovery_window_in_days = var.destroy_guard ? 30 : 0
}

resource "aws_secretsmanager_secret_version" "user" {
  secret_id = aws_secretsmanager_secret.user.id
  secret_string_wo = jsonencode({
    username = local.user
    password = ephemeral.aws_secretsmanager_random_password.user.random_password
  })
  secret_string_wo_version = var.password_version
}

resource "aws_secretsmanager_secret_policy" "user" {
  secret_arn = aws_secretsmanager_secret.user.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "KafkaReadsIt"
      Effect    = "Allow"
      Principal = { Service = "kafka.amazonaws.com" }
      Action    = "secretsmanager:GetSecretValue"
      Resource  = aws_secretsmanager_secret.user.arn
    }]
  })
}

resource "aws_msk_scram_secret_association" "this" {
  cluster_arn     = aws_msk_cluster.this.arn
  secret_arn_list = [aws_secretsmanager_secret.user.arn]

  depends_on = [aws_secretsmanager_secret_version.user, aws_secretsmanager_secret_policy.user]
}
