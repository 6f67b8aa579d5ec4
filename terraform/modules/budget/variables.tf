variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "monthly_usd" {
  description = "What a month may cost, in US dollars."
  type        = number

  validation {
    condition     = var.monthly_usd > 0
    error_message = "monthly_usd is more than 0."
  }
}

variable "emails" {
  description = "Who is told."
  type        = list(string)

  validation {
    condition     = length(var.emails) > 0 && alltrue([for email in var.emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", email))])
    error_message = "emails are one or more addresses: a budget that tells nobody is none."
  }
}

variable "anomaly_usd" {
  description = "Unusual cost of a day, in US dollars, from which on somebody is told."
  type        = number
}

variable "tag" {
  description = "Tag that all of this environment's resources carry: its value is the environment's name."
  type        = string
  default     = "Environment"
}

variable "environment" {
  description = "The tag's value."
  type        = string
}
