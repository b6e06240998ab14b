import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Document, DocumentedAnswer, Route } from './document.js';
import type { Answered, FuzzedRequest } from './request.js';

/** What is ours among the headers of an answer: each must be listed where it is sent. */
const OWN_HEADERS = [
  'location',
  'etag',
  'gatehouse-position',
  'retry-after',
  'www-authenticate',
  'allow',
  'x-correlation-id',
];

/** Holds answers against what the document says of their route. */
export class AnswerChecker {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly compiled = new Map<object, ValidateFunction>();

  constructor(document: Document) {
    formats.default(this.ajv);
    this.ajv.addSchema({ $id: 'openapi', components: document.components });
  }

  /** What is wrong with the answer, each in words. */
  faults({ operation }: Route, request: FuzzedRequest, answer: Answered): string[] {
    const documented = operation.responses[answer.status];
    if (documented === undefined) return [`its status ${String(answer.status)} is not in the document`];
    return [
      ...(answer.status === 500 ? ['it failed: 500'] : []),
      ...headerFaults(documented, answer),
      ...this.bodyFaults(documented, answer),
      ...(answer.status === 400 ? namingFaults(request, answer) : []),
      ...(answer.status === 503 && answer.headers['retry-after'] === undefined ? ['503 without Retry-After'] : []),
    ];
  }

  private bodyFaults({ content = {} }: DocumentedAnswer, { headers, text }: Answered): string[] {
    const [type = ''] = String(headers['content-type'] ?? '').split(';', 1);
    const schema = content[type]?.schema;
    if (schema === undefined) return [`its content type ${type} is not in the document`];
    const validate = this.compiled.get(schema) ?? this.compile(schema);
    if (validate(JSON.parse(text))) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `its body is not as documented: ${instancePath} ${String(message)} ${JSON.stringify(params)}`,
    );
  }

  private compile(schema: object): ValidateFunction {
    const validate = this.ajv.compile(closed(schema) as object);
    this.compiled.set(schema, validate);
    return validate;
  }
}

/** Every header that the document requires, as it says; none of ours that it does not list. */
function headerFaults({ headers = {} }: DocumentedAnswer, answer: Answered): string[] {
  const listed = new Map(Object.entries(headers).map(([name, header]) => [name.toLowerCase(), header]));
  return [
    ...OWN_HEADERS.filter((name) => answer.headers[name] !== undefined && !listed.has(name)).map(
      (name) => `its header ${name} is not in the document`,
    ),
    ...[...listed].flatMap(([name, { required, schema }]) => {
      const value = answer.headers[name];
      if (value === undefined) return required === true ? [`its header ${name} is missing`] : [];
      const { pattern } = schema as { pattern?: string };
      return pattern === undefined || new RegExp(pattern).test(String(value))
        ? []
        : [`its header ${name} is not as documented: ${String(value)}`];
    }),
  ];
}

/** A malformed request is told which field it is, unless nothing of it could be read. */
function namingFaults({ readable, target }: FuzzedRequest, { text }: Answered): string[] {
  const { errors = [] } = JSON.parse(text) as { errors?: { pointer: string }[] };
  const faults = errors
    .filter(({ pointer }) => !/^(\/([^~/]|~[01])*)*$/u.test(pointer))
    .map(({ pointer }) => `not a JSON Pointer: ${pointer}`);
  const legible = readable && wellEncoded(target);
  return errors.length > 0 || !legible ? faults : ['it is malformed, and no field is named'];
}

function wellEncoded(target: string): boolean {
  try {
    decodeURIComponent(target.replaceAll('+', ' '));
    return true;
  } catch (error) {
    if (error instanceof URIError || (error as Error).name === 'URIError') return false;
    throw error;
  }
}

/** The schema, with no fields but those it names: what is sent and not documented is a fault as well. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [
      name,
      // A part of an intersection does not know the others' fields.
      name === 'allOf' || name === 'enum' || name === 'const'
        ? value
        : name === '$ref'
          ? `openapi${String(value)}`
          : closed(value),
    ]),
  );
  const open = 'additionalProperties' in schema || 'unevaluatedProperties' in schema || !('properties' in schema);
  return open ? inner : { ...inner, unevaluatedProperties: false };
}
