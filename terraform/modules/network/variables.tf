variable "name" {
  description = "Prefix of every name, such as `oms-dev`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "name is lower-case letters, digits and hyphens, 2 to 21 of them, a letter first: many AWS names are built from it."
  }
}

variable "cidr" {
  description = "Address range of the VPC; each zone gets a sixteenth of it for its private and one for its public subnet."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.cidr)[1]), 32) <= 20
    error_message = "cidr is an IPv4 range between /16 and /20, such as 10.40.0.0/16."
  }
}

variable "zones" {
  description = "Availability zones, such as [\"eu-central-1a\", \"eu-central-1b\", \"eu-central-1c\"]."
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 3 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones are two or three different ones: EKS, MSK and DocumentDB want at least two."
  }
}

variable "nat_per_zone" {
  description = "One NAT gateway per zone (the loss of a zone costs no other its way out) or one for all (cheaper)."
  type        = bool
}

variable "private_endpoints" {
  description = "Reach AWS's APIs inside the VPC; without, through NAT: each endpoint costs about 7 dollars a month and zone."
  type        = bool
}

variable "flow_log_days" {
  description = "Days for which the record of all connections is kept."
  type        = number

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 400, 545, 731], var.flow_log_days)
    error_message = "flow_log_days is one that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 400, 545 or 731."
  }
}

variable "logs_key_arn" {
  description = "KMS key that encrypts the flow log."
  type        = string
}
