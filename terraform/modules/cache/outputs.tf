output "address" {
  description = "Host name of the primary; port 6379, TLS."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "replication_group_id" {
  description = "As CloudWatch's metrics name it."
  value       = aws_elasticache_replication_group.this.id
}

output "security_group_id" {
  description = "Of the nodes."
  value       = aws_security_group.this.id
}

output "secret_arn" {
  description = "Secret with `username` and `password`."
  value       = aws_secretsmanager_secret.user.arn
}
