// Plain JavaScript, so that an old Node can say so instead of stumbling over TypeScript.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 15)) {
  console.error(
    `Duepassi needs Node 24.15 or later; this is ${process.version}. \`npm ci\` brings it along on Linux (x64, arm64); elsewhere install it from nodejs.org.`,
  )
  process.exit(1)
}
