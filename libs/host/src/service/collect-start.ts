import v8 from 'node:v8';
import vm from 'node:vm';

/**
 * Gives back what the start of a process took and nothing holds any more, which is 20 to 40 MB of each: V8 keeps the room that
 * young objects had while modules were loaded, and collects the rest only when the process has grown as much again. Takes some
 * 200 ms, in which nothing else runs. See docs/adr/0048-memory-at-rest.md.
 */
export function collectStart(): void {
  v8.setFlagsFromString('--expose-gc');
  // Contexts have the function only if they were made since.
  const collect = vm.runInNewContext('gc') as NodeJS.GCFunction;
  v8.setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
