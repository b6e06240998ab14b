/**
 * Cleans up for its parent, should the parent die without doing so itself (`kill -9`, a crash). The parent holds the
 * other end of standard input and writes `watch PID`, `forget PID`, `remove FOLDER` and `keep FOLDER`; the end of input
 * means that it is gone.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const GRACE_MS = 5000;

/** @type {Set<number>} */
const processes = new Set();
/** @type {Set<string>} */
const folders = new Set();

// Ctrl-C reaches every process of the terminal; this one has to outlive its parent.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => undefined);

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [verb] = line.split(' ', 1);
    const what = line.slice(line.indexOf(' ') + 1);
    if (verb === 'watch') processes.add(Number(what));
    if (verb === 'forget') processes.delete(Number(what));
    if (verb === 'remove') folders.add(what);
    if (verb === 'keep') folders.delete(what);
  })
  .on('close', cleanUp);

function cleanUp() {
  const left = () => [...processes].filter((pid) => signal(pid, 0));
  for (const pid of processes) {
    signal(pid, 'SIGCONT');
    signal(pid, 'SIGINT'); // Postgres would wait for its clients after SIGTERM; the others make no difference
  }
  const deadline = Date.now() + GRACE_MS;
  const look = () => {
    if (left().length > 0 && Date.now() < deadline) return void setTimeout(look, 100);
    for (const pid of left()) signal(pid, 'SIGKILL');
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  look();
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals | 0} name
 */
function signal(pid, name) {
  try {
    return process.kill(pid, name);
  } catch {
    return false; // already gone
  }
}
