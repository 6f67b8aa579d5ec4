# Alarms on what only AWS sees of the managed parts. The services' own are rules of Prometheus, in the chart.

locals {
  gib = 1024 * 1024 * 1024

  alarms = {
    event-store-disk = {
      namespace  = "AWS/RDS", metric = "FreeStorageSpace", statistic = "Minimum", below = true
      threshold  = var.event_store_disk_gib * local.gib / 10, periods = 3
      dimensions = { DBInstanceIdentifier = var.event_store_identifier }
      says       = "The event store's disk is nearly full: without it no order is taken."
    }
    event-store-cpu = {
      namespace  = "AWS/RDS", metric = "CPUUtilization", statistic = "Average", below = false
      threshold  = 80, periods = 5
      dimensions = { DBInstanceIdentifier = var.event_store_identifier }
      says       = "The event store is busy: commits will take longer."
    }
    event-store-write-latency = {
      namespace  = "AWS/RDS", metric = "WriteLatency", statistic = "Average", below = false
      threshold  = 0.02, periods = 3
      dimensions = { DBInstanceIdentifier = var.event_store_identifier }
      says       = "A write to the event store's disk takes over 20 ms: so does every order."
    }
    documents-cpu = {
      namespace  = "AWS/DocDB", metric = "CPUUtilization", statistic = "Average", below = false
      threshold  = 85, periods = 5
      dimensions = { DBClusterIdentifier = var.documents_cluster }
      says       = "DocumentDB is busy: read models will lag."
    }
    kafka-disk = {
      namespace  = "AWS/Kafka", metric = "KafkaDataLogsDiskUsed", statistic = "Maximum", below = false
      threshold  = 80, periods = 3
      dimensions = { "Cluster Name" = var.kafka_cluster }
      says       = "A broker's disk is 80 % full although it grows by itself: its most is reached."
    }
    kafka-offline = {
      namespace  = "AWS/Kafka", metric = "OfflinePartitionsCount", statistic = "Maximum", below = false
      threshold  = 0, periods = 1
      dimensions = { "Cluster Name" = var.kafka_cluster }
      says       = "A partition has no leader: what goes there waits."
    }
    cache-memory = {
      namespace  = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", statistic = "Maximum", below = false
      threshold  = 80, periods = 5
      dimensions = { ReplicationGroupId = var.cache_group }
      says       = "Valkey's memory is 80 % full."
    }
    edge-errors = {
      namespace  = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", statistic = "Sum", below = false
      threshold  = 20, periods = 2
      dimensions = { LoadBalancer = var.load_balancer }
      says       = "Services answer with errors."
    }
    edge-refused = {
      namespace  = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", statistic = "Sum", below = false
      threshold  = 20, periods = 2
      dimensions = { LoadBalancer = var.load_balancer }
      says       = "The load balancer finds no healthy service."
    }
  }
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.logs_key_arn
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = each.value.periods
  threshold           = each.value.threshold
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  treat_missing_data  = startswith(each.key, "edge-") ? "notBreaching" : "missing"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
