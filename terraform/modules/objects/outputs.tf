output "arns" {
  description = "Of the buckets: heads, backups, logs."
  value       = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.arn }
}

output "names" {
  description = "Of the buckets: heads, backups, logs."
  value       = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.id }

  depends_on = [aws_s3_bucket_policy.this] # whoever writes there may do so by then
}
