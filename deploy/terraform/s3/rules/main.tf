# What a bucket of archiver must enforce: the same as `archiver bucket plan` wants, rule by rule.
# Values only, no provider: it can be evaluated anywhere, and a test holds both to each other.

variable "bucket" {
  description = "Name of the bucket."
  type        = string
}

variable "tenants" {
  description = "The policy's tenants in this bucket: classes with days (left out: for ever) and lock (none, governance, compliance). `held` while a legal hold of the tenant is in force."
  type = list(object({
    id         = string
    prefix     = optional(string, "")
    grace_days = optional(number, 30)
    sealed     = optional(bool, false)
    held       = optional(bool, false)
    classes = list(object({
      name = string
      days = optional(number)
      lock = optional(string, "none")
    }))
  }))

  validation {
    condition     = alltrue([for t in var.tenants : alltrue([for c in t.classes : contains(["none", "governance", "compliance"], c.lock)])])
    error_message = "lock is none, governance or compliance; rule is for R2."
  }
  validation {
    condition     = alltrue([for t in var.tenants : alltrue([for c in t.classes : c.lock == "none" || c.days != null])])
    error_message = "A lock needs days: without an end nobody could ever undo it."
  }
}

variable "writer_arns" {
  description = "Users and roles that only write."
  type        = list(string)
  default     = []
}

variable "admin_arns" {
  description = "Used where writer_arns is empty: everybody but these only writes."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.writer_arns) + length(var.admin_arns) > 0
    error_message = "Say who writes: without names nobody could administer the bucket any more."
  }
}

variable "partition" {
  description = "aws, aws-cn or aws-us-gov."
  type        = string
  default     = "aws"
}

locals {
  classes = flatten([
    for t in var.tenants : [
      for c in t.classes : {
        id     = "archiver/${t.id}/${c.name}"
        under  = "${t.prefix == "" ? "" : "${t.prefix}/"}tenant=${t.id}/class=${c.name}/"
        grace  = t.grace_days
        held   = t.held
        sealed = t.sealed
        days   = c.days
        lock   = c.lock
      }
    ]
  ])
  ending = [for c in local.classes : c if c.days != null]
  locked = [for c in local.classes : c if c.lock != "none"]

  # Wrapped keys of a tenant that seals must stay erasable, so nothing is locked by default there.
  plain   = length(local.classes) > 0 && length(local.locked) == length(local.classes) && !anytrue([for c in local.classes : c.sealed])
  hard    = alltrue([for c in local.classes : c.lock == "compliance"])
  default = local.plain ? { mode = local.hard ? "COMPLIANCE" : "GOVERNANCE", days = min([for c in local.locked : c.days]...) } : null

  expire  = [for c in local.ending : { id = "${c.id}/expire", enabled = !c.held, prefix = c.under, days = c.days + c.grace, noncurrent = c.grace, markers = false, abort = null }]
  markers = [for c in local.ending : { id = "${c.id}/markers", enabled = true, prefix = c.under, days = null, noncurrent = null, markers = true, abort = null }]
  uploads = [{ id = "archiver/uploads", enabled = true, prefix = "", days = null, noncurrent = null, markers = false, abort = 7 }]

  whole   = "arn:${var.partition}:s3:::${var.bucket}"
  objects = "${local.whole}/*"
  writers = length(var.writer_arns) > 0 ? jsonencode({ AWS = var.writer_arns }) : jsonencode("*")
  others  = length(var.writer_arns) > 0 ? {} : { ArnNotLike = { "aws:PrincipalArn" = var.admin_arns } }
  denied = concat([
    "s3:AbortMultipartUpload",
    "s3:BypassGovernanceRetention",
    "s3:Delete*",
    "s3:Get*",
    "s3:List*",
    "s3:PutBucket*",
    "s3:PutLifecycleConfiguration",
    "s3:PutObjectAcl",
    "s3:PutObjectLegalHold",
    "s3:PutObjectTagging",
    "s3:PutObjectVersion*",
    "s3:PutReplicationConfiguration",
    "s3:RestoreObject",
  ], length(local.locked) > 0 ? [] : ["s3:PutObjectRetention"])

  only_tls = {
    Sid       = "ArchiverOnlyTls"
    Effect    = "Deny"
    Principal = "*"
    Action    = "s3:*"
    Resource  = [local.whole, local.objects]
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
  only_new = {
    Sid       = "ArchiverOnlyNewObjects"
    Effect    = "Deny"
    Principal = "*"
    Action    = "s3:PutObject"
    Resource  = local.objects
    Condition = {
      Null = { "s3:if-none-match" = "true" }
      Bool = { "s3:ObjectCreationOperation" = "true" }
    }
  }
  only_write = merge({
    Sid       = "ArchiverWritersOnlyWrite"
    Effect    = "Deny"
    Principal = jsondecode(local.writers)
    Action    = local.denied
    Resource  = [local.whole, local.objects]
  }, length(local.others) > 0 ? { Condition = local.others } : {})
  lock_no_longer = {
    Sid       = "ArchiverWritersLockNoLonger"
    Effect    = "Deny"
    Principal = jsondecode(local.writers)
    Action    = "s3:PutObjectRetention"
    Resource  = local.objects
    Condition = merge({ NumericGreaterThan = { "s3:object-lock-remaining-retention-days" = tostring(max(0, [for c in local.locked : c.days]...)) } }, local.others)
  }
  statements = concat([jsonencode(local.only_tls), jsonencode(local.only_new), jsonencode(local.only_write)], length(local.locked) > 0 ? [jsonencode(local.lock_no_longer)] : [])
}

output "object_lock" {
  value = length(local.locked) > 0
}

output "default_lock" {
  value = local.default
}

output "lifecycle" {
  value = concat(local.expire, local.markers, local.uploads)
}

output "policy" {
  value = "{\"Version\":\"2012-10-17\",\"Statement\":[${join(",", local.statements)}]}"
}
