/** The same fields, where those that may be undefined are absent instead. */
export type PresentFields<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** A body without the fields that the caller left out: the log tells "absent" and nothing else. */
export function presentFields<T extends object>(fields: T): PresentFields<T> {
  // Sound: what is left out is exactly what is undefined.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as PresentFields<T>;
}

/** A flag as the log has it: there, or absent. */
export function onlyTrue(flag: boolean | null | undefined): true | undefined {
  return flag === true ? true : undefined;
}
