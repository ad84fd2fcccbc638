# What an R2 bucket of archiver must enforce: the same as `archiver bucket plan` wants.
# Values only, no provider: it can be evaluated anywhere, and a test holds both to each other.

variable "tenants" {
  description = "The policy's tenants in this bucket: classes with days (left out: for ever) and lock (none or rule), and the legal holds in force, each with a subject or for the whole tenant."
  type = list(object({
    id         = string
    prefix     = optional(string, "")
    grace_days = optional(number, 30)
    holds      = optional(list(object({ id = string, subject = optional(string) })), [])
    classes = list(object({
      name = string
      days = optional(number)
      lock = optional(string, "none")
    }))
  }))

  validation {
    condition     = alltrue([for t in var.tenants : alltrue([for c in t.classes : contains(["none", "rule"], c.lock)])])
    error_message = "lock is none or rule; governance and compliance are for S3."
  }
}

locals {
  day = 86400
  tenants = [
    for t in var.tenants : merge(t, { folder = "${t.prefix == "" ? "" : "${t.prefix}/"}tenant=${t.id}/" })
  ]
  classes = flatten([
    for t in local.tenants : [
      for c in t.classes : {
        id    = "archiver/${t.id}/${c.name}"
        under = "${t.folder}class=${c.name}/"
        grace = t.grace_days
        held  = length(t.holds) > 0
        days  = c.days
        lock  = c.lock
      }
    ]
  ])

  expire  = [for c in local.classes : { id = "${c.id}/expire", enabled = !c.held, prefix = c.under, delete_seconds = (c.days + c.grace) * local.day, abort_seconds = null } if c.days != null]
  uploads = [{ id = "archiver/uploads", enabled = true, prefix = "", delete_seconds = null, abort_seconds = 7 * local.day }]

  ages = [for c in local.classes : { id = c.id, prefix = c.under, seconds = c.days * local.day } if c.lock == "rule" && c.days != null]
  everybody = flatten([
    for t in local.tenants : [
      for h in t.holds : { id = "archiver/hold/${t.id}/${h.id}", prefix = "${t.folder}class=", seconds = null } if h.subject == null
    ]
  ])
  persons = flatten([
    for t in local.tenants : [
      for h in t.holds : [
        for c in t.classes : { id = "archiver/hold/${t.id}/${h.id}/${c.name}", prefix = "${t.folder}class=${c.name}/subject=${h.subject}/", seconds = null }
      ] if h.subject != null
    ]
  ])
}

output "lifecycle" {
  value = concat(local.expire, local.uploads)
}

output "locks" {
  value = concat(local.ages, local.everybody, local.persons)

  precondition {
    condition     = length(local.ages) + length(local.everybody) + length(local.persons) <= 1000
    error_message = "R2 keeps 1000 lock rules: hold whole tenants instead of many persons."
  }
}
