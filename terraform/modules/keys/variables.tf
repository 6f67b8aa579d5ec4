variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "deletion_days" {
  description = "Days in which the deletion of a key can be taken back; what it encrypted is lost after them."
  type        = number

  validation {
    condition     = var.deletion_days >= 7 && var.deletion_days <= 30
    error_message = "deletion_days is between 7 and 30."
  }
}
