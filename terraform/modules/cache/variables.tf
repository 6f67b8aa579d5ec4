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

variable "password_version" {
  description = "Raise it to make a new password."
  type        = number
  default     = 1
}

variable "node_type" {
  description = "Such as cache.t4g.micro (dev) or cache.r7g.large."
  type        = string

  validation {
    condition     = startswith(var.node_type, "cache.")
    error_message = "node_type is one of ElastiCache's, such as cache.t4g.micro."
  }
}

variable "nodes" {
  description = "One, or one more for each replica; two or more are spread over zones and take over by themselves."
  type        = number

  validation {
    condition     = var.nodes >= 1 && var.nodes <= 6
    error_message = "nodes is between 1 and 6."
  }
}

variable "snapshot_days" {
  description = "Days for which daily snapshots are kept; 0: none. All in it can be lost: replies, rate limits, caches."
  type        = number
}

variable "cache_key_arn" {
  description = "KMS key of the data on disk."
  type        = string
}

variable "secrets_key_arn" {
  description = "KMS key of its secret."
  type        = string
}
