import fc from 'fast-check';
import { type Document, resolved, type Schema } from './document.js';
import { type Json, wildText } from './wild.js';

/** Values that a schema of the document allows, as far as its keywords go; patterns are left to chance. */
export function valueOf(document: Document, schema: Schema): fc.Arbitrary<Json> {
  const { enum: values, type, allOf, properties = {}, required = [], items, ...limits } = resolved(document, schema);
  const [only] = allOf ?? [];
  if (only !== undefined) return valueOf(document, only);
  if (values !== undefined) return fc.constantFrom(...values);
  switch (type) {
    case 'integer':
      return fc.integer({ min: limits.minimum ?? -10, max: limits.maximum ?? 1_000_000 });
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(items === undefined ? wildText : valueOf(document, items), {
        minLength: limits.minItems ?? 0,
        maxLength: Math.min(limits.maxItems ?? 3, 3),
      });
    case 'object':
      return fc.record(
        Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, valueOf(document, each)])),
        { requiredKeys: [...required] },
      );
    default:
      return textOf(limits);
  }
}

function textOf({ format, minLength = 0, maxLength = 60 }: Schema): fc.Arbitrary<string> {
  switch (format) {
    case 'uuid':
      return fc.oneof(
        fc.uuid(),
        fc.nat({ max: 9 }).map((n) => `{{applications:${String(n)}}}`),
      );
    case 'date-time':
      return fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-01-01') })
        .map((date) => date.toISOString());
    case 'email':
      return fc.constantFrom('a@example.org', "o'b+c@mail.example.org");
    case 'uri':
      return fc.constantFrom('https://app.example.org/a', 'https://app.example.org:8443/a?b=c');
    default:
      return fc.oneof(
        fc.string({ minLength, maxLength: Math.min(maxLength, 60) }),
        fc.constantFrom('system/Patient.rs', 'patient/*.cruds', 'TREAT', 'a'.repeat(Math.min(maxLength, 3000))),
        fc.constantFrom('patient-01', 'https://app.example.org/x', 'system/Observation.rs?category=vital-signs'),
      );
  }
}
