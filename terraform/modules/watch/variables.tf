variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "emails" {
  description = "Who is told of alarms."
  type        = list(string)
}

variable "logs_key_arn" {
  description = "KMS key of messages on their way; CloudWatch may use it."
  type        = string
}

variable "event_store_identifier" {
  description = "RDS instance."
  type        = string
}

variable "event_store_disk_gib" {
  description = "Its disk at first, in GiB: the alarm is at a tenth of it."
  type        = number
}

variable "documents_cluster" {
  description = "DocumentDB cluster."
  type        = string
}

variable "kafka_cluster" {
  description = "MSK cluster."
  type        = string
}

variable "cache_group" {
  description = "ElastiCache replication group."
  type        = string
}

variable "load_balancer" {
  description = "ARN suffix of the load balancer."
  type        = string
}
