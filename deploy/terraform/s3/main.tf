# A bucket on Amazon S3 as `archiver bucket plan` wants it. Terraform 1.9 or OpenTofu 1.9 and later.
# Let one of the two set it up: this module, or `archiver bucket apply`; either finds nothing to do
# after the other. `archiver bucket check` tells whether it is in force.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.90"
    }
  }
}

module "rules" {
  source      = "./rules"
  bucket      = var.bucket
  tenants     = var.tenants
  writer_arns = var.writer_arns
  admin_arns  = var.admin_arns
  partition   = var.partition
}

resource "aws_s3_bucket" "archive" {
  bucket              = var.bucket
  object_lock_enabled = module.rules.object_lock
  force_destroy       = false

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "archive" {
  bucket                  = aws_s3_bucket.archive.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "archive" {
  bucket = aws_s3_bucket.archive.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_versioning" "archive" {
  bucket = aws_s3_bucket.archive.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_object_lock_configuration" "archive" {
  count      = module.rules.object_lock ? 1 : 0
  bucket     = aws_s3_bucket.archive.id
  depends_on = [aws_s3_bucket_versioning.archive]

  dynamic "rule" {
    for_each = module.rules.default_lock == null ? [] : [module.rules.default_lock]
    content {
      default_retention {
        mode = rule.value.mode
        days = rule.value.days
      }
    }
  }
}

resource "aws_s3_bucket_policy" "archive" {
  bucket     = aws_s3_bucket.archive.id
  policy     = module.rules.policy
  depends_on = [aws_s3_bucket_public_access_block.archive, aws_s3_bucket_object_lock_configuration.archive]
}

# Last: nothing is removed before everything that protects is in force.
resource "aws_s3_bucket_lifecycle_configuration" "archive" {
  bucket     = aws_s3_bucket.archive.id
  depends_on = [aws_s3_bucket_versioning.archive, aws_s3_bucket_object_lock_configuration.archive, aws_s3_bucket_policy.archive]

  dynamic "rule" {
    for_each = module.rules.lifecycle
    content {
      id     = rule.value.id
      status = rule.value.enabled ? "Enabled" : "Disabled"

      filter {
        prefix = rule.value.prefix
      }

      dynamic "expiration" {
        for_each = rule.value.days != null || rule.value.markers ? [rule.value] : []
        content {
          days                         = expiration.value.days
          expired_object_delete_marker = expiration.value.markers ? true : null
        }
      }

      dynamic "noncurrent_version_expiration" {
        for_each = rule.value.noncurrent == null ? [] : [rule.value.noncurrent]
        content {
          noncurrent_days = noncurrent_version_expiration.value
        }
      }

      dynamic "abort_incomplete_multipart_upload" {
        for_each = rule.value.abort == null ? [] : [rule.value.abort]
        content {
          days_after_initiation = abort_incomplete_multipart_upload.value
        }
      }
    }
  }
}
