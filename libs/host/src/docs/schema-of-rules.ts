import type { ApiPropertyOptions } from '@nestjs/swagger';

/** One class-validator rule of a property. */
export interface Rule {
  readonly name: string;
  readonly constraints: readonly unknown[];
  /** Whether it is said of each item of an array. */
  readonly each: boolean;
}

type Keywords = Record<string, unknown>;

/** The JSON Schema keywords that a rule means; an unknown rule adds none, which documents less than is enforced. */
const keywordsOf: Readonly<Record<string, (constraints: readonly unknown[]) => Keywords>> = {
  isString: () => ({ type: 'string' }),
  isNotEmpty: () => ({ minLength: 1 }),
  isUuid: () => ({ type: 'string', format: 'uuid' }),
  isUrl: () => ({ type: 'string', format: 'uri' }),
  isEmail: () => ({ type: 'string', format: 'email' }),
  isRfc3339: () => ({ type: 'string', format: 'date-time' }),
  isIso8601: () => ({ type: 'string', format: 'date-time' }),
  isDateString: () => ({ type: 'string', format: 'date-time' }),
  isInt: () => ({ type: 'integer' }),
  isNumber: () => ({ type: 'number' }),
  isBoolean: () => ({ type: 'boolean' }),
  isObject: () => ({ type: 'object', additionalProperties: true }),
  isIn: ([values]) => ({ enum: Array.isArray(values) ? values : [] }),
  isEnum: ([, values]) => ({ enum: Array.isArray(values) ? values : [] }),
  equals: ([value]) => ({ enum: [value] }),
  min: ([least]) => ({ minimum: least }),
  max: ([most]) => ({ maximum: most }),
  minLength: ([least]) => ({ minLength: least }),
  maxLength: ([most]) => ({ maxLength: most }),
  isLength: ([least, most]) => ({ minLength: least, ...(most === undefined ? {} : { maxLength: most }) }),
  matches: ([pattern]) => (pattern instanceof RegExp && pattern.flags === '' ? { pattern: pattern.source } : {}),
};

const arrayKeywordsOf: Readonly<Record<string, (constraints: readonly unknown[]) => Keywords>> = {
  arrayNotEmpty: () => ({ minItems: 1 }),
  arrayMinSize: ([least]) => ({ minItems: least }),
  arrayMaxSize: ([most]) => ({ maxItems: most }),
  arrayUnique: () => ({ uniqueItems: true }),
};

/** The schema of a property from its rules, the type that the compiler left, and the class nested in it. */
export function schemaOfRules(
  rules: readonly Rule[],
  declared: unknown,
  nested: (new (...args: never[]) => object) | undefined,
): ApiPropertyOptions {
  const isArray =
    declared === Array || rules.some((rule) => rule.each || rule.name === 'isArray' || rule.name in arrayKeywordsOf);
  const item = merged(
    rules.filter((rule) => !isArray || rule.each),
    keywordsOf,
  );
  if (nested !== undefined) return { type: () => nested, isArray, ...(isArray ? merged(rules, arrayKeywordsOf) : {}) };
  if (isArray)
    return {
      type: 'array',
      items: 'type' in item || 'enum' in item ? withType(item) : { ...item, type: 'string' },
      ...merged(rules, arrayKeywordsOf),
    };
  // What the compiler leaves of `(typeof list)[number]` is Object; the values say more.
  return withType('enum' in item ? item : { ...typeOfDeclared(declared), ...item });
}

function merged(rules: readonly Rule[], table: typeof keywordsOf): Keywords {
  return Object.fromEntries(rules.flatMap((rule) => Object.entries(table[rule.name]?.(rule.constraints) ?? {})));
}

/** An enumeration has the type of its values. */
function withType(keywords: Keywords): Keywords {
  const values = keywords['enum'];
  if (keywords['type'] !== undefined || !Array.isArray(values)) return keywords;
  const first: unknown = values[0];
  return {
    ...keywords,
    type: typeof first === 'number' ? 'number' : typeof first === 'boolean' ? 'boolean' : 'string',
  };
}

function typeOfDeclared(declared: unknown): Keywords {
  if (declared === String) return { type: 'string' };
  if (declared === Number) return { type: 'number' };
  if (declared === Boolean) return { type: 'boolean' };
  return declared === Object ? { type: 'object', additionalProperties: true } : {};
}
