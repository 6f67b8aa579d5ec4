output "arns" {
  description = "Of each key, by what it encrypts: events, kafka, cache, documents, cluster, objects, secrets, images, logs."
  value       = { for purpose, key in aws_kms_key.this : purpose => key.arn }
}
