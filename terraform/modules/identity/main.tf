# One role for each service account that needs AWS, with what it does and no more. Those that need nothing have none:
# the order processor, the APIs and the workers speak to stores alone, with the user that External Secrets brings.

data "aws_partition" "here" {}
data "aws_caller_identity" "here" {}
data "aws_region" "here" {}

locals {
  use_objects_key = {
    Effect   = "Allow"
    Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
    Resource = var.objects_key_arn
  }

  services = {
    # Writes heads, and can neither change nor remove one; the lock stands against everybody else.
    auditor = [
      {
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:GetObject"]
        Resource = "${var.heads_bucket_arn}/*"
      },
      {
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = var.heads_bucket_arn
      },
      local.use_objects_key,
    ]
    # The nightly copy of the event store, beside RDS's own backups.
    backup = [
      {
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:AbortMultipartUpload"]
        Resource = "${var.backups_bucket_arn}/*"
      },
      local.use_objects_key,
    ]
    # Brings the stores' users into the cluster.
    external-secrets = [
      {
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
        Resource = [for secret in values(var.secrets) : secret.secret_arn]
      },
      {
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = distinct([for secret in values(var.secrets) : secret.key_arn])
        Condition = {
          StringEquals = { "kms:ViaService" = "secretsmanager.${data.aws_region.here.region}.amazonaws.com" }
        }
      },
    ]
    # Registers pods with the load balancer's target groups, which are Terraform's: it makes none itself.
    load-balancer-controller = [
      {
        Effect = "Allow"
        Action = [
          "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
          "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
          "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTags",
          "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeListeners",
        ]
        Resource = "*" # descriptions know no narrower resource
      },
      {
        Effect   = "Allow"
        Action   = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
        Resource = "arn:${data.aws_partition.here.partition}:elasticloadbalancing:${data.aws_region.here.region}:${data.aws_caller_identity.here.account_id}:targetgroup/${var.name}-*/*"
      },
    ]
    # Adds and takes away nodes of this cluster's own groups.
    cluster-autoscaler = [
      {
        Effect = "Allow"
        Action = [
          "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
          "autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities",
          "autoscaling:DescribeTags", "ec2:DescribeImages", "ec2:DescribeInstanceTypes",
          "ec2:DescribeLaunchTemplateVersions", "ec2:GetInstanceTypesFromInstanceRequirements",
          "eks:DescribeNodegroup",
        ]
        Resource = "*" # descriptions know no narrower resource
      },
      {
        Effect    = "Allow"
        Action    = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:ResourceTag/eks:cluster-name" = var.cluster_name } }
      },
    ]
    # Reads metrics of the stores for the dashboards.
    cloudwatch-exporter = [
      {
        Effect   = "Allow"
        Action   = ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "tag:GetResources"]
        Resource = "*" # metrics know no narrower resource
      },
    ]
  }
  # Those of the platform live where their charts put them.
  namespaces = {
    external-secrets         = "external-secrets"
    load-balancer-controller = "kube-system"
    cluster-autoscaler       = "kube-system"
    cloudwatch-exporter      = "monitoring"
  }
}

resource "aws_iam_role" "this" {
  for_each = local.services

  name                 = "${var.name}-${each.key}"
  permissions_boundary = var.permissions_boundary_arn

  # Only pods of this cluster, and of it only this service account.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = "pods.eks.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:RequestTag/eks-cluster-name"           = var.cluster_name
          "aws:RequestTag/kubernetes-service-account" = each.key
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.services

  name   = each.key
  role   = aws_iam_role.this[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = local.services

  cluster_name    = var.cluster_name
  namespace       = lookup(local.namespaces, each.key, var.namespace)
  service_account = each.key
  role_arn        = aws_iam_role.this[each.key].arn
}
