#!/usr/bin/env bash
# Makes the folder that production runs: compiled code, pages, and the packages it needs. The Dockerfile and the tests
# call this; it needs a checkout after `npm ci`.
#   tools/assemble.sh <folder>      the folder must be empty or absent
set -euo pipefail

target=${1:?usage: tools/assemble.sh <folder>}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH="$root/node_modules/.bin:$PATH"

if [ -n "$(ls -A "$target" 2>/dev/null)" ]; then
  echo "$target is not empty: name an empty or new folder." >&2
  exit 1
fi
mkdir -p "$target"
target=$(cd "$target" && pwd)

(cd "$root" && tsc -p tsconfig.build.json --outDir "$target/dist" --declaration false)
chmod +x "$target/dist/cli/main.js"
cp -R "$root/views" "$target/views"

cp "$root/package.json" "$root/package-lock.json" "$root/.npmrc" "$target/"
# Not `npm ci --omit=dev`: oidc-provider is a peer dependency, and one for development as well, so that would leave it
# out. Without the development section it stays, at the version and with the integrity of the lockfile.
cd "$target"
npm pkg delete devDependencies scripts
npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
node -e '
  const read = (folder) => JSON.parse(require("node:fs").readFileSync(`${folder}/package-lock.json`, "utf8")).packages
  const locked = read(process.argv[1])
  const strangers = Object.entries(read(".")).filter(([path, { integrity }]) => path && integrity !== locked[path]?.integrity)
  for (const [path] of strangers) console.error(`${path} is not what the lockfile says.`)
  process.exitCode = strangers.length > 0 ? 1 : 0
' "$root"
rm package-lock.json .npmrc
