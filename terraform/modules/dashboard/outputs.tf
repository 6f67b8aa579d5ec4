output "bucket" {
  description = "Where the built files go."
  value       = aws_s3_bucket.this.id
}

output "distribution_id" {
  description = "For invalidations after a release; null with a plain website."
  value       = one(aws_cloudfront_distribution.this[*].id)
}

output "address" {
  description = "Where the dashboard is."
  value       = local.website ? "http://${aws_s3_bucket_website_configuration.this[0].website_endpoint}" : "https://${aws_cloudfront_distribution.this[0].domain_name}"
}
