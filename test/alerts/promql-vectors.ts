import { type Labels, labelsKey } from './series.js';

/** What an expression gives at one time. */
export type Vector = readonly { readonly labels: Labels; readonly value: number }[];

const aggregations = {
  Sum: (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0),
  Count: (values: readonly number[]) => values.length,
  Min: (values: readonly number[]) => Math.min(...values),
  Max: (values: readonly number[]) => Math.max(...values),
} as const;

/** How values of several series become one, as the grammar names it. */
export type Aggregation = keyof typeof aggregations;

export function isAggregation(name: string): name is Aggregation {
  return Object.hasOwn(aggregations, name);
}

/** `sum by (…)` and its like. */
export function aggregate(vector: Vector, how: Aggregation, by: readonly string[]): Vector {
  const labelsOf = (labels: Labels): Labels =>
    Object.fromEntries(by.flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]])));
  const groups = Map.groupBy(vector, ({ labels }) => labelsKey(labelsOf(labels)));
  return [...groups.values()].map((group) => ({
    labels: labelsOf(group[0]?.labels ?? {}),
    value: aggregations[how](group.map(({ value }) => value)),
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

/** All of the first, and of the second what has other labels. */
export function either(vector: Vector, other: Vector): Vector {
  const there = new Set(vector.map(({ labels }) => labelsKey(nameless(labels))));
  return [...vector, ...other.filter(({ labels }) => !there.has(labelsKey(nameless(labels))))];
}

export function nameless({ __name__: _, ...labels }: Labels): Labels {
  return labels;
}
