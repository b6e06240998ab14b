/**
 * `npm test`: every test but the long fault tests, and last a line of its own, `N passed, N failed`. Names of projects
 * (jest.config.js) run only those: `npm test -- spec int`; what follows `--` goes to Jest: `npm test -- int -- libs/event-log`.
 */
import { mkdtempSync, readFileSync, rmSync, watch } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProgram } from './infrastructure/processes.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const JEST = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');

/**
 * What runs after one another, and in each what runs at the same time. A fault test starts a cluster of its own: beside
 * another one both would spend their time waiting for elections. Most of its own time it waits too, for leases and sessions
 * to end, and leaves the processor to tests that have another broker or none.
 */
const cores = os.availableParallelism();
const PHASES = [
  [{ projects: ['int'], workers: Math.min(4, cores + 1) }],
  [
    { projects: ['fault'], workers: 1 },
    { projects: ['spec', 'e2e'], workers: Math.min(4, Math.max(2, cores - 1)) },
  ],
];
const LONG_PHASE = [{ projects: ['long-fault'], workers: 1 }];

/** After its results Jest has this long to end; if it does not, a test has left something open. */
const EXIT_GRACE_MS = 20_000;

/** @type {Set<ReturnType<typeof startProgram>>} */
const running = new Set();
const signals = new Set();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    signals.add(signal);
    for (const jest of running) jest.signal('SIGINT');
  });
}

const [projects, passedOn] = readArguments();
const total = { passed: 0, failed: 0 };
for (const phase of phasesOf(projects)) {
  for (const { passed, failed } of await Promise.all(phase.map((run) => runJest(run, phase.length > 1)))) {
    total.passed += passed;
    total.failed += failed;
  }
  if (signals.size > 0) break;
}
if (total.passed + total.failed === 0) {
  console.log('No test was run: a run that checks nothing has failed.');
  total.failed = 1;
}
console.log(`${String(total.passed)} passed, ${String(total.failed)} failed`);
process.exit(total.failed === 0 ? 0 : 1);

/** @returns {[string[], string[]]} the projects named, and what Jest gets */
function readArguments() {
  const given = process.argv.slice(2);
  const known = [...PHASES, LONG_PHASE].flat().flatMap((run) => run.projects);
  const rest = given.findIndex((argument) => !known.includes(argument));
  if (rest < 0) return [given, []];
  return [given.slice(0, rest), given.slice(rest).filter((argument) => argument !== '--')];
}

/** @param {string[]} names */
function phasesOf(names) {
  if (names.length === 0) return PHASES;
  return [...PHASES, LONG_PHASE].map((phase) =>
    phase
      .map((run) => ({ ...run, projects: run.projects.filter((project) => names.includes(project)) }))
      .filter((run) => run.projects.length > 0),
  );
}

/**
 * @param {{ projects: string[], workers: number }} run
 * @param {boolean} besideAnother it shares the terminal, and draws no status line that the other would not know of
 * @returns {Promise<{ passed: number, failed: number }>} a file that could not be run counts as one failed test
 */
async function runJest({ projects: selected, workers }, besideAnother) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-test-'));
  const results = path.join(folder, 'results.json');
  const options = ['--passWithNoTests', `--maxWorkers=${String(workers)}`, '--json', `--outputFile=${results}`];
  const jest = startProgram(process.execPath, [JEST, ...options, ...passedOn, '--selectProjects', ...selected], {
    cwd: ROOT,
    // Nest is published as ES modules only, which Jest runs by this flag alone.
    env: {
      ...process.env,
      NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
      ...(besideAnother ? { TERM: 'dumb' } : {}),
    },
  });
  running.add(jest);
  const stuck = killOnceDone(jest, folder);
  const code = await jest.ended;
  running.delete(jest);
  const open = stuck();
  try {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(results, 'utf8'));
    const failed = numFailedTests + numRuntimeErrorTestSuites + (open ? 1 : 0);
    // Jest fails for more than tests, as when the tear-down throws.
    return { passed: numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed };
  } catch {
    return { passed: 0, failed: 1 }; // it did not come as far as results
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Ends a Jest that has written its results and does not end.
 *
 * @param {ReturnType<typeof startProgram>} jest
 * @param {string} folder
 * @returns {() => boolean} call it when it has ended; whether it had to be killed
 */
function killOnceDone(jest, folder) {
  let killed = false;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const watcher = watch(folder, () => {
    timer ??= setTimeout(() => {
      console.error('Jest does not end: a test has left something open. Find it with --detectOpenHandles.');
      killed = true;
      jest.signal('SIGKILL');
    }, EXIT_GRACE_MS);
  });
  return () => {
    watcher.close();
    clearTimeout(timer);
    return killed;
  };
}
