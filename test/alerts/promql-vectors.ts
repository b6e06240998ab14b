import { type Labels, labelsKey } from './series.js';

/** What an expression gives at one time. */
export type Vector = readonly { readonly labels: Labels; readonly value: number }[];

/** `sum by (…)` and `count by (…)`. */
export function aggregate(vector: Vector, how: 'sum' | 'count', by: readonly string[]): Vector {
  const labelsOf = (labels: Labels): Labels =>
    Object.fromEntries(by.flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]])));
  const groups = Map.groupBy(vector, ({ labels }) => labelsKey(labelsOf(labels)));
  return [...groups.values()].map((group) => ({
    labels: labelsOf(group[0]?.labels ?? {}),
    value: how === 'count' ? group.length : group.reduce((sum, { value }) => sum + value, 0),
  }));
}

/** Of each value what is as it has to be; it keeps its labels and its name. */
export function compare(vector: Vector, how: 'Eql' | 'Gtr' | 'Lss', limit: number): Vector {
  const holds = { Eql: (it: number) => it === limit, Gtr: (it: number) => it > limit, Lss: (it: number) => it < limit };
  return vector.filter(({ value }) => holds[how](value));
}

/** Each by the one with the same labels; what has none is left out. */
export function divide(vector: Vector, by: Vector): Vector {
  const divisors = new Map(by.map(({ labels, value }) => [labelsKey(nameless(labels)), value]));
  return vector.flatMap(({ labels, value }) => {
    const divisor = divisors.get(labelsKey(nameless(labels)));
    return divisor === undefined ? [] : [{ labels: nameless(labels), value: value / divisor }];
  });
}

export function nameless({ __name__: _, ...labels }: Labels): Labels {
  return labels;
}
