#!/usr/bin/env node
// Starts the sources in a checkout and the built code in a package, so that `npx rehearse` is never stale.
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';

const at = (path) => new URL(`../${path}`, import.meta.url);
const inCheckout = existsSync(at('src/cli/main.ts'));
if (process.argv[2] === '--version') {
  console.log(JSON.parse(readFileSync(at('package.json'), 'utf8')).version);
} else if (inCheckout && !process.features.typescript) {
  console.error(
    `rehearse: Node ${process.version} cannot run the sources; use npx rehearse, npm start or npm run rehearse --`,
  );
  process.exitCode = 2;
} else {
  module.enableCompileCache?.();
  // Who reads may have read enough, as head does: what is left has no reader, and that is no error.
  process.stdout.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? 0);
  });
  const { start } = await import(at(inCheckout ? 'src/cli/main.ts' : 'dist/cli/main.js').href);
  process.exitCode = await start(process.argv.slice(2));
}
