/** A resource as the hostile server keeps it. */
export interface StoredResource {
  readonly resourceType: string;
  readonly id: string;
  readonly [element: string]: unknown;
}

/** One `name=value`, decoded. */
export type SearchPair = readonly [name: string, value: string];

/** What stands at a path of plain elements. */
function at(value: unknown, path: string): readonly unknown[] {
  return path.split('.').reduce<readonly unknown[]>(
    (values, name) =>
      values.flatMap((each) => {
        const below: unknown = typeof each === 'object' && each !== null ? Reflect.get(each, name) : undefined;
        return below === undefined ? [] : below;
      }),
    [value],
  );
}

/** The search parameters that this server knows, with where they look. It drops all others. */
const known: Readonly<Record<string, string>> = {
  _id: 'id',
  author: 'author.reference',
  beneficiary: 'beneficiary.reference',
  category: 'category.coding',
  code: 'code.coding',
  encounter: 'encounter.reference',
  'has-member': 'hasMember.reference',
  medication: 'medicationReference.reference',
  patient: 'subject.reference|patient.reference|beneficiary.reference',
  performer: 'performer.reference',
  requester: 'requester.reference',
  status: 'status',
  subject: 'subject.reference',
  target: 'target.reference',
};

export function referencesBy(resource: StoredResource, code: string): readonly string[] {
  return (known[code] ?? '')
    .split('|')
    .flatMap((path) => at(resource, path))
    .filter((it) => typeof it === 'string')
    .map((reference) => reference.split('/').slice(-2).join('/'));
}

/** Whether a resource is found. What is not known, or has no value, is dropped: everything is found by it. */
export function isFoundBy(resource: StoredResource, [name, value]: SearchPair): boolean {
  const [code = ''] = name.split(/[:.]/);
  const path = known[code];
  if (path === undefined || value === '' || name.endsWith(':missing') || name.includes('.')) return true;
  const found = path.split('|').flatMap((each) => at(resource, each));
  return value.split(',').some((asked) => found.some((it) => isOne(it, asked)));
}

function isOne(found: unknown, asked: string): boolean {
  if (typeof found === 'string') {
    // A reference to another server with that id is taken for the own resource.
    return found === asked || found.split('/').at(-1) === asked.split('/').at(-1);
  }
  const [system, code] = asked.includes('|') ? asked.split('|') : [undefined, asked];
  const { system: foundSystem, code: foundCode } = found as { readonly system?: string; readonly code?: string };
  return (code === '' || foundCode === code) && (system === undefined || (foundSystem ?? '') === system);
}
