variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, one per zone."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids are of two zones at least."
  }
}

variable "log_days" {
  description = "Days for which its logs are kept."
  type        = number
}

variable "logs_key_arn" {
  description = "KMS key of the logs."
  type        = string
}

variable "destroy_guard" {
  description = "Refuse to be destroyed: off only where the data may be lost, as in a learner's account."
  type        = bool
}

variable "kafka_version" {
  description = "Kafka version, in KRaft mode."
  type        = string

  validation {
    condition     = can(regex("^[34]\\.[0-9]+\\.x\\.kraft$", var.kafka_version))
    error_message = "kafka_version is one of MSK's KRaft versions, such as 3.9.x.kraft or 4.0.x.kraft."
  }
}

variable "instance_type" {
  description = "Of each broker, such as kafka.t3.small (dev) or kafka.m7g.large."
  type        = string

  validation {
    condition     = startswith(var.instance_type, "kafka.")
    error_message = "instance_type is one of MSK's, such as kafka.m7g.large."
  }
}

variable "brokers" {
  description = "How many brokers; a multiple of the number of subnets."
  type        = number
}

variable "disk_gib" {
  description = "Disk of each broker at first, in GiB."
  type        = number
}

variable "disk_gib_max" {
  description = "How far the disks may grow by themselves, in GiB."
  type        = number
}

variable "kafka_key_arn" {
  description = "KMS key of the topics on disk and of the client's credentials: MSK takes only secrets under a key of one's own."
  type        = string
}

variable "password_version" {
  description = "Raise it to make a new password."
  type        = number
  default     = 1
}
