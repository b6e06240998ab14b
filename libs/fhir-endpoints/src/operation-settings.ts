import { type AllowedOperation, isResourceType, neverAllowed, type ResourceType } from '#smart';
import { Type, type Static } from 'typebox';

const answers = [
  'searchset',
  'resource',
  'bundle',
  'parameters',
  'outcome',
] as const satisfies readonly AllowedOperation['answer'][];

/** An operation that is let through, as its operator describes it (docs/endpoints.md). */
export const Operation = Type.Object(
  {
    name: Type.String({ pattern: '^\\$?[A-Za-z][A-Za-z0-9-]{0,63}$' }),
    level: Type.Union([Type.Literal('system'), Type.Literal('type'), Type.Literal('instance')]),
    type: Type.Optional(Type.String()),
    /** `Observation.rs`: what scopes must reach. */
    needs: Type.Array(Type.String({ pattern: '^[A-Z][A-Za-z]{1,63}\\.(r|s|rs)$' }), { minItems: 1, maxItems: 50 }),
    partly: Type.Optional(Type.Boolean()),
    parameters: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$' }), { maxItems: 50 }),
    ),
    answer: Type.Union(answers.map((answer) => Type.Literal(answer))),
    definition: Type.Optional(Type.String({ pattern: '^https?://[^\\s"<>]{1,500}$' })),
  },
  { additionalProperties: false },
);

export type OperationSettings = Static<typeof Operation>;

/** What no schema says of the operations of an endpoint; undefined when nothing is wrong. */
export function faultOfOperations(operations: readonly OperationSettings[]): string | undefined {
  const keys = operations.map(({ name, level, type = '' }) => `${nameIn(name)} ${level} ${type}`);
  const twice = operations.find((_each, at) => keys.indexOf(keys[at] ?? '') !== at);
  if (twice) return `operations that stand once: ${twice.name}`;
  for (const each of operations) {
    const fault = faultOf(each);
    if (fault !== undefined) return `${fault}: ${each.name}`;
  }
  return undefined;
}

function faultOf({ name, level, type, needs, partly, answer }: OperationSettings): string | undefined {
  const never = neverAllowed(nameIn(name));
  if (never !== undefined) return `operations that may be let through (${never})`;
  if ((level === 'system') !== (type === undefined)) return 'operations with a type, unless they are of the system';
  const types = [...(type === undefined ? [] : [type]), ...needs.map(typeIn)];
  if (!types.every(isResourceType)) return 'operations about types of FHIR R4';
  // What makes sense as a whole cannot be looked through for a part.
  if (partly === true && answer !== 'searchset' && answer !== 'resource')
    return 'operations that need all of what they look at where they answer no searchset or resource';
  return undefined;
}

/** The operations as they are enforced; {@link faultOfOperations} found nothing. */
export function operationsOf(operations: readonly OperationSettings[]): readonly AllowedOperation[] {
  return operations.map(({ name, level, type, needs, partly = false, parameters = [], answer, definition }) => {
    const own = type !== undefined && isResourceType(type) ? type : undefined;
    return {
      name: nameIn(name),
      level,
      ...(own === undefined ? {} : { type: own }),
      needs: needs.flatMap(needsIn),
      partly,
      parameters: new Set(parameters),
      answer,
      definition: definition ?? `http://hl7.org/fhir/OperationDefinition/${own ?? 'Resource'}-${nameIn(name)}`,
    };
  });
}

function nameIn(name: string): string {
  return name.replace(/^\$/, '');
}

function typeIn(need: string): string {
  return need.slice(0, need.indexOf('.'));
}

function needsIn(need: string): AllowedOperation['needs'] {
  const type = typeIn(need);
  if (!isResourceType(type)) return [];
  const known: ResourceType = type;
  return (['r', 's'] as const)
    .filter((letter) => need.slice(type.length + 1).includes(letter))
    .map((interaction) => ({ type: known, interaction }));
}
