#!/usr/bin/env bash
# Puts a VS Code that runs in a browser (code-server, from npm) into the folder it is given, for test/in_vscode.mjs.
# Its own installer fetches programs from elsewhere; here ripgrep is the system's, and what is not needed is left out.
set -euo pipefail
folder=$1
# The last version for Node.js 20, with the VS Code of that time.
version=4.100.3
[ -x "$(command -v rg)" ] || { echo "ripgrep is missing (Debian: apt-get install ripgrep)" >&2; exit 2; }

mkdir -p "$folder"
cd "$folder"
export npm_config_nodedir=${npm_config_nodedir:-/usr}
quiet=(--ignore-scripts --no-audit --no-fund --loglevel=error)
[ -f package.json ] || npm init --yes >/dev/null
npm install "${quiet[@]}" "code-server@$version"
(cd node_modules/argon2 && npx --yes node-pre-gyp install --build-from-source --nodedir="$npm_config_nodedir")
cd node_modules/code-server/lib/vscode
npm install "${quiet[@]}" --omit=dev
(cd extensions && npm install "${quiet[@]}" --omit=dev)
mkdir -p node_modules/@vscode/ripgrep/bin
ln -sf "$(command -v rg)" node_modules/@vscode/ripgrep/bin/rg
for module in @vscode/spdlog native-watchdog @parcel/watcher kerberos; do
    npm rebuild --loglevel=error "$module"
done
