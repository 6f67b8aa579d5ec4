output "address" {
  description = "Host name; port 5432, TLS 1.3, database oms."
  value       = aws_db_instance.this.address
}

output "identifier" {
  description = "As CloudWatch's metrics name it."
  value       = aws_db_instance.this.identifier
}

output "security_group_id" {
  description = "Of the instance."
  value       = aws_security_group.this.id
}

output "secret_arn" {
  description = "Secret with `username` and `password`, which RDS changes by itself."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}
