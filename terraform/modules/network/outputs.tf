output "cidr" {
  description = "Addresses of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "One per zone: nodes, pods and all stores."
  value       = [for zone in var.zones : aws_subnet.private[zone].id]
}

output "public_subnet_ids" {
  description = "One per zone: the load balancer."
  value       = [for zone in var.zones : aws_subnet.public[zone].id]
}

output "endpoints_security_group_id" {
  description = "Of the interface endpoints."
  value       = aws_security_group.endpoints.id
}

output "s3_prefix_list_id" {
  description = "Addresses of S3, for egress rules: reached by the gateway endpoint."
  value       = aws_vpc_endpoint.s3.prefix_list_id
}
