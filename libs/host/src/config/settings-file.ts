import { readFileSync } from 'node:fs';
import { types } from 'node:util';

/** What a file of settings must hold, as a compiled schema says it. */
export interface SettingsSchema<T> {
  Check(value: unknown): value is T;
  Errors(
    value: unknown,
  ): readonly [result: boolean, errors: readonly { readonly instancePath?: string; readonly message?: string }[]];
}

/** What a file of settings says; or, to complete the sentence "it must be …", what is wrong with it. */
export type SettingsFile<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: string };

/**
 * Reads a JSON file that a setting names.
 *
 * @param what what it must hold, for the fault: "a list of endpoints"
 */
export function readSettingsFile<T>(path: string, schema: SettingsSchema<T>, what: string): SettingsFile<T> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = types.isNativeError(error) && 'code' in error ? String(error.code) : 'it is not JSON';
    return { ok: false, fault: `a readable JSON file (${why})` };
  }
  if (schema.Check(value)) return { ok: true, value };
  const [, [first]] = schema.Errors(value);
  return { ok: false, fault: `${what}: ${first?.instancePath ?? ''} ${first?.message ?? ''}`.trimEnd() };
}
