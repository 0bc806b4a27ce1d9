# Installs nbexport's newest release, or the one that NBEXPORT_VERSION names, for Windows:
#
#     irm https://github.com/OWNER/nbexport/releases/latest/download/install.ps1 | iex
#
# The programs go to NBEXPORT_INSTALL_DIR, or to cargo's folder of programs.
$ErrorActionPreference = "Stop"

$repository = if ($env:NBEXPORT_REPOSITORY) { $env:NBEXPORT_REPOSITORY } else { "https://github.com/OWNER/nbexport" }
$cargo = if ($env:CARGO_HOME) { $env:CARGO_HOME } else { Join-Path $HOME ".cargo" }
$folder = if ($env:NBEXPORT_INSTALL_DIR) { $env:NBEXPORT_INSTALL_DIR } else { Join-Path $cargo "bin" }
$from = if ($env:NBEXPORT_VERSION) {
    "$repository/releases/download/v$($env:NBEXPORT_VERSION.TrimStart('v'))"
} else {
    "$repository/releases/latest/download"
}
$name = "nbexport-x86_64-pc-windows-msvc"
$work = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
New-Item -ItemType Directory -Path $work | Out-Null
try {
    Write-Output "$from/$name.zip"
    Invoke-WebRequest -UseBasicParsing "$from/$name.zip" -OutFile "$work/$name.zip"
    Invoke-WebRequest -UseBasicParsing "$from/sha256sums.txt" -OutFile "$work/sums"
    $wanted = (Select-String -Path "$work/sums" -Pattern "^([0-9a-f]{64}) [ *]$([regex]::Escape("$name.zip"))$").Matches.Groups[1].Value
    $is = (Get-FileHash "$work/$name.zip" -Algorithm SHA256).Hash.ToLower()
    if (-not $wanted -or $wanted -ne $is) { throw "its checksum is not the release's: nothing was installed" }
    Expand-Archive "$work/$name.zip" -DestinationPath $work
    New-Item -ItemType Directory -Force -Path $folder | Out-Null
    foreach ($program in "nbexport.exe", "cargo-nbexport.exe") {
        Copy-Item "$work/$name/$program" (Join-Path $folder $program) -Force
    }
    & (Join-Path $folder "nbexport.exe") --version
    if (($env:PATH -split ";") -notcontains $folder) { Write-Output "add it to your PATH: $folder" }
} finally {
    Remove-Item -Recurse -Force $work
}
