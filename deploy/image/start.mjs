/**
 * What the image runs: `registration`, `approval`, `token`, `gateway`, `review`, `audit`, or `gatehouse` for all of them in
 * one process; `cli …` is `npx gatehouse …`. There is no sandbox in the image: it is for development alone.
 */
import { setSourceMapsSupport } from 'node:module';

const apps = ['registration', 'approval', 'token', 'gateway', 'review', 'audit', 'gatehouse', 'cli'];

const [, , app = ''] = process.argv;
if (apps.includes(app)) {
  // Stacks name our TypeScript; the maps of packages are not read, nor kept.
  setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });
  // The app sees the arguments that are its own.
  process.argv.splice(2, 1);
  await import(`../../dist/apps/${app}/src/main.js`);
} else {
  process.stderr.write(`The first argument must be one of ${apps.join(', ')}; given: ${app || 'nothing'}\n`);
  process.exitCode = 2;
}
