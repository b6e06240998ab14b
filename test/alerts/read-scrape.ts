import { type Labels, numberIn } from './series.js';

/** A sample as `/metrics` tells it, its name as `__name__`. */
export interface ToldSample {
  readonly labels: Labels;
  readonly value: number;
}

/** Reads Prometheus' text format (version 0.0.4). @throws Error where a line is none of it */
export function readScrape(text: string): readonly ToldSample[] {
  return text.split('\n').flatMap((line): readonly ToldSample[] => {
    if (line === '' || line.startsWith('#')) return [];
    const [, name = '', inner = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (value === undefined) throw new Error(`no sample: ${line}`);
    const pairs = [...inner.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?/g)];
    if (pairs.reduce((length, [pair]) => length + pair.length, 0) !== inner.length)
      throw new Error(`no labels: ${line}`);
    const labels = pairs.map(([, label = '', quoted = '']) => [label, unescaped(quoted)] as const);
    return [{ labels: { __name__: name, ...Object.fromEntries(labels) }, value: numberIn(value) }];
  });
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_whole, sign: string) => (sign === 'n' ? '\n' : sign));
}
