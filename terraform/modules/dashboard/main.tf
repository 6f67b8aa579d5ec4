# The dashboard: static files. From CloudFront, which alone may read the bucket; or, for learning, a plain S3 website.

data "aws_caller_identity" "here" {}

locals {
  website = var.hosting == "website"
  bucket  = "${var.name}-dashboard-${data.aws_caller_identity.here.account_id}"
}

resource "aws_s3_bucket" "this" {
  bucket        = local.bucket
  force_destroy = true # built from the sources at any time
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256" # what everyone may download is no secret; CloudFront needs no key
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = !local.website
  restrict_public_buckets = !local.website
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "earlier-releases"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_website_configuration" "this" {
  count = local.website ? 1 : 0

  bucket = aws_s3_bucket.this.id

  index_document {
    suffix = "index.html"
  }

  # Its pages are drawn in the browser: whatever the path, the one file answers.
  error_document {
    key = "index.html"
  }
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = local.website ? "EveryoneReads" : "CloudFrontReads"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.this.arn}/*"]

    principals {
      type        = local.website ? "*" : "Service"
      identifiers = local.website ? ["*"] : ["cloudfront.amazonaws.com"]
    }

    dynamic "condition" {
      for_each = aws_cloudfront_distribution.this

      content {
        test     = "StringEquals"
        variable = "AWS:SourceArn"
        values   = [condition.value.arn]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.this.json

  depends_on = [aws_s3_bucket_public_access_block.this]
}

# --- CloudFront -----------------------------------------------------------------------------------------

resource "aws_cloudfront_origin_access_control" "this" {
  count = local.website ? 0 : 1

  name                              = local.bucket
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_response_headers_policy" "this" {
  count = local.website ? 0 : 1

  name = "${var.name}-dashboard"

  security_headers_config {
    content_security_policy {
      override                = true
      content_security_policy = "default-src 'self'; connect-src 'self' https://${var.api_address} wss://${var.api_address}; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    }

    content_type_options {
      override = true
    }

    frame_options {
      override     = true
      frame_option = "DENY"
    }

    referrer_policy {
      override        = true
      referrer_policy = "no-referrer"
    }

    strict_transport_security {
      override                   = true
      access_control_max_age_sec = 31536000
      include_subdomains         = true
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  count = local.website ? 0 : 1

  enabled             = true
  is_ipv6_enabled     = true
  comment             = "${var.name} dashboard"
  default_root_object = "index.html"
  price_class         = var.price_class
  http_version        = "http2and3"

  origin {
    origin_id                = "files"
    domain_name              = aws_s3_bucket.this.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.this[0].id
  }

  default_cache_behavior {
    target_origin_id           = "files"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = "658327ea-f89d-4fab-a63d-7e88639e58f6" # AWS's "CachingOptimized"
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this[0].id
  }

  # Its pages are drawn in the browser: whatever the path, the one file answers.
  dynamic "custom_error_response" {
    for_each = toset([403, 404])

    content {
      error_code         = custom_error_response.value
      response_code      = 200
      response_page_path = "/index.html"
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = true
  }
}
