output "repository_urls" {
  description = "By image."
  value       = { for image, repository in aws_ecr_repository.this : image => repository.repository_url }
}

output "arns" {
  description = "Of the repositories, by image."
  value       = { for image, repository in aws_ecr_repository.this : image => repository.arn }
}
