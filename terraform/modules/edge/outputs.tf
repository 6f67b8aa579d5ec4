output "target_group_arns" {
  description = "By service (command, query, market): for the chart's TargetGroupBindings."
  value       = { for service, group in aws_lb_target_group.this : service => group.arn }
}

output "ports" {
  description = "On which each service is reached by the load balancer."
  value       = { for service, each in local.services : service => each.port }
}

output "security_group_id" {
  description = "Of the load balancer."
  value       = aws_security_group.this.id
}

output "address" {
  description = "Of the load balancer: where the domain name has to point (CNAME) if no zone was given."
  value       = aws_lb.this.dns_name
}

output "arn_suffix" {
  description = "As CloudWatch's metrics name it."
  value       = aws_lb.this.arn_suffix
}

output "certificate_records" {
  description = "DNS records that prove the domain is yours: to be entered by hand if no zone was given."
  value = [
    for option in aws_acm_certificate.this.domain_validation_options :
    { name = option.resource_record_name, type = option.resource_record_type, value = option.resource_record_value }
  ]
}
