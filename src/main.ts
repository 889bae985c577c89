import { runCli } from './cli/cli.ts'

// The process of the provider: `node dist/main.js`, or `node src/main.ts` in a checkout.
process.exitCode = await runCli(['serve', ...process.argv.slice(2)], process)
