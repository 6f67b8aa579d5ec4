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

variable "destroy_guard" {
  description = "Refuse to be destroyed: off only where the data may be lost, as in a learner's account."
  type        = bool
}

variable "log_days" {
  description = "Days for which its logs are kept."
  type        = number
}

variable "logs_key_arn" {
  description = "KMS key of the logs."
  type        = string
}

variable "instance_class" {
  description = "Such as db.t4g.medium (dev) or db.m7g.xlarge."
  type        = string

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "instance_class is one of RDS's, such as db.m7g.xlarge."
  }
}

variable "engine_version" {
  description = "Major version of PostgreSQL; minor ones come by themselves."
  type        = string

  validation {
    condition     = can(regex("^1[5-9]$", var.engine_version))
    error_message = "engine_version is a major version from 15 on, such as 18."
  }
}

variable "multi_az" {
  description = "Keep a second copy in another zone, written with each commit, which takes over."
  type        = bool
}

variable "disk_gib" {
  description = "Disk at first, in GiB."
  type        = number

  validation {
    condition     = var.disk_gib >= 20
    error_message = "disk_gib is 20 at least."
  }
}

variable "disk_gib_max" {
  description = "How far the disk may grow by itself, in GiB: the history only ever grows."
  type        = number
}

variable "iops" {
  description = "Writes and reads a second the disk is paid for; null: what its size includes."
  type        = number
  default     = null
}

variable "backup_days" {
  description = "Days to any moment of which the store can be set back."
  type        = number

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "backup_days is between 1 and 35: this store is the truth, it is never without backup."
  }
}

variable "events_key_arn" {
  description = "KMS key of the data and its backups."
  type        = string
}

variable "secrets_key_arn" {
  description = "KMS key of its secret."
  type        = string
}
