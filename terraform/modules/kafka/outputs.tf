output "bootstrap_brokers" {
  description = "Addresses for SASL_SSL clients."
  value       = aws_msk_cluster.this.bootstrap_brokers_sasl_scram
}

output "cluster_arn" {
  description = "Of the cluster."
  value       = aws_msk_cluster.this.arn
}

output "cluster_name" {
  description = "As CloudWatch's metrics name it."
  value       = aws_msk_cluster.this.cluster_name
}

output "security_group_id" {
  description = "Of the brokers."
  value       = aws_security_group.this.id
}

output "secret_arn" {
  description = "Secret with `username` and `password`."
  value       = aws_secretsmanager_secret.user.arn
}
