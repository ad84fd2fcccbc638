# A bucket on Cloudflare R2 as `archiver bucket plan` wants it. Terraform 1.9 or OpenTofu 1.9 and
# later. R2 lock rules can be removed by whoever may edit the bucket: tamper-evident, not WORM.
#
# These resources own all rules of the bucket: a hold that is not given in `tenants` loses its rule
# at the next apply. Where `archiver hold` is used, let `archiver bucket apply` set the rules.

terraform {
  required_version = ">= 1.9"
  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = ">= 5.8"
    }
  }
}

module "rules" {
  source  = "./rules"
  tenants = var.tenants
}

resource "cloudflare_r2_bucket" "archive" {
  account_id   = var.account_id
  name         = var.bucket
  jurisdiction = var.jurisdiction

  lifecycle {
    prevent_destroy = true
  }
}

resource "cloudflare_r2_bucket_lock" "archive" {
  account_id   = var.account_id
  bucket_name  = cloudflare_r2_bucket.archive.name
  jurisdiction = var.jurisdiction

  rules = [
    for one in module.rules.locks : {
      id        = one.id
      enabled   = true
      prefix    = one.prefix
      condition = one.seconds == null ? { type = "Indefinite" } : { type = "Age", max_age_seconds = one.seconds }
    }
  ]
}

# Last: nothing is removed before everything that protects is in force.
resource "cloudflare_r2_bucket_lifecycle" "archive" {
  account_id   = var.account_id
  bucket_name  = cloudflare_r2_bucket.archive.name
  jurisdiction = var.jurisdiction
  depends_on   = [cloudflare_r2_bucket_lock.archive]

  rules = [
    for one in module.rules.lifecycle : {
      id                                 = one.id
      enabled                            = one.enabled
      conditions                         = { prefix = one.prefix }
      delete_objects_transition          = one.delete_seconds == null ? null : { condition = { type = "Age", max_age = one.delete_seconds } }
      abort_multipart_uploads_transition = one.abort_seconds == null ? null : { condition = { type = "Age", max_age = one.abort_seconds } }
    }
  ]
}
