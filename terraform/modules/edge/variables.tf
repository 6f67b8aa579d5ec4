variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets, one per zone."
  type        = list(string)
}

variable "domain_name" {
  description = "Name under which the APIs are reached, such as oms.example.com; the certificate is for it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.domain_name))
    error_message = "domain_name is a full host name in lower case, such as oms.example.com."
  }
}

variable "zone_id" {
  description = "Route 53 zone of the domain: then certificate and name are set up by themselves. null: by hand, as the outputs say."
  type        = string
  default     = null
}

variable "requests_per_5_minutes" {
  description = "Requests of one address in five minutes beyond which WAF refuses it; the APIs' own limits go by account."
  type        = number

  validation {
    condition     = var.requests_per_5_minutes >= 10 && var.requests_per_5_minutes <= 2000000000
    error_message = "requests_per_5_minutes is 10 at least: WAF knows no smaller bound."
  }
}

variable "allowed_cidrs" {
  description = "Addresses that may come in; everyone's by default."
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "log_bucket" {
  description = "Bucket of the access log; it lets the load balancer write."
  type        = string
}

variable "log_days" {
  description = "Days for which what WAF decided is kept."
  type        = number
}

variable "logs_key_arn" {
  description = "KMS key of WAF's log."
  type        = string
}

variable "destroy_guard" {
  description = "Refuse the deletion of the load balancer."
  type        = bool
}
