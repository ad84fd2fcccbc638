# Places the admin's files on Windows; run as SYSTEM by Intune (a Win32 app or a platform script).
# The one parameter is the folder that holds source.toml and policy.signed.
param([string]$From = $PSScriptRoot)

$ErrorActionPreference = 'Stop'
$to = Join-Path $env:ProgramData 'archiver'
$folder = New-Item -ItemType Directory -Path $to -Force
if ($folder.Attributes -band [IO.FileAttributes]::ReparsePoint) { throw "$to leads elsewhere: look who made it" }

# Users read and do not write: SYSTEM and the Administrators have the last word. Any user may have
# made the folder before: an owner could give the rights back, so it gets another one.
$rights = New-Object System.Security.AccessControl.DirectorySecurity
$rights.SetOwner((New-Object System.Security.Principal.SecurityIdentifier('S-1-5-32-544')))
$rights.SetAccessRuleProtection($true, $false)
foreach ($one in @(@('S-1-5-18', 'FullControl'), @('S-1-5-32-544', 'FullControl'), @('S-1-5-32-545', 'ReadAndExecute'))) {
    $who = New-Object System.Security.Principal.SecurityIdentifier($one[0])
    $rule = New-Object System.Security.AccessControl.FileSystemAccessRule($who, $one[1], 'ContainerInherit,ObjectInherit', 'None', 'Allow')
    $rights.AddAccessRule($rule)
}
Set-Acl -Path $to -AclObject $rights

foreach ($name in @('source.toml', 'policy.signed')) {
    # Written beside and renamed: a daemon never reads half of one.
    # And made anew: a file that was there keeps its owner and its rights.
    $new = Join-Path $to "$name.new"
    if (Test-Path -LiteralPath $new) { Remove-Item -LiteralPath $new -Recurse -Force }
    Copy-Item -Path (Join-Path $From $name) -Destination $new -Force
    Move-Item -Path $new -Destination (Join-Path $to $name) -Force
}
