variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "hosting" {
  description = "cloudfront: over TLS from a private bucket. website: a plain public S3 website without TLS, for learning only."
  type        = string

  validation {
    condition     = contains(["cloudfront", "website"], var.hosting)
    error_message = "hosting is cloudfront or website."
  }
}

variable "api_address" {
  description = "Host name of the APIs: the dashboard may connect there and nowhere else."
  type        = string
}

variable "price_class" {
  description = "Where CloudFront serves from: PriceClass_100 (North America, Europe), PriceClass_200, PriceClass_All."
  type        = string
  default     = "PriceClass_100"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class is PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}
