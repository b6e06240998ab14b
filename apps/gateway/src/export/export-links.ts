import { isResourceType, type OperationInteraction, type QueryParameter } from '#smart';
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/schema';
import { Sealed, type SealingKeys } from '../page-links/sealed.js';

/** An export that was begun at the FHIR server, or a file of it. */
const Place = Type.Object({
  /** What was exported: the system, all patients, or a group by its id. */
  level: Type.Union([Type.Literal('system'), Type.Literal('patient'), Type.Literal('group')]),
  group: Type.Optional(Type.String()),
  params: Type.Array(Type.Tuple([Type.String(), Type.String()])),
  /** Where the server tells how it stands, below its base. */
  status: Type.String(),
  /** Of a file: the type of what is in it, and which file of that type it is; all of them when that is absent. */
  file: Type.Optional(Type.Object({ type: Type.String(), index: Type.Optional(Type.Integer({ minimum: 0 })) })),
  /** Milliseconds since 1970. */
  expiresAt: Type.Integer(),
});
const place = Compile(Place);

/** An export that was begun: where the FHIR server keeps it. */
export type ExportPlace = Pick<Static<typeof Place>, 'status' | 'file'>;

/** The application that an export belongs to, under the approval with which it was begun. */
export interface ExportOwner {
  /** The id of the FHIR endpoint. */
  readonly endpoint: string;
  readonly applicationId: string;
  readonly approvalVersion: number | undefined;
}

/** A call of an export, at a level that there is. */
export type ExportCall = OperationInteraction;

/** The parameter that an address of an export consists of. */
export const JOB_PARAMETER = '_job';

/** How long an export can be asked for, in milliseconds. */
export const EXPORT_LIFE_MS = 24 * 3_600_000;

/**
 * Addresses of exports and their files: what is asked of the FHIR server stands sealed in them, for the application and the
 * approval that began the export, at its endpoint. What is asked is decided anew each time.
 */
export class ExportLinks {
  readonly #sealed: Sealed;

  constructor(
    keys: SealingKeys,
    private readonly now: () => number = Date.now,
  ) {
    this.#sealed = new Sealed(keys);
  }

  /** The value of `_job` that leads to an export, or to a file of it. */
  seal(call: ExportCall, at: ExportPlace, owner: ExportOwner, expiresAt = this.now() + EXPORT_LIFE_MS): string {
    const value: Static<typeof Place> = {
      level: call.level === 'system' ? 'system' : call.level === 'type' ? 'patient' : 'group',
      ...(call.level === 'instance' ? { group: call.id } : {}),
      params: call.params.map(({ name, value: text }): [string, string] => [name, text]),
      ...at,
      expiresAt,
    };
    return this.#sealed.seal(value, boundTo(owner));
  }

  /** What was sealed, as a call of this name; undefined when it was sealed for somebody else, is not ours, or has expired. */
  open(
    sealed: string,
    { name, via }: Pick<ExportCall, 'name' | 'via'>,
    owner: ExportOwner,
  ): { readonly interaction: ExportCall; readonly place: ExportPlace } | undefined {
    const value = this.#sealed.open(sealed, boundTo(owner));
    if (!place.Check(value) || value.expiresAt <= this.now()) return undefined;
    const { level, group, status, file } = value;
    // An address of a file is none of an export, and the other way round.
    if ((file !== undefined) !== (name === 'export-file')) return undefined;
    const pairs = value.params.map(([each, text]): QueryParameter => ({ name: each, value: text }));
    const others = pairs.filter((it) => it.name !== '_type');
    const params = file === undefined ? pairs : [...others, { name: '_type', value: file.type }];
    const found = { status, ...(file === undefined ? {} : { file }) };
    const call = { kind: 'operation', name, via, params } as const;
    if (level === 'system') return { interaction: { ...call, level: 'system' }, place: found };
    if (level === 'patient') return { interaction: { ...call, level: 'type', type: 'Patient' }, place: found };
    if (group === undefined || (file !== undefined && !isResourceType(file.type))) return undefined;
    return { interaction: { ...call, level: 'instance', type: 'Group', id: group }, place: found };
  }
}

function boundTo({ endpoint, applicationId, approvalVersion }: ExportOwner): readonly (string | number | null)[] {
  return ['gatehouse export 1', endpoint, applicationId, approvalVersion ?? null];
}
