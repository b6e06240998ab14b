import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Folding } from './folds.js';

const FOLDER = path.resolve('test/released-folds/frozen');

/** What was made of the golden records when they were written, as the repository keeps it. */
export interface Frozen {
  readonly version: number;
  readonly steps: readonly (readonly [file: string, state: unknown])[];
}

export function frozen(name: string): Frozen | undefined {
  const file = path.join(FOLDER, `${name}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Frozen) : undefined;
}

/** What is kept is text: a state is JSON. */
export function asKept({ version, steps }: Folding): Frozen {
  return JSON.parse(JSON.stringify({ version, steps: steps() })) as Frozen;
}

/** Adds steps that are new. What is there stays, unless the version was raised: then all is written again. */
export function freeze(folding: Folding): void {
  const [kept, now] = [frozen(folding.name), asKept(folding)];
  const same = kept?.version === now.version ? [...kept.steps] : [];
  const steps = now.steps.map((step) => {
    const at = same.findIndex(([file]) => file === step[0]);
    return at < 0 ? step : (same.splice(at, 1)[0] ?? step);
  });
  mkdirSync(FOLDER, { recursive: true });
  const text = JSON.stringify({ version: now.version, steps }, undefined, 2);
  writeFileSync(path.join(FOLDER, `${folding.name}.json`), `${text}\n`);
}
