# What GitHub Actions may do with Terraform: look at everything but secrets when somebody proposes a change, and make it
# so once somebody has approved. No long-lived key exists: GitHub's tokens are exchanged for an hour or two of a role.

data "aws_partition" "here" {}
data "aws_caller_identity" "here" {}

locals {
  issuer       = "token.actions.githubusercontent.com"
  account      = data.aws_caller_identity.here.account_id
  partition    = data.aws_partition.here.partition
  provider_arn = "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}"
  ours         = "arn:${local.partition}:iam::${local.account}"

  # Who may take which role: the token's subject says what runs it.
  subjects = {
    plan  = ["repo:${var.repository}:pull_request", "repo:${var.repository}:ref:refs/heads/main"]
    apply = [for environment in var.environments : "repo:${var.repository}:environment:infrastructure-${environment}"]
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.create_oidc_provider ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "this" {
  for_each = local.subjects

  name                 = "${var.name}-terraform-${each.key}"
  max_session_duration = 7200
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.provider_arn }
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = each.value
        }
      }
    }]
  })

  depends_on = [aws_iam_openid_connect_provider.github]
}

# --- Plan: reads how things are set up, and the state ---------------------------------------------------------

resource "aws_iam_role_policy_attachment" "plan" {
  role       = aws_iam_role.this["plan"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role_policy" "plan" {
  name = "plan"
  role = aws_iam_role.this["plan"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = var.state_key_arn
      },
      {
        # ReadOnlyAccess reads every object and every item: the history's heads, backups, logs.
        Effect      = "Deny"
        Action      = "s3:GetObject"
        NotResource = "${var.state_bucket_arn}/*"
      },
      {
        Effect   = "Deny"
        Action   = ["secretsmanager:GetSecretValue", "ssm:GetParameter*", "logs:GetLogEvents", "logs:StartQuery"]
        Resource = "*"
      },
    ]
  })
}

# --- Apply: makes, changes and removes ------------------------------------------------------------------------

resource "aws_iam_role_policy_attachment" "apply" {
  role       = aws_iam_role.this["apply"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/PowerUserAccess" # everything but identities
}

resource "aws_iam_role_policy" "apply" {
  name = "identities"
  role = aws_iam_role.this["apply"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Action = [
          "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
          "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole",
          "iam:ListRolePolicies", "iam:PassRole", "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole",
          "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
        ]
        Resource = "${local.ours}:role/${var.name}-*"
      },
      {
        # It never widens itself, nor the one that plans.
        Effect   = "Deny"
        Action   = ["iam:AttachRolePolicy", "iam:DeleteRole", "iam:DetachRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"]
        Resource = "${local.ours}:role/${var.name}-terraform-*"
      },
      {
        Effect = "Allow"
        Action = [
          "iam:CreateOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider", "iam:GetOpenIDConnectProvider",
          "iam:TagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider", "iam:UpdateOpenIDConnectProviderThumbprint",
        ]
        Resource = "${local.ours}:oidc-provider/*"
      },
      {
        Effect   = "Allow"
        Action   = "iam:CreateServiceLinkedRole"
        Resource = "${local.ours}:role/aws-service-role/*"
      },
      {
        Effect   = "Allow"
        Action   = ["iam:GetPolicy", "iam:GetPolicyVersion"]
        Resource = "arn:${local.partition}:iam::aws:policy/*"
      },
    ]
  })
}
