output "address" {
  description = "Host name of the writer; port 27017, TLS."
  value       = aws_docdb_cluster.this.endpoint
}

output "reader_address" {
  description = "Host name of the readers."
  value       = aws_docdb_cluster.this.reader_endpoint
}

output "cluster_identifier" {
  description = "As CloudWatch's metrics name it."
  value       = aws_docdb_cluster.this.cluster_identifier
}

output "security_group_id" {
  description = "Of the instances."
  value       = aws_security_group.this.id
}

output "secret_arn" {
  description = "Secret with `username` and `password`."
  value       = aws_secretsmanager_secret.user.arn
}
