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

variable "password_version" {
  description = "Raise it to make a new password."
  type        = number
  default     = 1
}

variable "instance_class" {
  description = "Such as db.t4g.medium (dev) or db.r6g.large."
  type        = string

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "instance_class is one of DocumentDB's, such as db.t4g.medium."
  }
}

variable "instances" {
  description = "One writes; each further one answers queries and takes over."
  type        = number

  validation {
    condition     = var.instances >= 1 && var.instances <= 16
    error_message = "instances is between 1 and 16."
  }
}

variable "backup_days" {
  description = "Days to which the cluster can be set back. All of it can be built anew from the event store as well."
  type        = number

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "backup_days is between 1 and 35."
  }
}

variable "documents_key_arn" {
  description = "KMS key of the data and its backups."
  type        = string
}

variable "secrets_key_arn" {
  description = "KMS key of its secret."
  type        = string
}
