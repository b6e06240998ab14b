#!/usr/bin/env node
import { existsSync } from 'node:fs';

// Compiled code stands in dist/ of the repository; this file is what npm links as `gatehouse`.
const main = new URL('../../../dist/apps/cli/src/main.js', import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  console.error('The command line is not compiled yet: run `npm run build` (npm start and npm test do it too).');
  process.exitCode = 1;
}
