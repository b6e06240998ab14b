import { isObject, isResource, localReference } from '#smart';
import type { AskedService } from '../ask-rights/asked-service.js';
import { isWithin, type Span, spanOf } from './fhir-period.js';
import type { PatientRegister, Standing } from './patient-register.js';

/** The members of a Group, with the times at which they are. */
type Members = ReadonlyMap<string, readonly Span[]>;

/**
 * A register in FHIR Groups, one for each client, as payers keep attribution (Da Vinci Member Attribution; PDex, Member-Provider
 * Treatment Relationship Group). A Group may have a hundred thousand members, so that it is held for a while; when it
 * cannot be read anew after that, nobody is in it. Where it is an objection to be a member, silence is none: a client
 * without a Group, and a member who cannot be understood, are no answer.
 */
export class GroupRegister implements PatientRegister {
  readonly #held = new Map<string, { readonly members: Promise<Members>; readonly atMs: number }>();

  constructor(
    private readonly service: Pick<AskedService, 'ask' | 'unreadable' | 'close'>,
    private readonly options: {
      /** Base URLs by which the server names its own resources. */
      readonly bases: readonly string[];
      /** The id of the Group of each client; `*`: of every client, beside its own. */
      readonly groups: Readonly<Record<string, string>>;
      readonly heldMs: number;
      /** What it means to be a member. */
      readonly meaning: Exclude<Standing, 'nothing'>;
    },
    private readonly now: () => number = () => performance.now(),
  ) {}

  async says(patients: readonly string[], clientId: string): Promise<ReadonlyMap<string, Standing>> {
    const { groups, meaning } = this.options;
    const named = [clientId, '*'].flatMap((it) => (Object.hasOwn(groups, it) ? (groups[it] ?? []) : []));
    if (named.length === 0 && meaning === 'deny') throw this.service.unreadable('the client has no Group');
    const lists = await Promise.all([...new Set(named)].map(async (it) => await this.#membersOf(it)));
    const at = Date.now();
    const found = patients.filter((id) => lists.some((it) => it.get(id)?.some((span) => isWithin(span, at))));
    return new Map(found.map((id) => [id, meaning]));
  }

  async close(): Promise<void> {
    await this.service.close();
  }

  #membersOf(group: string): Promise<Members> {
    const held = this.#held.get(group);
    if (held && this.now() - held.atMs < this.options.heldMs) return held.members;
    const members = this.#read(group).catch((error: unknown) => {
      // Whoever asks next asks the server.
      this.#held.delete(group);
      throw error;
    });
    this.#held.set(group, { members, atMs: this.now() });
    return members;
  }

  async #read(group: string): Promise<Members> {
    const { json } = await this.service.ask({
      method: 'GET',
      target: `/Group/${group}`,
      accept: 'application/fhir+json',
    });
    if (!isResource(json) || json.resourceType !== 'Group' || json['id'] !== group)
      throw this.service.unreadable('it answered another resource than the Group');
    const { active = true, member = [], modifierExtension } = json;
    if (!Array.isArray(member)) throw this.service.unreadable('a Group without a list of members');
    const members = new Map<string, readonly Span[]>();
    const isObjection = this.options.meaning === 'deny';
    if (active !== true || modifierExtension !== undefined) {
      if (isObjection) throw this.service.unreadable('a Group that is not in use');
      return members;
    }
    for (const each of member as readonly unknown[]) {
      if (isObject(each) && each['inactive'] === true) continue;
      const found = memberIn(each, this.options.bases);
      if (found) members.set(found.id, [...(members.get(found.id) ?? []), found.span]);
      else if (isObjection) throw this.service.unreadable('a member who cannot be understood');
    }
    return members;
  }
}

/** A patient of this server who is a member, and when; undefined where it cannot be told. */
function memberIn(member: unknown, bases: readonly string[]): { readonly id: string; readonly span: Span } | undefined {
  if (!isObject(member) || member['modifierExtension'] !== undefined) return undefined;
  const { entity, period, inactive = false } = member;
  const named = localReference(entity, bases);
  const span = spanOf(period);
  return inactive === false && named?.type === 'Patient' && span ? { id: named.id, span } : undefined;
}
