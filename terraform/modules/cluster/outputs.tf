output "name" {
  description = "Of the cluster: `aws eks update-kubeconfig --name <it>`."
  value       = aws_eks_cluster.this.name
}

output "security_group_id" {
  description = "The cluster's own security group, which nodes and pods have."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}
