variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "objects_key_arn" {
  description = "KMS key of what is kept."
  type        = string
}

variable "heads_locked_days" {
  description = "Days for which a signed head of the history can be changed or removed by nobody, the account's owner included."
  type        = number

  validation {
    condition     = var.heads_locked_days >= 1
    error_message = "heads_locked_days is 1 at least: an unlocked head proves nothing against whoever holds the account."
  }
}

variable "lock_mode" {
  description = "COMPLIANCE: nobody at all can shorten the lock. GOVERNANCE: whoever has the special right can, as learners want it."
  type        = string

  validation {
    condition     = contains(["COMPLIANCE", "GOVERNANCE"], var.lock_mode)
    error_message = "lock_mode is COMPLIANCE or GOVERNANCE."
  }
}

variable "backup_days" {
  description = "Days for which backups and exports are kept."
  type        = number
}

variable "log_days" {
  description = "Days for which access logs are kept."
  type        = number
}

variable "destroy_guard" {
  description = "Refuse to destroy buckets that hold anything."
  type        = bool
}
